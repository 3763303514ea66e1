// An answer file, read as one release of the installer reads it: unknown keys refuse the whole, as do values that its rules forbid.
// Knows no machine: which disks and ports are meant is found out later.

import { type Cidr, checkMail, type Fqdn, KEYBOARDS, type Locales, readAddress, readCidr, readFqdn } from './answer-values.ts';
import { type DiskSetup, readDiskSetup } from './disk-setup.ts';
import { atLeast } from './release.ts';
import { type Names, openSection, Refused, required, type Section } from './section.ts';
import { isTable, parseToml, type Table } from './toml-codec.ts';

export interface Answer {
  readonly global: Global;
  readonly network: Network;
  readonly disks: DiskSetup;
  readonly hook: Hook | null;
  readonly firstBoot: FirstBoot | null;
}

export interface Global {
  /** A name, or the domain to use where DHCP gives a host name alone; null: none. */
  readonly fqdn: Fqdn | { readonly fallbackDomain: string | null };
  readonly password: { readonly plain: string } | { readonly hashed: string };
  readonly sshKeys: readonly string[];
  readonly timezone: string;
  readonly rebootOnError: boolean;
  readonly rebootMode: 'reboot' | 'power-off';
}

export interface Network {
  /** Null: from DHCP. */
  readonly fixed: {
    readonly cidr: Cidr;
    readonly dns: string;
    readonly gateway: string;
    readonly filter: Readonly<Record<string, string>>;
  } | null;
  /** Null: names are not pinned. By MAC in lower case. */
  readonly pinning: ReadonlyMap<string, string> | null;
}

export interface Hook {
  readonly url: string;
  readonly fingerprint: string | null;
  readonly token: string | null;
}

export interface FirstBoot {
  /** Null: it is on the ISO. */
  readonly url: string | null;
  readonly fingerprint: string | null;
  readonly ordering: (typeof ORDERINGS)[number];
}

export const ORDERINGS = ['before-network', 'network-online', 'fully-up'] as const;

export interface Reader {
  readonly product: string;
  readonly release: string;
  readonly locales: Locales;
}

/** Throws Refused. */
export function readAnswer(text: string, form: 'toml' | 'json', reader: Reader): Answer {
  const whole = openSection('', parsed(text, form), namesIn(reader.release));
  const since = (release: string): boolean => atLeast(reader.release, release);
  const answer = {
    global: readGlobal(required(whole.table('global'), 'global'), reader),
    network: readNetwork(required(whole.table('network'), 'network'), reader),
    disks: readDiskSetup(required(whole.table('disk-setup'), 'disk-setup'), reader),
    hook: since('8.3') ? readHook(whole.table('post-installation-webhook'), reader) : null,
    firstBoot: since('8.3') ? readFirstBoot(whole.table('first-boot'), since('8.4')) : null,
  };
  whole.end();
  return answer;
}

/** Since 8.4 keys are written with hyphens; those that were there before keep their old form besides. */
const BOTH_FORMS = new Set(
  `root-password root-password-hashed root-ssh-keys reboot-on-error reboot-mode disk-list filter-match arc-max cert-fingerprint
  subscription-key auth-token`.split(/\s+/),
);

function namesIn(release: string): Names {
  return (key) => {
    if (key === 'first-boot-cert-fingerprint') return ['cert-fingerprint'];
    if (!BOTH_FORMS.has(key)) return [key];
    const old = key.replaceAll('-', '_');
    return atLeast(release, '8.4') ? [key, old] : [old];
  };
}

function parsed(text: string, form: 'toml' | 'json'): Table {
  try {
    const value: unknown = form === 'json' ? JSON.parse(text) : parseToml(text);
    if (isTable(value)) return value;
    throw new Error('it is no table');
  } catch (thrown) {
    throw new Refused(`the answer is no ${form.toUpperCase()}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

const SUBSCRIPTION = /^(?:pve\d+|pbs|pmg)[cbsp]-[0-9a-f]{10}$/;

function readGlobal(section: Section, { release, product, locales }: Reader): Global {
  const since = (wanted: string): boolean => atLeast(release, wanted);
  const keyboard = required(section.string('keyboard'), 'global.keyboard');
  if (!KEYBOARDS.includes(keyboard)) throw new Refused(`global.keyboard: unknown variant ${keyboard}`);
  const country = required(section.string('country'), 'global.country');
  if (!locales.countries.has(country)) throw new Refused(`global.country: country code ${country} is not valid`);
  const timezone = required(section.string('timezone'), 'global.timezone');
  if (timezone !== 'UTC' && !locales.zones.has(timezone)) throw new Refused(`global.timezone: timezone ${timezone} is not valid`);
  checkMail(required(section.string('mailto'), 'global.mailto'));
  const key = since('9.2') ? section.string('subscription-key') : undefined;
  if (key !== undefined && !SUBSCRIPTION.test(key)) throw new Refused('global.subscription-key: this is no subscription key');
  const global = {
    fqdn: readName(section, since('8.4')),
    password: readPassword(section, { isHashedKnown: since('8.3'), least: since('8.4') ? 8 : 5, most: product === 'pdm' ? 64 : Infinity }),
    sshKeys: section.strings('root-ssh-keys') ?? [],
    timezone,
    rebootOnError: section.bool('reboot-on-error') ?? false,
    rebootMode: (since('8.4') ? section.word('reboot-mode', ['reboot', 'power-off']) : undefined) ?? 'reboot',
  };
  section.end();
  return global;
}

function readName(section: Section, isTableKnown: boolean): Global['fqdn'] {
  const value = required(section.raw('fqdn'), 'global.fqdn');
  if (typeof value === 'string') return readFqdn(value);
  if (!isTable(value) || !isTableKnown) throw new Refused('global.fqdn: this is no name');
  const table = openSection('global.fqdn', value, (key) => [key]);
  table.word('source', ['from-dhcp']);
  const fallbackDomain = table.string('domain') ?? null;
  table.end();
  return { fallbackDomain: fallbackDomain === '' ? null : fallbackDomain };
}

interface PasswordRules {
  readonly isHashedKnown: boolean;
  readonly least: number;
  readonly most: number;
}

function readPassword(section: Section, { isHashedKnown, least, most }: PasswordRules): Global['password'] {
  const plain = section.string('root-password');
  const hashed = isHashedKnown ? section.string('root-password-hashed') : undefined;
  if (plain !== undefined && hashed !== undefined)
    throw new Refused('global.root-password and global.root-password-hashed exclude each other');
  if (hashed !== undefined) return { hashed };
  if (plain === undefined) throw new Refused('one of global.root-password and global.root-password-hashed must be set');
  const bytes = Buffer.byteLength(plain);
  if (bytes < least || bytes > most) throw new Refused(`global.root-password: ${bytes} bytes, where ${least} to ${most} are allowed`);
  return { plain };
}

function readNetwork(section: Section, { release }: Reader): Network {
  const said = section.word('source', ['from-dhcp', 'from-answer']);
  const source = atLeast(release, '9.2') ? required(said, 'network.source') : (said ?? 'from-dhcp');
  const pinning = atLeast(release, '9.1') ? readPinning(section.table('interface-name-pinning')) : null;
  const fixed =
    source === 'from-dhcp'
      ? null
      : {
          cidr: readCidr(required(section.string('cidr'), 'network.cidr'), atLeast(release, '9.2')),
          dns: readAddress(required(section.string('dns'), 'network.dns'), 'network.dns'),
          gateway: readAddress(required(section.string('gateway'), 'network.gateway'), 'network.gateway'),
          filter: required(section.map('filter'), 'network.filter'),
        };
  section.end();
  if (fixed !== null && Object.keys(fixed.filter).length === 0) throw new Refused('network.filter: no filter defined');
  return { fixed, pinning };
}

/** With the number of a VLAN or alias, and no longer than the kernel's names are. */
const PORT_NAME = /^(?=.{2,15}$)[a-z][a-z0-9_]{1,14}(?:[:.]\d+)?$/i;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

function readPinning(section: Section | undefined): Network['pinning'] {
  if (section === undefined) return null;
  const isEnabled = required(section.bool('enabled'), 'network.interface-name-pinning.enabled');
  const mapping = Object.entries(section.map('mapping') ?? {});
  section.end();
  const names = new Set<string>();
  for (const [mac, name] of mapping) {
    if (!MAC.test(mac)) throw new Refused(`network.interface-name-pinning: ${mac} is no MAC address`);
    if (!PORT_NAME.test(name)) throw new Refused(`network.interface-name-pinning: "${name}" is no name of a port`);
    if (names.has(name)) throw new Refused(`network.interface-name-pinning: two ports would be ${name}`);
    names.add(name);
  }
  return isEnabled ? new Map(mapping.map(([mac, name]) => [mac.toLowerCase(), name])) : null;
}

function readHook(section: Section | undefined, { release }: Reader): Hook | null {
  if (section === undefined) return null;
  const hook = {
    url: readUrl(required(section.string('url'), 'post-installation-webhook.url')),
    fingerprint: section.string('cert-fingerprint') ?? null,
    token: (atLeast(release, '9.2') ? section.string('auth-token') : undefined) ?? null,
  };
  section.end();
  return hook;
}

/** In 8.3 its fingerprint had the new form of key alone. */
function readFirstBoot(section: Section | undefined, isOldFormKnown: boolean): FirstBoot | null {
  if (section === undefined) return null;
  const source = required(section.word('source', ['from-url', 'from-iso']), 'first-boot.source');
  const url = section.string('url');
  const firstBoot = {
    url: source === 'from-url' ? readUrl(required(url, 'first-boot.url')) : null,
    fingerprint: section.string(isOldFormKnown ? 'cert-fingerprint' : 'first-boot-cert-fingerprint') ?? null,
    ordering: section.word('ordering', ORDERINGS) ?? 'fully-up',
  };
  section.end();
  return firstBoot;
}

function readUrl(text: string): string {
  if (!/^https?:\/\/[^/]\S*$/.test(text)) throw new Refused(`${text} is no URL`);
  return text;
}
