// Renders the iPXE scripts. A template sees only values that ipxe-text.ts made safe, and a missing one is an error.

import Handlebars from 'handlebars';
import type { MachineBoot } from '../boot.ts';
import { type OwnDisk, type OwnDiskStep, ownDiskSteps } from '../decide/own-disk-decide.ts';
import type { InstallerBoot } from '../installs.ts';
import { type IpxeSafe, ipxeEfiPath, ipxeLines, ipxeText, ipxeWord } from './ipxe-text.ts';

export const SCRIPT_NAMES = ['start', 'agent', 'install', 'own-disk', 'hold'] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

type Values = Readonly<Record<string, IpxeSafe | readonly IpxeSafe[]>>;
export type Render = (values: Values) => string;
export type Scripts = Readonly<Record<ScriptName, Render>>;

/** `read` gives a template's text by its name. Fails at start, not when a machine asks. */
export function compileScripts(read: (name: ScriptName) => string): Scripts {
  const compileOne = (name: ScriptName): Render => {
    // noEscape: HTML escaping would break URLs; the type IpxeSafe stands for the escaping that iPXE needs.
    const template = Handlebars.compile<Values>(read(name), { noEscape: true, strict: true, knownHelpersOnly: true });
    return (values) => template(values, { allowProtoPropertiesByDefault: false });
  };
  return {
    start: compileOne('start'),
    agent: compileOne('agent'),
    install: compileOne('install'),
    'own-disk': compileOne('own-disk'),
    hold: compileOne('hold'),
  };
}

/** What every screen says. */
export interface Message {
  readonly appliance: string;
  readonly bootUrl: string;
  readonly reason: string;
  readonly mac: string;
  /** The node's name, when it has one. */
  readonly name: string | null;
}

export interface AgentBoot extends Message {
  readonly kernel: string;
  readonly initrd: string;
  readonly apiUrl: string;
  readonly fingerprint: string;
  readonly secret: string;
  readonly console: readonly string[];
  /** What it means for the disks, in words. */
  readonly promise: string;
  /** Where the machine goes when the agent cannot be loaded: to its disk, unless that must not start. */
  readonly otherwise: 'own-disk' | 'hold';
}

export interface InstallBoot extends Message, InstallerBoot {}

/** How this machine gets to its disk; `platform` is iPXE's word, null where iPXE did not say it. */
export interface DiskWay {
  readonly ownDisk: OwnDisk;
  readonly platform: string | null;
}

export function renderMachine(scripts: Scripts, boot: MachineBoot): string {
  switch (boot.run) {
    case 'agent':
      return renderAgent(scripts, boot.agent, boot.disk);
    case 'installer':
      return renderInstall(scripts, boot.installer);
    case 'own-disk':
      return scripts['own-disk']({ ...screen(boot.message), disk: diskLines(boot.disk) });
    case 'hold':
      return scripts.hold(screen(boot.message));
  }
}

function renderAgent(scripts: Scripts, boot: AgentBoot, disk: DiskWay): string {
  const args = [
    `rackseed.url=${boot.apiUrl}`,
    `rackseed.fp=${boot.fingerprint}`,
    `rackseed.secret=${boot.secret}`,
    `rackseed.mac=${boot.mac}`,
    ...boot.console.map((name) => `console=${name}`),
  ].map((argument) => ipxeWord(argument, 'kernel argument'));
  return scripts.agent({
    ...screen(boot),
    promise: ipxeText(boot.promise),
    kernel: ipxeWord(boot.kernel, 'kernel name'),
    initrd: ipxeWord(boot.initrd, 'initrd name'),
    kernelArguments: args.join(' ') as IpxeSafe, // words, joined by the blank that separates kernel arguments
    // One of the two is empty.
    disk: boot.otherwise === 'own-disk' ? diskLines(disk) : [],
    hold: boot.otherwise === 'hold' ? [ipxeWord(`${boot.bootUrl}/boot/start.ipxe`, 'boot URL')] : [],
  });
}

/** As Proxmox's own `prepare-iso --pxe` has them; without `initrd=` an EFI stub of iPXE's older days finds no RAM system and panics. */
const INSTALLER_ARGUMENTS = [
  'ramdisk_size=16777216',
  'rw',
  'quiet',
  'initrd=initrd.img',
  'splash=silent',
  // Alone: the installer looks for exactly this word.
  'proxmox-start-auto-installer',
];

/**
 * The second image comes with a name of its own, which makes iPXE wrap it into a cpio member of that name behind the first, on BIOS and
 * UEFI (iPXE, core/cpio.c, interface/efi/efi_file.c since 2021): the installer's RAM system looks for /proxmox.iso in its root.
 */
function renderInstall(scripts: Scripts, boot: InstallBoot): string {
  const own = boot.console === null ? [] : [`console=tty0`, `console=${boot.console}`];
  const args = [...INSTALLER_ARGUMENTS, ...own].map((argument) => ipxeWord(argument, 'kernel argument'));
  return scripts.install({
    ...screen(boot),
    title: ipxeText(boot.title, 40),
    size: ipxeText(`${Math.ceil(boot.bytes / 1e6)} MB`),
    bootId: ipxeWord(boot.bootId, 'boot id'),
    kernelArguments: args.join(' ') as IpxeSafe, // words, joined by the blank that separates kernel arguments
  });
}

/** For machines that we could not tell apart: each platform has its own way to the disk. */
export function renderStart(
  scripts: Scripts,
  start: { readonly appliance: string; readonly bootUrl: string; readonly ownDisk: OwnDisk },
): string {
  const { appliance, bootUrl, ownDisk } = start;
  return scripts.start({
    appliance: ipxeText(appliance),
    bootUrl: ipxeWord(bootUrl, 'boot URL'),
    bios: diskLines({ ownDisk, platform: 'pcbios' }),
    efi: diskLines({ ownDisk, platform: 'efi' }),
  });
}

function screen({ appliance, bootUrl, reason, mac, name }: Message): Values {
  const address = ipxeWord(mac, 'MAC');
  return {
    appliance: ipxeText(appliance),
    bootUrl: ipxeWord(bootUrl, 'boot URL'),
    reason: ipxeLines(reason),
    mac: address,
    who: name === null ? address : (`${ipxeText(name, 40)} (${address})` as IpxeSafe), // both are safe, and so are blank and brackets
  };
}

/** Each step but the last is tried, whatever came of those before it. */
function diskLines({ ownDisk, platform }: DiskWay): readonly IpxeSafe[] {
  return ownDiskSteps(ownDisk, platform).map(diskLine);
}

function diskLine(step: OwnDiskStep): IpxeSafe {
  switch (step.step) {
    case 'start-drive':
      return `sanboot --no-describe --drive ${ipxeWord(step.drive, 'drive')} ||` as IpxeSafe; // fixed words around a safe one
    case 'start-loader':
      return `sanboot --no-describe --drive 0 --filename ${ipxeEfiPath(step.path)} ||` as IpxeSafe; // the same
    case 'exit':
      return 'exit 1' as IpxeSafe; // a failure, so that the firmware tries its next entry (UEFI 2.10 §3.1.2)
  }
}
