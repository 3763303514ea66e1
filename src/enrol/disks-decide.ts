// The disks of a machine as its last report has them: which there are, what is on each, and how each is told from the others. Pure. Reads
// leniently: OpenStack's agent reports the same lists with fewer fields, and an older agent of ours nothing of what is on a disk.

import { Value } from 'typebox/value';
import { contentItems, type DiskContents, DiskContentsSchema, type DiskRef } from '../inspect/index.ts';
import type { JsonObject } from '../nodes/index.ts';

export interface DiskFacts {
  /** In this boot only: never identify a disk by it. */
  readonly kernelName: string;
  readonly model: string | null;
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly size: number;
  readonly byPath: string | null;
  readonly rotational: boolean;
  /** Neither removable nor on USB nor read-only: where a system may go. */
  readonly isInternal: boolean;
  /** Undefined: nobody has read it. */
  readonly contents: DiskContents | undefined;
  /** As printed on it, for people; with more than its serial where another disk has that too. */
  readonly title: string;
  /** What a person says to mean this disk and no other of the machine; null: nothing does. */
  readonly name: string | null;
  /** What another one has is the same: nobody could say which of them is meant. */
  readonly isAmbiguous: boolean;
}

export interface Report {
  readonly inventory: JsonObject;
  readonly pluginData: JsonObject;
}

/** The smallest first, and the same order whatever the kernel calls them. */
export function disksOf({ inventory, pluginData }: Report): DiskFacts[] {
  const contents = contentsByName(pluginData);
  const read = records(inventory.disks).map((disk) => readDisk(disk, contents));
  const isOne = (printed: string): boolean => read.filter((other) => isPrintedOn(printed, other)).length === 1;
  return read
    .map((disk) => {
      const isAmbiguous = read.filter((other) => isSameDisk(disk, other)).length > 1;
      return { ...disk, isAmbiguous, name: isAmbiguous ? null : nameOf(disk, isOne), title: titleOf(disk, isOne) };
    })
    .sort(bySizeThenName);
}

export type DiskIdentity = Pick<DiskFacts, 'serial' | 'wwn' | 'size' | 'byPath'>;

/** Is the disk the one that the reference names? As the agent decides it: by what is printed on it and its size; by its slot without print. */
export function isNamed(ref: DiskIdentity, disk: DiskIdentity): boolean {
  if (ref.size !== disk.size) return false;
  if (ref.serial !== null || ref.wwn !== null)
    return (ref.serial === null || ref.serial === disk.serial) && (ref.wwn === null || ref.wwn === disk.wwn);
  return disk.serial === null && disk.wwn === null && (ref.byPath === null || ref.byPath === disk.byPath);
}

/** `expects`: exactly what was found, or null where nobody could read it and somebody said yes all the same. */
export function refOf({ serial, wwn, size, byPath, title, contents }: DiskFacts): DiskRef {
  const expects = contents === undefined || contents.unread !== null ? null : contentItems(contents);
  return { serial, wwn, size, byPath, expects, title };
}

type Printed = Pick<DiskFacts, 'serial' | 'wwn' | 'byPath'>;

export function isPrintedOn(text: string, { serial, wwn, byPath }: Printed): boolean {
  return text === serial || text === wwn || text === byPath;
}

/**
 * The serial number belongs to the device, not to the disk: the namespaces of an NVMe drive, the LUNs of a RAID controller and those of a drive
 * with two actuators share it. Then it is no name. The slot names only what has nothing printed on it.
 */
function nameOf({ serial, wwn, byPath }: Printed, isOne: (printed: string) => boolean): string | null {
  const names = serial === null && wwn === null ? [byPath] : [serial, wwn];
  return names.find((one) => one !== null && isOne(one)) ?? null;
}

/** Why no yes can mean this disk and no other; null: its name does. */
export function namelessWhy({ name, serial, wwn, byPath }: Pick<DiskFacts, 'name'> & Printed): string | null {
  if (name !== null) return null;
  if (serial === null && wwn === null) return byPath === null ? 'it has no serial number' : 'it has no serial number, and shares its slot';
  const shared = serial === null ? 'its WWN' : wwn === null ? 'its serial number' : 'its serial number and its WWN';
  return `other disks of the machine have ${shared} too, so that no yes can mean it alone`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal, as disks are sold. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit] ?? ''}`;
}

type Read = Omit<DiskFacts, 'isAmbiguous' | 'name' | 'title'>;

function readDisk(disk: Readonly<Record<string, unknown>>, contents: ReadonlyMap<string, DiskContents>): Read {
  const kernelName = text(disk.name) ?? '';
  const names = { serial: text(disk.serial), wwn: text(disk.wwn), byPath: text(disk.by_path), model: text(disk.model) };
  const size = typeof disk.size === 'number' && Number.isSafeInteger(disk.size) && disk.size >= 0 ? disk.size : 0;
  const isInternal = disk.removable !== true && disk.read_only !== true && text(disk.transport) !== 'usb';
  const found = contents.get(kernelName);
  return {
    kernelName,
    ...names,
    size,
    rotational: disk.rotational === true,
    isInternal,
    // Of another disk that had the name before: then nobody has read this one.
    contents: found !== undefined && found.size === size && found.serial === names.serial ? found : undefined,
  };
}

function titleOf({ model, serial, wwn, byPath, size }: Read, isOne: (printed: string) => boolean): string {
  const slot = `at ${byPath ?? 'an unknown slot'}`;
  const beside = wwn === null ? slot : `WWN ${wwn}`;
  const printed =
    serial === null ? (wwn === null ? `no serial, ${slot}` : beside) : `serial ${serial}${isOne(serial) ? '' : `, ${beside}`}`;
  return `${model ?? 'disk'}, ${sizeText(size)} (${printed})`.slice(0, 500);
}

function contentsByName(pluginData: JsonObject): Map<string, DiskContents> {
  const list: unknown = pluginData.disk_contents;
  const valid = Array.isArray(list) ? list.filter((one): one is DiskContents => Value.Check(DiskContentsSchema, one)) : [];
  return new Map(valid.map((one) => [one.name, one]));
}

function isSameDisk(a: DiskIdentity, b: DiskIdentity): boolean {
  return isNamed(a, b) || isNamed(b, a);
}

function bySizeThenName(a: DiskFacts, b: DiskFacts): number {
  const key = ({ serial, wwn, byPath, kernelName }: DiskFacts): string => `${serial ?? ''}\n${wwn ?? ''}\n${byPath ?? ''}\n${kernelName}`;
  return a.size - b.size || (key(a) < key(b) ? -1 : 1);
}

export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
