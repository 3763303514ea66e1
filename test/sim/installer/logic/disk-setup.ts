// The section disk-setup of an answer. Knows no disk.

import { atLeast } from './release.ts';
import { Refused, required, type Section } from './section.ts';

const FILESYSTEMS = ['ext4', 'xfs', 'zfs', 'btrfs'] as const;

export interface DiskSetup {
  readonly filesystem: (typeof FILESYSTEMS)[number];
  /** Upper case; null for ext4 and xfs. */
  readonly raid: string | null;
  readonly selection: { readonly list: readonly string[] } | { readonly filter: Readonly<Record<string, string>> };
  readonly filterMatch: 'any' | 'all';
  /** GiB; null: the size of the first disk. */
  readonly hdsize: number | null;
}

const ZFS_RAID = ['RAID0', 'RAID1', 'RAID10', 'RAIDZ-1', 'RAIDZ-2', 'RAIDZ-3'];
const BTRFS_RAID = ['RAID0', 'RAID1', 'RAID10'];

interface Target {
  readonly product: string;
  readonly release: string;
}

export function readDiskSetup(section: Section, target: Target): DiskSetup {
  const filesystem = required(section.word('filesystem', FILESYSTEMS), 'disk-setup.filesystem');
  if (filesystem === 'btrfs' && target.product !== 'pve') throw new Refused('disk-setup.filesystem: btrfs is for Proxmox VE alone');
  const list = section.strings('disk-list') ?? [];
  const filter = section.map('filter');
  const filterMatch = section.word('filter-match', ['any', 'all']) ?? 'any';
  const options = { lvm: section.table('lvm'), zfs: section.table('zfs'), btrfs: section.table('btrfs') };
  section.end();
  if (list.length === 0 && filter === undefined) throw new Refused('disk-setup: need either disk-list or filter');
  const isFiltered = filter !== undefined && (Object.keys(filter).length > 0 || !atLeast(target.release, '9.0'));
  if (list.length > 0 && isFiltered) throw new Refused('disk-setup: can not use both disk-list and filter');
  const own = filesystem === 'zfs' || filesystem === 'btrfs' ? filesystem : 'lvm';
  const foreign = Object.entries(options).find(([name, given]) => name !== own && given !== undefined);
  if (foreign) throw new Refused(`disk-setup: ${foreign[0]} options beside ${filesystem}`);
  if (own === 'lvm' && list.length > 1) throw new Refused('disk-setup.disk-list: only one disk for ext4 and xfs');
  const { raid, hdsize } = READERS[own](options[own], target);
  return { filesystem, raid, selection: filter === undefined || list.length > 0 ? { list } : { filter }, filterMatch, hdsize };
}

type Options = Pick<DiskSetup, 'raid' | 'hdsize'>;

const READERS = { zfs: readZfs, btrfs: readBtrfs, lvm: readLvm } as const;

function readLvm(section: Section | undefined): Options {
  if (section === undefined) return { raid: null, hdsize: null };
  const sizes = ['hdsize', 'swapsize', 'maxroot', 'maxvz', 'minfree'].map((key) => [key, section.number(key)] as const);
  section.end();
  for (const [key, value] of sizes) if (value !== undefined && value < 0) throw new Refused(`disk-setup.lvm.${key}: below nothing`);
  const { hdsize, swapsize } = Object.fromEntries(sizes);
  if (hdsize !== undefined && swapsize !== undefined && swapsize > hdsize / 2)
    throw new Refused('disk-setup.lvm.swapsize: more than half of hdsize');
  return { raid: null, hdsize: hdsize ?? null };
}

function readZfs(section: Section | undefined, { release }: Target): Options {
  const options = required(section, 'disk-setup.zfs.raid');
  const raid = readRaid(options, ZFS_RAID, release);
  between(options.integer('ashift'), 9, 16, 'zfs.ashift');
  between(options.integer('arc-max'), 64, Infinity, 'zfs.arc-max');
  options.word('checksum', ['on', 'fletcher4', 'sha256']);
  options.word('compress', ['on', 'off', 'lzjb', 'lz4', 'zle', 'gzip', 'zstd']);
  between(options.integer('copies'), 1, 3, 'zfs.copies');
  const hdsize = options.number('hdsize') ?? null;
  between(hdsize ?? undefined, 2, Infinity, 'zfs.hdsize');
  options.end();
  return { raid, hdsize };
}

function readBtrfs(section: Section | undefined, { release }: Target): Options {
  const options = required(section, 'disk-setup.btrfs.raid');
  const raid = readRaid(options, BTRFS_RAID, release);
  const hdsize = options.number('hdsize') ?? null;
  if (atLeast(release, '8.3')) options.word('compress', ['on', 'off', 'zlib', 'lzo', 'zstd']);
  options.end();
  return { raid, hdsize };
}

function readRaid(section: Section, levels: readonly string[], release: string): string {
  const lower = levels.map((one) => one.toLowerCase());
  const words = atLeast(release, '8.3') ? [...lower, ...levels] : lower;
  return required(section.word('raid', words), 'the raid level').toUpperCase();
}

function between(value: number | undefined, least: number, most: number, key: string): void {
  if (value !== undefined && (value < least || value > most))
    throw new Refused(`disk-setup.${key}: ${value} is not in ${least} to ${most}`);
}
