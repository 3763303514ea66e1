// Every key of an answer file: what it takes, since which version of the installer, and how it was spelt when. Data; the rules that look
// at several keys, or into a text, are in rules-*.ts.

import type { Version } from './releases.ts';

export type Kind = 'section' | 'text' | 'bool' | 'integer' | 'number' | 'texts' | 'globs' | 'names' | 'fqdn';

export interface KeySpec {
  /** "disk-setup.zfs.arc-max" */
  readonly key: string;
  readonly kind: Kind;
  readonly since: Version;
  /** Whatever else the file says. A key of a section is missed only where the section stands. */
  readonly isRequired?: true;
  readonly words?: readonly string[];
  /** Words that are as good, written otherwise. */
  readonly otherWords?: { readonly since: Version; readonly words: readonly string[] };
  readonly min?: number;
  readonly max?: number;
  /** What it is, for a message: "GiB". */
  readonly unit?: string;
  readonly spelling?: Spelling;
  readonly hint?: string;
}

/** Keys of several words: until 8.4 with "_" only, from then on with "-", and the old way still read. */
interface Spelling {
  readonly kebabSince: Version;
  /** Null: never. */
  readonly snakeSince: Version | null;
}

const OLD: Spelling = { kebabSince: '8.4.0', snakeSince: '8.2.0' };
const BOTH: Spelling = { kebabSince: '8.4.0', snakeSince: '8.4.0' };
/** The one key that had "-" from its first day. */
const NEW_FIRST: Spelling = { kebabSince: '8.3.0', snakeSince: '8.4.0' };
const KEBAB: Spelling = { kebabSince: '8.2.0', snakeSince: null };

export const KEYBOARDS = 'de de-ch dk en-gb en-us es fi fr fr-be fr-ca fr-ch hu is it jp lt mk nl no pl pt pt-br se si tr'.split(' ');

const RAID = ['raid0', 'raid1', 'raid10'];
const RAIDZ = [...RAID, 'raidz-1', 'raidz-2', 'raidz-3'];
const upper = (words: readonly string[]) => ({ since: '8.3.3', words: words.map((word) => word.toUpperCase()) });

const GIB = 'GiB';
/** Below it the partitioning stops; below 8 GiB it asks, and nobody answers. */
const DISK = { kind: 'number', since: '8.2.0', min: 8, unit: GIB } as const;

export const SCHEMA: readonly KeySpec[] = [
  { key: 'global', kind: 'section', since: '8.2.0', isRequired: true },
  { key: 'global.keyboard', kind: 'text', since: '8.2.0', isRequired: true, words: KEYBOARDS },
  { key: 'global.country', kind: 'text', since: '8.2.0', isRequired: true, hint: 'two small letters, such as "at"' },
  { key: 'global.fqdn', kind: 'fqdn', since: '8.2.0', isRequired: true, hint: 'a name with a domain, such as "node1.example.com"' },
  { key: 'global.fqdn.source', kind: 'text', since: '8.4.3', words: ['from-dhcp'] },
  { key: 'global.fqdn.domain', kind: 'text', since: '8.4.3' },
  { key: 'global.mailto', kind: 'text', since: '8.2.0', isRequired: true, hint: 'an e-mail address' },
  { key: 'global.timezone', kind: 'text', since: '8.2.0', isRequired: true, hint: 'a zone such as "Europe/Vienna", or "UTC"' },
  { key: 'global.root-password', kind: 'text', since: '8.2.0', spelling: OLD },
  { key: 'global.root-password-hashed', kind: 'text', since: '8.2.7', spelling: OLD },
  { key: 'global.root-ssh-keys', kind: 'texts', since: '8.2.0', spelling: OLD },
  { key: 'global.reboot-on-error', kind: 'bool', since: '8.2.0', spelling: OLD },
  { key: 'global.reboot-mode', kind: 'text', since: '8.4.3', words: ['reboot', 'power-off'], spelling: BOTH },
  { key: 'global.subscription-key', kind: 'text', since: '9.2.0', spelling: BOTH },

  { key: 'network', kind: 'section', since: '8.2.0', isRequired: true },
  { key: 'network.source', kind: 'text', since: '8.2.0', words: ['from-dhcp', 'from-answer'] },
  { key: 'network.cidr', kind: 'text', since: '8.2.0', hint: 'an address with its prefix, such as "10.0.0.11/24"' },
  { key: 'network.dns', kind: 'text', since: '8.2.0', hint: 'one address' },
  { key: 'network.gateway', kind: 'text', since: '8.2.0', hint: 'one address' },
  { key: 'network.filter', kind: 'globs', since: '8.2.0' },
  { key: 'network.interface-name-pinning', kind: 'section', since: '9.1.0', spelling: KEBAB },
  { key: 'network.interface-name-pinning.enabled', kind: 'bool', since: '9.1.0', isRequired: true },
  { key: 'network.interface-name-pinning.mapping', kind: 'names', since: '9.1.0' },

  { key: 'disk-setup', kind: 'section', since: '8.2.0', isRequired: true, spelling: KEBAB },
  { key: 'disk-setup.filesystem', kind: 'text', since: '8.2.0', isRequired: true, words: ['ext4', 'xfs', 'zfs', 'btrfs'] },
  { key: 'disk-setup.disk-list', kind: 'texts', since: '8.2.0', spelling: OLD },
  { key: 'disk-setup.filter', kind: 'globs', since: '8.2.0' },
  { key: 'disk-setup.filter-match', kind: 'text', since: '8.2.0', words: ['any', 'all'], spelling: OLD },
  { key: 'disk-setup.zfs', kind: 'section', since: '8.2.0' },
  { key: 'disk-setup.zfs.raid', kind: 'text', since: '8.2.0', words: RAIDZ, otherWords: upper(RAIDZ) },
  { key: 'disk-setup.zfs.ashift', kind: 'integer', since: '8.2.0', min: 9, max: 16 },
  { key: 'disk-setup.zfs.arc-max', kind: 'integer', since: '8.2.0', min: 64, max: 2 ** 32 - 1, unit: 'MiB', spelling: OLD },
  { key: 'disk-setup.zfs.checksum', kind: 'text', since: '8.2.0', words: ['on', 'fletcher4', 'sha256'] },
  { key: 'disk-setup.zfs.compress', kind: 'text', since: '8.2.0', words: ['on', 'off', 'lzjb', 'lz4', 'zle', 'gzip', 'zstd'] },
  { key: 'disk-setup.zfs.copies', kind: 'integer', since: '8.2.0', min: 1, max: 3 },
  { key: 'disk-setup.zfs.hdsize', ...DISK },
  { key: 'disk-setup.lvm', kind: 'section', since: '8.2.0' },
  { key: 'disk-setup.lvm.hdsize', ...DISK },
  { key: 'disk-setup.lvm.swapsize', kind: 'number', since: '8.2.0', min: 0, unit: GIB },
  { key: 'disk-setup.lvm.maxroot', kind: 'number', since: '8.2.0', min: 2, unit: GIB },
  { key: 'disk-setup.lvm.maxvz', kind: 'number', since: '8.2.0', min: 0, unit: GIB },
  { key: 'disk-setup.lvm.minfree', kind: 'number', since: '8.2.0', min: 0, unit: GIB },
  { key: 'disk-setup.btrfs', kind: 'section', since: '8.2.0' },
  { key: 'disk-setup.btrfs.hdsize', ...DISK },
  { key: 'disk-setup.btrfs.raid', kind: 'text', since: '8.2.0', words: RAID, otherWords: upper(RAID) },
  { key: 'disk-setup.btrfs.compress', kind: 'text', since: '8.2.7', words: ['on', 'off', 'zlib', 'lzo', 'zstd'] },

  { key: 'post-installation-webhook', kind: 'section', since: '8.2.7', spelling: KEBAB },
  { key: 'post-installation-webhook.url', kind: 'text', since: '8.2.7', isRequired: true, hint: 'an address, such as "https://…"' },
  { key: 'post-installation-webhook.cert-fingerprint', kind: 'text', since: '8.2.7', spelling: OLD },
  { key: 'post-installation-webhook.auth-token', kind: 'text', since: '9.2.0', spelling: BOTH },

  { key: 'first-boot', kind: 'section', since: '8.3.0', spelling: KEBAB },
  { key: 'first-boot.source', kind: 'text', since: '8.3.0', isRequired: true, words: ['from-url', 'from-iso'] },
  { key: 'first-boot.ordering', kind: 'text', since: '8.3.0', words: ['before-network', 'network-online', 'fully-up'] },
  { key: 'first-boot.url', kind: 'text', since: '8.3.0', hint: 'an address, such as "https://…"' },
  { key: 'first-boot.cert-fingerprint', kind: 'text', since: '8.3.0', spelling: NEW_FIRST },
];

const BY_KEY: ReadonlyMap<string, KeySpec> = new Map(SCHEMA.map((spec) => [spec.key, spec]));

export function specOf(key: string): KeySpec | undefined {
  return BY_KEY.get(key);
}

/** Of one section ('' is the top), its direct keys. */
export function keysIn(section: string): readonly KeySpec[] {
  const prefix = section === '' ? '' : `${section}.`;
  return SCHEMA.filter(({ key }) => key.startsWith(prefix) && key !== section && !key.slice(prefix.length).includes('.'));
}

export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

export function snakeOf(name: string): string {
  return name.replaceAll('-', '_');
}
