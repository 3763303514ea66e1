// Which disk gets the image: by Ironic's root device hints, or the smallest that is large enough; and whether it may. Pure. Hints and their
// operators are those of Ironic's documentation ("Specifying the disk for deployment (root device hints)").

import type { JsonObject, JsonValue } from '../../nodes/index.ts';
import { type DiskRef, exactly, isDiskOf, refOf, type SeenDisk, titleOfDisk } from './seen-disks.ts';

const GIB = 2 ** 30;
/** Ironic's, for a machine whose hints say nothing. */
const ROOT_MIN_BYTES = 4 * GIB;

export type RootChoice = { readonly disk: SeenDisk } | { readonly refused: string };

type Field = (disk: SeenDisk) => string | number | boolean | null;

const FIELDS: Readonly<Record<string, Field>> = {
  name: (disk) => disk.name,
  serial: (disk) => disk.serial,
  wwn: (disk) => disk.wwn,
  wwn_with_extension: (disk) => disk.wwnWithExtension,
  wwn_vendor_extension: (disk) => disk.wwnVendorExtension,
  model: (disk) => disk.model,
  vendor: (disk) => disk.vendor,
  hctl: (disk) => disk.hctl,
  by_path: (disk) => disk.byPath,
  rotational: (disk) => disk.isRotational,
  size: (disk) => Math.floor(disk.size / GIB),
};

/** In words, what is wrong with hints; null: nothing. */
export function hintsRefusal(hints: JsonValue | undefined): string | null {
  if (hints === undefined || hints === null) return null;
  if (typeof hints !== 'object' || Array.isArray(hints)) return 'root_device is no object of hints';
  for (const [name, value] of Object.entries(hints)) {
    const field = FIELDS[name];
    if (field === undefined || !Object.hasOwn(FIELDS, name))
      return `root_device has the hint ${name}; there are ${Object.keys(FIELDS).join(', ')}`;
    if (value === undefined) continue;
    const bad = matcherOf(name, value);
    if (typeof bad === 'string') return `root_device has the hint ${name} = ${JSON.stringify(value)}: ${bad}`;
  }
  return null;
}

export interface RootWanted {
  readonly hints: JsonObject | undefined;
  /** Disks that a plan names: without hints one of them, and with several that fit the one that is theirs. */
  readonly plan: readonly Pick<DiskRef, 'serial' | 'wwn' | 'size' | 'byPath'>[];
}

export function chooseRootDisk(disks: readonly SeenDisk[], { hints = {}, plan }: RootWanted): RootChoice {
  const refusal = hintsRefusal(hints);
  if (refusal !== null) return { refused: refusal };
  const isPlanned = (disk: SeenDisk): boolean => plan.some((ref) => isDiskOf(ref, disk));
  const usable = disks.filter((disk) => !disk.isReadOnly);
  const isHinted = Object.keys(hints).length > 0;
  const fits = isHinted ? usable.filter((disk) => fitsAll(disk, hints)) : smallest(usable, isPlanned);
  const [only, ...others] = fits.length > 1 && fits.some(isPlanned) ? fits.filter(isPlanned) : fits;
  const why = isHinted ? `the root device hints ${JSON.stringify(hints)}` : 'the smallest disk of at least 4 GiB';
  if (only === undefined) return { refused: `no disk of this machine is ${isHinted ? `what ${why} ask for` : why}; ${listed(disks)}` };
  if (others.length === 0) return { disk: only };
  return {
    refused: `${others.length + 1} disks are ${isHinted ? `what ${why} ask for` : why}: ${[only, ...others].map(named).join('; ')}`,
  };
}

/** All that are equally small: then nobody knows which is meant. */
function smallest(disks: readonly SeenDisk[], isPlanned: (disk: SeenDisk) => boolean): SeenDisk[] {
  const large = disks.filter(({ size, isRemovable }) => size >= ROOT_MIN_BYTES && !isRemovable);
  const pool = large.some(isPlanned) ? large.filter(isPlanned) : large;
  const least = Math.min(...pool.map(({ size }) => size));
  return pool.filter(({ size }) => size === least);
}

function fitsAll(disk: SeenDisk, hints: JsonObject): boolean {
  return Object.entries(hints).every(([name, wanted]) => {
    const value = FIELDS[name]?.(disk);
    if (wanted === undefined || value === undefined || value === null) return false;
    const matches = matcherOf(name, wanted);
    return typeof matches !== 'string' && matches(value);
  });
}

type Matcher = (value: string | number | boolean) => boolean;

/** A text is what is wrong with the hint. */
function matcherOf(name: string, wanted: JsonValue): Matcher | string {
  if (name === 'rotational') {
    const flag = typeof wanted === 'boolean' ? wanted : flagIn(wanted);
    return flag === undefined ? 'it is neither true nor false' : (value) => value === flag;
  }
  if (typeof wanted !== 'string' && typeof wanted !== 'number') return 'it is neither a text nor a number';
  const { operator, operand } = operatorIn(String(wanted).trim(), name === 'size' ? '==' : 's==');
  if (operator === '<or>') {
    const any = operand.split('<or>').map((one) => one.trim());
    return (value) => any.some((one) => (name === 'size' ? Number(one) === value : same(one, value)));
  }
  if (operator === '<in>') return (value) => lower(value).includes(operand.toLowerCase());
  if (operator === '<all-in>') {
    const all = operand
      .split('<all-in>')
      .flatMap((part) => part.trim().split(/\s+/))
      .map((one) => one.toLowerCase());
    return (value) => all.every((one) => lower(value).includes(one));
  }
  const texts = TEXT_OPERATORS[operator];
  if (texts !== undefined) return (value) => texts(lower(value), unquoted(operand).toLowerCase());
  const numbers = NUMBER_OPERATORS[operator];
  const number = Number(operand);
  if (numbers === undefined || operand === '' || Number.isNaN(number)) return `${operator} needs a number`;
  return (value) => !Number.isNaN(Number(value)) && numbers(Number(value), number);
}

const TEXT_OPERATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  's==': (value, wanted) => value === wanted,
  's!=': (value, wanted) => value !== wanted,
  's>=': (value, wanted) => value >= wanted,
  's>': (value, wanted) => value > wanted,
  's<=': (value, wanted) => value <= wanted,
  's<': (value, wanted) => value < wanted,
};

/** "=" is "at least", as in the specifications of flavors that Ironic took it from. */
const NUMBER_OPERATORS: Readonly<Record<string, (value: number, wanted: number) => boolean>> = {
  '=': (value, wanted) => value >= wanted,
  '==': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '>=': (value, wanted) => value >= wanted,
  '<=': (value, wanted) => value <= wanted,
  '>': (value, wanted) => value > wanted,
  '<': (value, wanted) => value < wanted,
};

function operatorIn(text: string, otherwise: string): { readonly operator: string; readonly operand: string } {
  const [, operator, operand] = /^(<or>|<in>|<all-in>|s==|s!=|s>=|s<=|s>|s<|==|!=|>=|<=|=|>|<)\s*(.*)$/s.exec(text) ?? [];
  return operator === undefined ? { operator: otherwise, operand: text } : { operator, operand: (operand ?? '').trim() };
}

function flagIn(value: JsonValue): boolean | undefined {
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : '';
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(word)) return true;
  return ['false', '0', 'no', 'off', 'f', 'n'].includes(word) ? false : undefined;
}

function same(wanted: string, value: string | number | boolean): boolean {
  return lower(value) === unquoted(wanted).toLowerCase();
}

function lower(value: string | number | boolean): string {
  return String(value).toLowerCase();
}

/** Ironic stores blanks and the like in hints as %20. */
function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is itself
  }
}

export type RootRef = { readonly ref: DiskRef } | { readonly refused: string };

/** A disk that this work has written. */
export interface WrittenDisk {
  readonly disk: SeenDisk;
  /** What its agent left there; null: it did not say. */
  readonly holds: readonly string[] | null;
}

/** Never beyond the plan: a disk that it names, or one that has nothing to lose. */
export function refForWriting(disk: SeenDisk, plan: readonly DiskRef[], written: WrittenDisk | undefined): RootRef {
  if (written?.disk === disk) {
    const isNameless = disk.serial === null && disk.wwn === null;
    if (written.holds !== null || !isNameless) return { ref: refOf(disk, written.holds) };
    return { refused: `${titleOfDisk(disk)} has neither a serial number nor a WWN, and the agent did not say what it left there` };
  }
  const planned = exactly(disk, plan) ?? plan.find((ref) => isDiskOf(ref, disk));
  // An image that was begun and cut off is nothing that anybody recognises: the agent, which knows whether it was, allows for that.
  if (planned !== undefined) return { ref: refOf(disk, planned.expects) };
  if (disk.isBlank === true) return { ref: refOf(disk, []) };
  const holds = disk.holds.length === 0 ? 'nobody knows what is on it' : `on it: ${disk.holds.slice(0, 4).join(', ')}`;
  return {
    refused: `${titleOfDisk(disk)} is not among the disks of the approved wipe plan, and it is not blank (${holds})`,
  };
}

function named(disk: SeenDisk): string {
  return `${titleOfDisk(disk)} (${disk.byPath ?? disk.name})`;
}

function listed(disks: readonly SeenDisk[]): string {
  return disks.length === 0 ? 'it has no disks' : `there are: ${disks.slice(0, 8).map(named).join('; ')}`;
}
