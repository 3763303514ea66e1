// Which of Proxmox's repositories a machine shall have, against those that its files name: what to write, and what to switch off. Pure.

import { readSources, type Source, type Style, styleOf, withoutSources, writeSources } from './apt-sources-codec.ts';

export const CHANNELS = ['no-subscription', 'enterprise', 'test'] as const;
export type Channel = (typeof CHANNELS)[number];

export interface Wanted {
  readonly pve: Channel | 'leave';
  readonly ceph: Channel | 'leave' | 'none' | 'as-pve';
  /** Empty: those that are there. */
  readonly cephRelease: string;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface SourcesPlan {
  /** In the order in which they are written: ours first, so that no repository is away in between. */
  readonly writes: readonly SourceFile[];
  readonly plan: readonly string[];
  readonly words: string;
}

const FOLDER = '/etc/apt/sources.list.d';
const PVE = /^https?:\/\/[a-z0-9.-]+\.proxmox\.com\/debian\/(?:pve|ceph-([a-z]+))\/?$/i;
const SERVER = {
  enterprise: 'https://enterprise.proxmox.com',
  'no-subscription': 'http://download.proxmox.com',
  test: 'http://download.proxmox.com',
};
/** Where the installers of 8 and 9 put the key: apt trusts that of 8 for everything. */
const KEYS: Readonly<Record<string, string>> = { deb822: '/usr/share/keyrings/proxmox-archive-keyring.gpg' };

export function ownPath(style: Style): string {
  return `${FOLDER}/rackseed-proxmox.${style === 'deb822' ? 'sources' : 'list'}`;
}

export function planSources(files: readonly SourceFile[], wanted: Wanted, suite: string, style: Style): SourcesPlan {
  const own = ownPath(style);
  const enabled = files.flatMap(({ path, text }) => readSources(text, styleOf(path)).map((source) => ({ ...source, path })));
  const targets = targetsOf(wanted, suite, enabled);
  const isWanted = (source: Source): boolean => isForeign(source, wanted) || targets.some((one) => isSame(source, one));
  const isElsewhere = (one: Source): boolean => enabled.some((source) => source.path !== own && isWanted(source) && isSame(source, one));
  const missing = targets.filter((one) => !isElsewhere(one)).map((one) => ({ ...one, signedBy: KEYS[style] ?? null }));
  const ours = files.find(({ path }) => path === own)?.text ?? '';
  const text = missing.length === 0 ? '' : writeSources(missing, style);
  const others = files
    .filter(({ path }) => path !== own)
    .map((file) => ({ path: file.path, before: file.text, text: withoutSources(file.text, styleOf(file.path), isWanted) }))
    .filter((file) => file.text !== file.before);
  const gone = enabled.filter((source) => !isWanted(source));
  const come = targets.filter((one) => !enabled.some((source) => isSame(source, one)));
  return {
    writes: [...(text === ours ? [] : [{ path: own, text }]), ...others.map(({ path, text: now }) => ({ path, text: now }))],
    plan: [
      ...come.map((one) => `apt repository ${wordsOf(one)} comes into ${own}`),
      ...gone.map((one) => `apt repository ${wordsOf(one)} is switched off in ${one.path}`),
      ...(text !== ours && come.length + gone.length === 0 ? [`${own} names what no other file does`] : []),
    ],
    words: targets.length === 0 ? 'none of its own' : targets.map(wordsOf).join(', '),
  };
}

function targetsOf({ pve, ceph, cephRelease }: Wanted, suite: string, enabled: readonly Source[]): Source[] {
  const channel = ceph === 'as-pve' ? pve : ceph;
  const present = enabled.flatMap(({ uri }) => PVE.exec(uri)?.[1]?.toLowerCase() ?? []);
  const releases = cephRelease === '' ? [...new Set(present)] : [cephRelease];
  return [
    ...(pve === 'leave' ? [] : [{ uri: `${SERVER[pve]}/debian/pve`, suite, components: [`pve-${pve}`] }]),
    ...(channel === 'leave' || channel === 'none'
      ? []
      : releases.map((release) => ({ uri: `${SERVER[channel]}/debian/ceph-${release}`, suite, components: [channel] }))),
  ];
}

/** Not ours to judge: Debian's, other vendors', and what was told to be left. */
function isForeign({ uri }: Source, { pve, ceph }: Wanted): boolean {
  const found = PVE.exec(uri);
  if (found === null) return true;
  const isCeph = found[1] !== undefined;
  return isCeph ? ceph === 'leave' || (ceph === 'as-pve' && pve === 'leave') : pve === 'leave';
}

/** By http or https, with a slash behind or not. */
function isSame(a: Source, b: Source): boolean {
  const plain = ({ uri }: Source): string =>
    uri
      .replace(/^https?:/i, '')
      .replace(/\/$/, '')
      .toLowerCase();
  return plain(a) === plain(b) && a.suite === b.suite && a.components.toSorted().join(' ') === b.components.toSorted().join(' ');
}

function wordsOf({ uri, suite, components }: Source): string {
  return `${uri.replace(/^https?:\/\//, '')} ${suite} ${components.join(' ')}`;
}
