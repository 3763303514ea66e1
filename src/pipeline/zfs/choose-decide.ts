// Which disks a step may take: free ones that fit what is asked for, and exactly as many. Nothing is ever guessed. Pure.

import { Type } from 'typebox';
import { oneOf } from '../system/args.ts';
import { contentsOf, type Disk, titleOf } from './disks-codec.ts';

const GLOB = 'Upper and lower case are alike, * stands for any text.';

/** Of arguments: as system_disks of profiles has them. */
export const MATCH = {
  serials: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    description: `Serial numbers or WWNs that may be taken; empty: any. ${GLOB}`,
    maxItems: 64,
    default: [],
  }),
  models: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    description: `Models that may be taken; empty: any. ${GLOB}`,
    maxItems: 64,
    default: [],
  }),
  min_gb: Type.Integer({ description: 'Smallest disk that may be taken, in GB (10^9 bytes).', minimum: 0, default: 0 }),
  max_gb: Type.Integer({ description: 'Largest disk that may be taken, in GB; 0: any.', minimum: 0, default: 0 }),
  kind: oneOf(['any', 'ssd', 'hdd', 'nvme'], { description: 'Kind of disk.', default: 'any' }),
};

export interface Match {
  readonly serials: readonly string[];
  readonly models: readonly string[];
  readonly min_gb: number;
  readonly max_gb: number;
  readonly kind: 'any' | 'ssd' | 'hdd' | 'nvme';
}

export interface SystemDisk {
  readonly serial: string | null;
  readonly wwn: string | null;
}

export type Chosen =
  | { readonly is: 'chosen'; readonly disks: readonly Disk[] }
  | { readonly is: 'refused'; readonly reason: string; readonly hint: string };

/** `ours`: serial numbers or WWNs of disks that this run has begun to write to: what is on them now is its own. */
export function chooseDisks(
  disks: readonly Disk[],
  {
    match,
    count,
    system,
    ours = new Set(),
  }: {
    readonly match: Match;
    readonly count: number;
    readonly system: readonly SystemDisk[];
    readonly ours?: ReadonlySet<string>;
  },
): Chosen {
  const fitting = disks.filter((disk) => fits(disk, match) && !isSystem(disk, system));
  const begun = fitting.filter((disk) => nameOf(disk) !== null && ours.has(nameOf(disk) ?? ''));
  const free = fitting.filter((disk) => !begun.includes(disk) && contentsOf(disk) === null);
  const found = begun.length === count ? begun : [...begun, ...free];
  const nameless = found.find((disk) => nameOf(disk) === null);
  if (nameless !== undefined)
    return refused(
      `${nameless.path} has neither serial number nor WWN: it can not be told from another`,
      'Narrow down the disks by model or size.',
    );
  const doubled = found.find((disk) => disks.filter((one) => nameOf(one) === nameOf(disk)).length > 1);
  if (doubled !== undefined)
    return refused(`two disks say that they are ${titleOf(doubled)}`, 'Is it one disk that is reached by two ways? Take one way off.');
  if (found.length === count) return { is: 'chosen', disks: found.toSorted((a, b) => ((nameOf(a) ?? '') < (nameOf(b) ?? '') ? -1 : 1)) };
  const taken = fitting.filter((disk) => !found.includes(disk)).map((disk) => `${titleOf(disk)}: ${contentsOf(disk) ?? ''}`);
  const busy = taken.length === 0 ? '' : `; not free: ${taken.join('; ')}`;
  return found.length > count
    ? refused(
        `${found.length} free disks fit, ${count} are asked for: ${found.map(titleOf).join('; ')}`,
        'Name them by serials, models or sizes.',
      )
    : refused(`${found.length} free disks fit, ${count} are asked for${busy}`, 'A disk is free when nothing is on it: clean it first.');
}

function refused(reason: string, hint: string): Chosen {
  return { is: 'refused', reason, hint };
}

/** What a disk is known by. */
export function nameOf({ serial, wwn }: Pick<Disk, 'serial' | 'wwn'>): string | null {
  return serial ?? wwn;
}

export function isSystem(disk: Pick<Disk, 'serial' | 'wwn'>, system: readonly SystemDisk[]): boolean {
  return system.some(
    ({ serial, wwn }) => (serial !== null && serial === disk.serial) || (wwn !== null && plainWwn(wwn) === plainWwn(disk.wwn ?? '')),
  );
}

/** 0x5002538f… and eui.0025385…, or without the word before. */
function plainWwn(wwn: string): string {
  return wwn.toLowerCase().replace(/^(?:0x|eui\.|naa\.|uuid\.)/, '');
}

function fits(disk: Disk, { serials, models, min_gb: least, max_gb: most, kind }: Match): boolean {
  const isNvme = disk.transport === 'nvme' || disk.path.startsWith('/dev/nvme');
  return (
    !disk.isRemovable &&
    disk.transport !== 'usb' &&
    disk.bytes > 0 &&
    disk.bytes >= least * 1e9 &&
    (most === 0 || disk.bytes <= most * 1e9) &&
    (kind === 'any' || (kind === 'nvme' ? isNvme : kind === 'hdd' ? disk.isRotational : !disk.isRotational)) &&
    (serials.length === 0 || serials.some((glob) => like(glob, disk.serial ?? '') || like(glob, disk.wwn ?? ''))) &&
    (models.length === 0 || models.some((glob) => like(glob, disk.model)))
  );
}

function like(glob: string, text: string): boolean {
  const pattern = glob
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return text !== '' && new RegExp(`^${pattern}$`, 'is').test(text);
}
