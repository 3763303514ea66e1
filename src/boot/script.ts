// Renders the iPXE scripts. A template sees only values that ipxe-text.ts made safe, and a missing one is an error.

import Handlebars from 'handlebars';
import type { MachineBoot } from './boot.ts';
import { type IpxeSafe, ipxeText, ipxeWord } from './ipxe-text.ts';

export const SCRIPT_NAMES = ['start', 'agent', 'own-disk', 'hold'] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

export type Render = (values: Readonly<Record<string, IpxeSafe>>) => string;
export type Scripts = Readonly<Record<ScriptName, Render>>;

/** `read` gives a template's text by its name. Fails at start, not when a machine asks. */
export function compileScripts(read: (name: ScriptName) => string): Scripts {
  const compileOne = (name: ScriptName): Render => {
    // noEscape: HTML escaping would break URLs; the type IpxeSafe stands for the escaping that iPXE needs.
    const template = Handlebars.compile<Readonly<Record<string, IpxeSafe>>>(read(name), {
      noEscape: true,
      strict: true,
      knownHelpersOnly: true,
    });
    return (values) => template(values, { allowProtoPropertiesByDefault: false });
  };
  return { start: compileOne('start'), agent: compileOne('agent'), 'own-disk': compileOne('own-disk'), hold: compileOne('hold') };
}

export interface AgentBoot {
  readonly appliance: string;
  readonly bootUrl: string;
  readonly reason: string;
  readonly mac: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly apiUrl: string;
  readonly fingerprint: string;
  readonly secret: string;
  readonly console: readonly string[];
}

export function renderMachine(scripts: Scripts, boot: MachineBoot): string {
  return boot.run === 'agent' ? renderAgent(scripts, boot.agent) : renderMessage(scripts, boot.run, boot.message);
}

export function renderAgent(scripts: Scripts, boot: AgentBoot): string {
  const args = [
    `rackseed.url=${boot.apiUrl}`,
    `rackseed.fp=${boot.fingerprint}`,
    `rackseed.secret=${boot.secret}`,
    `rackseed.mac=${boot.mac}`,
    ...boot.console.map((name) => `console=${name}`),
  ].map((argument) => ipxeWord(argument, 'kernel argument'));
  return scripts.agent({
    appliance: ipxeText(boot.appliance),
    bootUrl: ipxeWord(boot.bootUrl, 'boot URL'),
    reason: ipxeText(boot.reason),
    mac: ipxeWord(boot.mac, 'MAC'),
    kernel: ipxeWord(boot.kernel, 'kernel name'),
    initrd: ipxeWord(boot.initrd, 'initrd name'),
    kernelArguments: args.join(' ') as IpxeSafe, // words, joined by the blank that separates kernel arguments
  });
}

export function renderStart(scripts: Scripts, { appliance, bootUrl }: { readonly appliance: string; readonly bootUrl: string }): string {
  return scripts.start({ appliance: ipxeText(appliance), bootUrl: ipxeWord(bootUrl, 'boot URL') });
}

export interface Message {
  readonly appliance: string;
  readonly bootUrl: string;
  readonly reason: string;
  readonly mac: string;
}

export function renderMessage(scripts: Scripts, name: 'own-disk' | 'hold', message: Message): string {
  return scripts[name]({
    appliance: ipxeText(message.appliance),
    bootUrl: ipxeWord(message.bootUrl, 'boot URL'),
    reason: ipxeText(message.reason),
    mac: ipxeWord(message.mac, 'MAC'),
  });
}
