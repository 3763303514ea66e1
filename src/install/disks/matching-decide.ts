// How Proxmox's installer finds disks and the network port of an answer, as its source has it (pve-installer 9.2.7: proxmox-auto-installer,
// utils.rs; Proxmox/Sys/Block.pm, hd_list; Proxmox/Sys/Net.pm, query_netdevs). Pure. Knows nothing of what it ought to find.

import type { JsonObject, JsonValue } from '../../nodes/index.ts';
import type { Filesystem, RaidLevel, UdevDevices } from '../seam.ts';
import { fitsPattern, type Pattern, parseGlob } from './glob-decide.ts';

export interface ListedDevice {
  /** The kernel's name of this boot: sda. */
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
}

export type Matched = { readonly selected: readonly string[] } | { readonly fault: string };

const PASSED_OVER = [/^ram\d+$/, /^loop\d+$/, /^md\d+$/, /^dm-/, /^fd\d+$/, /^sr\d+$/];

/** Why the installer does not even list a block device; null: it does. */
export function passedOverWhy({ name, properties }: ListedDevice): string | null {
  if (PASSED_OVER.some((pattern) => pattern.test(name))) return 'by its name it is no disk';
  if (properties.DEVTYPE !== 'disk') return 'udev does not call it a disk';
  if (Object.keys(properties).some((key) => key.startsWith('ID_CDROM'))) return 'it is an optical drive';
  return properties.ID_FS_TYPE?.startsWith('iso9660') === true ? 'a CD image is on it, as on the installer itself' : null;
}

/** In the order in which the installer numbers them: by name. */
export function listedDisks(block: UdevDevices): ListedDevice[] {
  return devicesOf(block).filter((device) => passedOverWhy(device) === null);
}

/** All but the loopback. */
export function listedPorts(net: UdevDevices): ListedDevice[] {
  return devicesOf(net).filter(({ name }) => name !== 'lo');
}

export function devicesOf(devices: UdevDevices): ListedDevice[] {
  const all = Object.entries(devices).map(([name, properties]) => ({ name, properties }));
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The numbers are sorted as texts: 0, 1, 10, 2. */
function inIndexOrder(disks: readonly ListedDevice[]): ListedDevice[] {
  const numbered = disks.map((disk, index) => ({ disk, index: String(index) }));
  return numbered.sort((a, b) => (a.index < b.index ? -1 : 1)).map(({ disk }) => disk);
}

export interface SelectAsk {
  readonly selection: JsonObject;
  readonly filesystem: Filesystem;
  readonly disks: readonly ListedDevice[];
}

/** What the answer's disk-setup selects, by the kernel's names and in the installer's order. */
export function selectDisks({ selection, filesystem, disks }: SelectAsk): Matched {
  const asked = readSelection(selection);
  if ('fault' in asked) return asked;
  const isSingle = filesystem === 'ext4' || filesystem === 'xfs';
  if ('list' in asked) return isSingle ? firstListed(asked.list, disks) : allListed(asked.list, disks);
  if (isSingle) return firstFitting(asked.filter, disks);
  return allFitting(asked.filter, asked.isAll, disks);
}

/** The port for the address of the answer. */
export function selectPort(filter: JsonObject, ports: readonly ListedDevice[]): Matched {
  const read = readFilter(filter);
  return 'fault' in read
    ? read
    : firstFitting(read, devicesOf(Object.fromEntries(ports.map(({ name, properties }) => [name, properties]))));
}

export interface Filter {
  readonly patterns: readonly { readonly key: string; readonly glob: string; readonly pattern: Pattern }[];
}

type Selection = { readonly list: readonly string[] } | { readonly filter: Filter; readonly isAll: boolean } | { readonly fault: string };

export function readSelection(selection: JsonObject): Selection {
  const { filter, 'disk-list': list, 'filter-match': match = 'any', ...others } = selection;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) return { fault: `${stranger} is no key of a selection of disks` };
  if ((filter === undefined) === (list === undefined)) return { fault: 'it must have either filter or disk-list' };
  if (match !== 'any' && match !== 'all') return { fault: 'filter-match is "any" or "all"' };
  if (list !== undefined) {
    if (!Array.isArray(list) || list.length === 0 || !list.every((one) => typeof one === 'string'))
      return { fault: 'disk-list must name at least one disk' };
    const names = list.filter((one) => typeof one === 'string');
    return new Set(names).size < names.length ? { fault: 'disk-list names a disk twice' } : { list: names };
  }
  if (!isTable(filter)) return { fault: 'filter must be a table' };
  const read = readFilter(filter);
  return 'fault' in read ? read : { filter: read, isAll: match === 'all' };
}

function isTable(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readFilter(filter: JsonObject): Filter | { readonly fault: string } {
  const patterns: Filter['patterns'][number][] = [];
  for (const [key, glob] of Object.entries(filter)) {
    if (typeof glob !== 'string') return { fault: `filter.${key} must be a text` };
    const pattern = parseGlob(glob);
    if ('fault' in pattern) return { fault: `filter.${key} is no pattern: ${pattern.fault}` };
    patterns.push({ key, glob, pattern });
  }
  return patterns.length === 0 ? { fault: 'the filter is empty' } : { patterns };
}

/** Is there a key whose value fits? */
export function fitsAny({ patterns }: Filter, { properties }: ListedDevice): boolean {
  return patterns.some(({ key, pattern }) => properties[key] !== undefined && fitsPattern(pattern, properties[key]));
}

/** A key that the device lacks does not count against it: that is how the installer has it. */
function fitsAllThatItHas({ patterns }: Filter, { properties }: ListedDevice): boolean {
  return patterns.every(({ key, pattern }) => properties[key] === undefined || fitsPattern(pattern, properties[key]));
}

function firstFitting(filter: Filter, devices: readonly ListedDevice[]): Matched {
  const found = inIndexOrder(devices).find((device) => fitsAny(filter, device));
  return found === undefined ? { fault: 'the filter fits no device' } : { selected: [found.name] };
}

function allFitting(filter: Filter, isAll: boolean, disks: readonly ListedDevice[]): Matched {
  const found = disks.filter((disk) => (isAll ? fitsAllThatItHas(filter, disk) : fitsAny(filter, disk)));
  return found.length === 0 ? { fault: 'the filter fits no disk' } : { selected: found.map(({ name }) => name) };
}

/** By the end of the path. Only the first of the list counts. */
function firstListed(list: readonly string[], disks: readonly ListedDevice[]): Matched {
  const found = byPathEnd(list[0] ?? '', disks);
  return found === undefined ? { fault: `there is no disk ${list[0]}` } : { selected: [found.name] };
}

/** Those that are not there are left out without a word. */
function allListed(list: readonly string[], disks: readonly ListedDevice[]): Matched {
  const found = new Set(list.flatMap((one) => byPathEnd(one, disks)?.name ?? []));
  const selected = disks.map(({ name }) => name).filter((name) => found.has(name));
  return selected.length === 0 ? { fault: 'none of the disks of disk-list is there' } : { selected };
}

function byPathEnd(ending: string, disks: readonly ListedDevice[]): ListedDevice | undefined {
  return inIndexOrder(disks).find(({ name, properties }) => (properties.DEVNAME ?? `/dev/${name}`).endsWith(ending));
}

export interface LaidOut {
  readonly title: string;
  readonly size: number;
  readonly sectorBytes: number | null;
}

const LEAST: Readonly<Record<RaidLevel, number>> = { single: 1, raid0: 1, raid1: 2, raid10: 4, 'raidz-1': 3, 'raidz-2': 4, 'raidz-3': 5 };

/** Why the installer would stop with these disks in whatever order it finds them (Proxmox/Install.pm, get_zfs_raid_setup). */
export function layoutFaults(disks: readonly LaidOut[], raid: RaidLevel, bootMode: 'bios' | 'uefi' | null): string[] {
  const faults: string[] = [];
  if (disks.length < LEAST[raid]) faults.push(`${raid} takes at least ${LEAST[raid]} disks, not ${disks.length}`);
  if (raid === 'raid10' && disks.length % 2 === 1) faults.push(`raid10 takes an even number of disks, not ${disks.length}`);
  if (raid === 'single' && disks.length > 1) faults.push(`single is one disk, not ${disks.length}`);
  const sizes = disks.map(({ size }) => size);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  if (!['single', 'raid0'].includes(raid) && most - least > least / 10)
    faults.push(`its disks differ by more than a tenth in size, which ${raid} does not take`);
  const wide = disks.filter(({ sectorBytes }) => sectorBytes === 4096).map(({ title }) => title);
  if (bootMode === 'bios' && wide.length > 0)
    faults.push(`${wide.join('; ')}: sectors of 4096 bytes (4Kn), from which Proxmox does not start by legacy BIOS`);
  return faults;
}
