// Renders what GRUB runs under Secure Boot. A template sees only values that grub-text.ts made safe, and a missing one is an error.

import Handlebars from 'handlebars';
import type { MachineBoot } from '../boot.ts';
import { ownDiskSteps } from '../decide/own-disk-decide.ts';
import { type GrubSafe, grubLines, grubText, grubWord } from './grub-text.ts';
import type { AgentBoot, DiskWay, Message } from './script.ts';

/** Of a node's name, so that its MAC stays on the screen. */
const NAME_MAX = 40;

export const GRUB_NAMES = ['start', 'agent', 'own-disk', 'hold', 'error'] as const;
export type GrubName = (typeof GRUB_NAMES)[number];

type Values = Readonly<Record<string, GrubSafe | readonly GrubSafe[] | true | null>>;
type Render = (values: Values) => string;
export type GrubScripts = Readonly<Record<GrubName, Render>>;

/** `read` gives a template's text by its name. Fails at start, not when a machine asks. */
export function compileGrub(read: (name: GrubName) => string): GrubScripts {
  const compileOne = (name: GrubName): Render => {
    // noEscape: HTML escaping would break URLs; the type GrubSafe stands for the escaping that GRUB needs.
    const template = Handlebars.compile<Values>(read(name), {
      noEscape: true,
      strict: true,
      knownHelpersOnly: true,
    });
    return (values) => template(values, { allowProtoPropertiesByDefault: false });
  };
  return {
    start: compileOne('start'),
    agent: compileOne('agent'),
    'own-disk': compileOne('own-disk'),
    hold: compileOne('hold'),
    error: compileOne('error'),
  };
}

/** The installer wants its ISO as a file in the root of its RAM system, and its kernel is signed by Proxmox alone, whom this shim does not trust. */
export const NO_INSTALLER_BY_GRUB =
  'its installer can only be loaded by iPXE: switch Secure Boot off in its firmware for the installation, then restart it';

/** How the agent learns that it was booted through this chain: a word of the kernel's command line. */
export const GRUB_CHAIN = 'rackseed.chain=shim-grub';

/** GRUB's name of a place that it reads over HTTP; its HTTP knows no TLS. */
export function grubHttp(bootUrl: string): string | undefined {
  const url = URL.parse(bootUrl);
  if (url === null || url.protocol !== 'http:') return undefined;
  return `(http,${url.host})${url.pathname.replace(/\/+$/, '')}`;
}

export interface GrubStart {
  /** Where /boot/grub/machine.cfg is. A port: on the machine that GRUB came from. Null: only TFTP has it. */
  readonly http: { readonly port: number } | { readonly bootUrl: string } | null;
  /** Whether TFTP is asked when HTTP does not answer. */
  readonly tftp: boolean;
  /** EFI loaders on the disks, first to last. */
  readonly ownDisk: readonly string[];
}

export function renderGrubStart(scripts: GrubScripts, start: GrubStart): string {
  return scripts.start({
    http: start.http === null ? null : startBase(start.http),
    tftp: start.tftp ? true : null,
    ownDisk: quotedList(start.ownDisk),
  });
}

function startBase(http: Exclude<GrubStart['http'], null>): GrubSafe | null {
  if ('port' in http) return `"(http,$net_default_server:${http.port})"` as GrubSafe; // a constant and a number; GRUB fills in its own variable
  const base = grubHttp(http.bootUrl);
  return base === undefined ? null : grubWord(base, 'boot URL');
}

export function renderGrubMachine(scripts: GrubScripts, boot: MachineBoot): string {
  switch (boot.run) {
    case 'agent':
      return renderGrubAgent(scripts, boot.agent, boot.disk);
    case 'installer':
      return scripts.hold(screen({ ...boot.installer, reason: NO_INSTALLER_BY_GRUB }));
    case 'own-disk':
      return scripts['own-disk']({ ...screen(boot.message), loaders: loadersOf(boot.disk) });
    case 'hold':
      return scripts.hold(screen(boot.message));
  }
}

export function renderGrubError(scripts: GrubScripts, error: { readonly appliance: string; readonly reason: string }): string {
  return scripts.error({ appliance: grubText(error.appliance), reason: grubLines(error.reason) });
}

function renderGrubAgent(scripts: GrubScripts, boot: AgentBoot, disk: DiskWay): string {
  const args = [
    `rackseed.url=${boot.apiUrl}`,
    `rackseed.fp=${boot.fingerprint}`,
    `rackseed.secret=${boot.secret}`,
    `rackseed.mac=${boot.mac}`,
    GRUB_CHAIN,
    ...boot.console.map((name) => `console=${name}`),
  ].map((argument) => grubWord(argument, 'kernel argument'));
  const http = grubHttp(boot.bootUrl);
  const overTftp = (name: string): string => `(tftp)/${name}`;
  const overHttp = (name: string): string => (http === undefined ? overTftp(name) : `${http}/boot/files/${name}`);
  return scripts.agent({
    ...screen(boot),
    promise: grubText(boot.promise),
    bootUrl: grubText(boot.bootUrl),
    kernelUrl: grubWord(overHttp(boot.kernel), 'kernel URL'),
    initrdUrl: grubWord(overHttp(boot.initrd), 'initrd URL'),
    kernelTftp: grubWord(overTftp(boot.kernel), 'kernel name'),
    initrdTftp: grubWord(overTftp(boot.initrd), 'initrd name'),
    kernelArguments: args.join(' ') as GrubSafe, // words, joined by the blank that separates kernel arguments
    otherwise: grubWord(boot.otherwise, 'what comes after a failure'),
    loaders: loadersOf(disk),
  });
}

function screen({ appliance, reason, mac, name }: Message): Values {
  return {
    appliance: grubText(appliance),
    reason: grubLines(reason),
    mac: grubText(mac),
    who: name === null ? grubText(mac) : grubText(`${name.slice(0, NAME_MAX)} (${mac})`),
  };
}

/** What GRUB looks for on the disks, as one value: blanks lie between. "exit" leaves it to the order of the first configuration. */
function loadersOf({ ownDisk }: DiskWay): GrubSafe {
  return quotedList(ownDiskSteps(ownDisk, 'efi').flatMap((step) => (step.step === 'start-loader' ? [step.path] : [])));
}

function quotedList(paths: readonly string[]): GrubSafe {
  const words = paths.map((path) => path.replaceAll('\\', '/'));
  for (const word of words) grubWord(word, 'EFI loader');
  return (words.length === 0 ? '' : `'${words.join(' ')}'`) as GrubSafe; // proven, and a blank has no meaning between quotes
}
