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
  /** As printed on it, for people. */
  readonly title: string;
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
  const ambiguous = read.map((disk) => read.filter((other) => isSameDisk(disk, other)).length > 1);
  return read.map((disk, at) => ({ ...disk, isAmbiguous: ambiguous[at] === true })).sort(bySizeThenName);
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

/** What a person names it by when they say yes to it; null: it has no name. */
export function nameOf({ serial, wwn, byPath }: Pick<DiskFacts, 'serial' | 'wwn' | 'byPath'>): string | null {
  return serial ?? wwn ?? byPath;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal, as disks are sold. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit] ?? ''}`;
}

function readDisk(disk: Readonly<Record<string, unknown>>, contents: ReadonlyMap<string, DiskContents>): Omit<DiskFacts, 'isAmbiguous'> {
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
    title: titleOf(names, size),
  };
}

function titleOf({ model, serial, wwn, byPath }: Pick<DiskFacts, 'model' | 'serial' | 'wwn' | 'byPath'>, size: number): string {
  const printed = serial === null ? (wwn === null ? `no serial, at ${byPath ?? 'an unknown slot'}` : `WWN ${wwn}`) : `serial ${serial}`;
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
