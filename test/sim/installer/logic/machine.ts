// The disks and ports of the machine as the live system sees them, and which of them an answer means: with every quirk of the real one.

import { glob } from './answer-values.ts';
import type { DiskSetup } from './disk-setup.ts';
import { Refused } from './section.ts';

export type Properties = Readonly<Record<string, string>>;

export interface Disk {
  /** Counted over the disks in the order of their names: "0", "1" … */
  readonly index: string;
  /** /dev/sda */
  readonly path: string;
  readonly bytes: number;
  readonly blockSize: number;
  readonly udev: Properties;
}

/** The `E:` lines of udevadm info. */
export function readUdev(text: string): Properties {
  const lines = text.split('\n').map((line) => /^E: ([^=]+)=(.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])));
}

export interface BlockDevice {
  readonly name: string;
  readonly sectors: number;
  readonly blockSize: number;
  /** What udevadm info says of it. */
  readonly udevText: string;
}

/** Which block devices count as disks, numbered. */
export function disksOf(devices: readonly BlockDevice[]): readonly Disk[] {
  return devices
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }) => !/^(?:ram|loop|md|fd|sr)\d+$|^dm-/.test(name))
    .map((device) => ({ ...device, udev: readUdev(device.udevText) }))
    .filter(({ udev, sectors }) => udev.DEVTYPE === 'disk' && sectors > 0 && !isMedium(udev))
    .map(({ name, sectors, blockSize, udev }, index) => ({
      index: String(index),
      path: `/dev/${name}`,
      bytes: sectors * 512,
      blockSize,
      udev,
    }));
}

function isMedium(udev: Properties): boolean {
  return Object.keys(udev).some((key) => key.startsWith('ID_CDROM')) || (udev.ID_FS_TYPE ?? '').startsWith('iso9660');
}

/** The chosen ones, by their numbers as words: "10" comes before "2". */
export function selectDisks(disks: readonly Disk[], setup: DiskSetup): readonly Disk[] {
  const chosen = setup.filesystem === 'ext4' || setup.filesystem === 'xfs' ? selectOne(disks, setup) : selectMany(disks, setup);
  if (chosen.length === 0) throw new Refused('no disks found matching selection');
  return chosen;
}

function selectOne(disks: readonly Disk[], { selection }: DiskSetup): readonly Disk[] {
  if ('list' in selection) return [byName(disks, selection.list[0] ?? '') ?? refuse(`disk ${selection.list[0]} not found`)];
  return [
    firstMatch(
      selection.filter,
      asWords(disks).map((disk) => [disk, disk.udev] as const),
    ),
  ];
}

function selectMany(disks: readonly Disk[], { selection, filterMatch }: DiskSetup): readonly Disk[] {
  if ('list' in selection) {
    const found = new Set(selection.list.flatMap((name) => byName(disks, name) ?? []));
    return asWords([...found]);
  }
  const patterns = patternsOf(selection.filter);
  const matching = asWords(disks).filter(({ udev }) => {
    const results = patterns.flatMap(([key, matches]) => (udev[key] === undefined ? [] : [matches(udev[key])]));
    return filterMatch === 'all' ? !results.includes(false) : results.includes(true);
  });
  return matching.length > 0 ? matching : refuse('filter did not match any devices');
}

/** The end of the path counts: "da" is sda, and what does not exist is passed over. */
function byName(disks: readonly Disk[], name: string): Disk | undefined {
  return disks.find(({ path }) => path.endsWith(name));
}

function asWords(disks: readonly Disk[]): readonly Disk[] {
  return disks.toSorted((a, b) => (a.index < b.index ? -1 : 1));
}

/** The first device of which any property matches. */
export function firstMatch<T>(filter: Readonly<Record<string, string>>, devices: readonly (readonly [T, Properties])[]): T {
  const patterns = patternsOf(filter);
  if (patterns.length === 0) throw new Refused('no filter defined');
  const found = devices.find(([, udev]) => patterns.some(([key, matches]) => udev[key] !== undefined && matches(udev[key])));
  return found === undefined ? refuse('filter did not match any device') : found[0];
}

function patternsOf(filter: Readonly<Record<string, string>>): readonly (readonly [string, (value: string) => boolean])[] {
  return Object.entries(filter).map(([key, pattern]) => [key, glob(pattern)] as const);
}

function refuse(why: string): never {
  throw new Refused(why);
}
