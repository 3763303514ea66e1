// How the chosen disks are told from all others for the installer: by the GUIDs of empty partition tables that are made up for this deployment,
// or, for one disk, by a serial number of its own. Writes nothing.

import { BugError, type Random } from '../../lib/index.ts';
import type { JsonObject } from '../../nodes/index.ts';
import type { DiskSelection, UdevDevices } from '../seam.ts';
import { escapeGlob } from './glob-decide.ts';
import { type MachineDisk, type Report, records, text } from './machine-decide.ts';
import { fitsAny, readFilter } from './matching-decide.ts';

const TRIES = 64;
const PREFIX_LENGTH = 8;

/** Every id of a partition table that is on the machine, as far as anybody looked. */
export function tableIds({ pluginData }: Pick<Report, 'pluginData'>, block: UdevDevices): readonly string[] {
  const seen = records(pluginData.disk_contents).map((one) => text(one.tableUuid));
  const known = Object.values(block).map((properties) => properties.ID_PART_TABLE_UUID ?? null);
  return [...new Set([...seen, ...known].flatMap((id) => (id === null ? [] : [id.toLowerCase()])))];
}

export interface StampAsk {
  readonly count: number;
  /** tableIds(report): none of them begins as the stamps do. An MBR's id has eight digits, as many as the beginning. */
  readonly taken: readonly string[];
  readonly random: Random;
}

/** One for each disk, in their order; all begin alike, and nothing else on the machine does. */
export function makeStamps({ count, taken, random }: StampAsk): DiskSelection & { readonly stamps: readonly string[] } {
  const prefix = freePrefix(taken, random);
  const stamps: string[] = [];
  while (stamps.length < count) {
    const guid = `${prefix}${random.uuid().toLowerCase().slice(PREFIX_LENGTH)}`;
    if (!stamps.includes(guid)) stamps.push(guid);
  }
  return { selection: { filter: { ID_PART_TABLE_UUID: `${prefix}-*` }, 'filter-match': 'any' }, stamps };
}

function freePrefix(taken: readonly string[], random: Random): string {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const prefix = random.bytes(PREFIX_LENGTH / 2).toString('hex');
    if (!/^0+$/.test(prefix) && !taken.some((id) => id.toLowerCase().startsWith(prefix))) return prefix;
  }
  // Chance does not do that: something gives the same numbers again and again.
  throw new BugError(`${TRIES} beginnings of disk ids in a row are taken on this machine`);
}

/** virtio has no short one. */
const SERIAL_KEYS = ['ID_SERIAL_SHORT', 'ID_SERIAL'] as const;

/** One disk by what is printed on it, where no other disk of the machine has that; else why not. */
export function serialSelection(disk: MachineDisk, block: UdevDevices): DiskSelection | { readonly refused: string } {
  const name = disk.kernelName.replace(/^\/dev\//, '');
  const properties = block[name];
  if (properties === undefined) return { refused: `udev's properties of ${disk.title} were not reported` };
  for (const key of SERIAL_KEYS) {
    const serial = properties[key];
    if (serial === undefined || serial.trim() === '') continue;
    const selection: JsonObject = { filter: { [key]: escapeGlob(serial) }, 'filter-match': 'any' };
    const filter = readFilter({ [key]: escapeGlob(serial) });
    const fits = Object.entries(block).filter(([other, its]) => 'patterns' in filter && fitsAny(filter, { name: other, properties: its }));
    if (fits.length === 1 && fits[0]?.[0] === name) return { selection, stamps: null };
  }
  return { refused: `${disk.title} has no serial number of its own by which the installer could be told of it` };
}

/** As the agent reports them beside the inventory; null: it did not. */
export function udevOf({ pluginData }: Pick<Report, 'pluginData'>): { readonly block: UdevDevices; readonly net: UdevDevices } | null {
  const facts = objectIn(pluginData.facts);
  const udev = objectIn(facts?.udev);
  if (udev === undefined) return null;
  return { block: devicesIn(udev.block), net: devicesIn(udev.net) };
}

function devicesIn(value: unknown): UdevDevices {
  const entries = Object.entries(objectIn(value) ?? {}).map(([name, properties]) => {
    const texts = Object.entries(objectIn(properties) ?? {}).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
    return [name, Object.fromEntries(texts)] as const;
  });
  return Object.fromEntries(entries);
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
