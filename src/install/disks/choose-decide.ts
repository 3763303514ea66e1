// Which disks a Proxmox system goes to: exact ones, by what the profile says and by what its installer takes. Pure. Says of every disk why it
// was taken or not, and what is lacking where nothing fits. The wipe plan and the installation both ask here, so that they never differ.

import type { RaidLevel, SystemDisks } from '../seam.ts';
import { type BootMode, type DiskIdentity, isNamed, type MachineDisk, sizeText } from './machine-decide.ts';

/** What the choice looks at of a disk. Lists of them are sorted, the smallest first, as machineDisks gives them. */
export type Candidate = Omit<MachineDisk, 'name'>;

export interface DiskVerdict<D> {
  readonly disk: D;
  readonly isChosen: boolean;
  readonly why: string;
}

export interface DiskChoice<D> {
  readonly disks: readonly D[];
  readonly raid: RaidLevel;
  /** Why these; '' where there are none. */
  readonly why: string;
  /** Of every disk of the machine, in the same order. */
  readonly verdicts: readonly DiskVerdict<D>[];
  /** What is lacking; null: there are disks. */
  readonly problem: string | null;
}

const GIB = 1024 ** 3;
const GB = 1e9;
/** The installer asks a person below that, and there is none (Proxmox/Sys/Block.pm, partition_bootable_disk). */
export const ROOT_MIN = 8 * GIB;

/** What a level needs at least, and takes when nobody says how many. A stripe of one disk is called single. */
const LEVELS: Readonly<Record<RaidLevel, { readonly least: number; readonly usual: number; readonly words: string }>> = {
  single: { least: 1, usual: 1, words: 'the system' },
  raid0: { least: 1, usual: 2, words: 'the stripe of the system' },
  raid1: { least: 2, usual: 2, words: 'the mirror of the system' },
  raid10: { least: 4, usual: 4, words: 'the mirrors of the system' },
  'raidz-1': { least: 3, usual: 3, words: 'the RAID-Z of the system' },
  'raidz-2': { least: 4, usual: 4, words: 'the RAID-Z2 of the system' },
  'raidz-3': { least: 5, usual: 5, words: 'the RAID-Z3 of the system' },
};

const TAKES: Readonly<Record<SystemDisks['filesystem'], readonly RaidLevel[]>> = {
  zfs: ['single', 'raid0', 'raid1', 'raid10', 'raidz-1', 'raidz-2', 'raidz-3'],
  btrfs: ['single', 'raid0', 'raid1', 'raid10'],
  ext4: ['single'],
  xfs: ['single'],
};

export const DEFAULT_SYSTEM_DISKS: SystemDisks = {
  filesystem: 'zfs',
  raid: 'auto',
  count: null,
  minGb: null,
  maxGb: null,
  models: [],
  serials: [],
  kind: 'any',
};

interface SystemDisksTable extends Omit<SystemDisks, 'count' | 'minGb' | 'maxGb'> {
  readonly count?: number | undefined;
  readonly min_gb?: number | undefined;
  readonly max_gb?: number | undefined;
}

/** As a [[profile]] has it. */
export function systemDisksOf(table: SystemDisksTable | undefined): SystemDisks {
  if (table === undefined) return DEFAULT_SYSTEM_DISKS;
  const { count, min_gb: minGb, max_gb: maxGb, ...rest } = table;
  return { ...rest, count: count ?? null, minGb: minGb ?? null, maxGb: maxGb ?? null };
}

export interface ChoiceAsk<D extends Candidate> {
  readonly disks: readonly D[];
  readonly wanted: SystemDisks;
  /** Null: not known. */
  readonly bootMode: BootMode | null;
}

export function chooseSystemDisks<D extends Candidate>({ disks, wanted, bootMode }: ChoiceAsk<D>): DiskChoice<D> {
  const refusals = new Map(disks.map((disk) => [disk, refusalOf(disk, wanted, bootMode)] as const));
  const fit = disks.filter((disk) => refusals.get(disk) === null);
  const plan = planOf(wanted);
  const picked = 'problem' in plan ? plan : pick(fit, plan, wanted);
  const chosen: readonly D[] = 'problem' in picked ? [] : picked.disks;
  const why = 'problem' in picked ? '' : picked.why;
  return {
    disks: chosen,
    raid: 'raid' in picked ? picked.raid : 'single',
    why,
    verdicts: disks.map((disk) => {
      const isChosen = chosen.includes(disk);
      return { disk, isChosen, why: isChosen ? why : (refusals.get(disk) ?? 'it would do, but others suit better') };
    }),
    problem: 'problem' in picked ? lacking(picked.problem, refusals) : null,
  };
}

/** Disks of the wipe plan for the disks that were chosen, or why the plan does not allow them. */
export function withinPlan<R extends DiskIdentity>(
  chosen: readonly MachineDisk[],
  allowed: readonly R[],
): { readonly refs: readonly R[] } | { readonly refused: string } {
  const found = chosen.map((disk) => ({ disk, ref: allowed.find((ref) => isNamed(ref, disk)) }));
  const missing = found.flatMap(({ disk, ref }) => (ref === undefined ? [disk.title] : []));
  if (missing.length > 0) return { refused: `the wipe plan that was approved does not hold ${missing.join('; ')}` };
  return { refs: found.flatMap(({ ref }) => ref ?? []) };
}

interface Wish {
  /** The first that can be had. */
  readonly options: readonly { readonly raid: RaidLevel; readonly count: number }[];
}

function planOf({ filesystem, raid, count }: SystemDisks): Wish | { readonly problem: string } {
  const takes = TAKES[filesystem];
  if (raid === 'auto') {
    if (takes.length === 1 && (count ?? 1) > 1) return { problem: `${filesystem} takes one disk, not ${count}` };
    if (takes.length === 1 || count === 1) return { options: [{ raid: 'single', count: 1 }] };
    const mirror = { raid: 'raid1', count: count ?? 2 } as const;
    return { options: count === null ? [mirror, { raid: 'single', count: 1 }] : [mirror] };
  }
  if (!takes.includes(raid)) return { problem: `${filesystem} can not be installed as ${raid}; it takes ${takes.join(', ')}` };
  const { least, usual } = LEVELS[raid];
  const number = count ?? usual;
  if (number < least) return { problem: `${raid} takes at least ${least} disks, not ${number}` };
  if (raid === 'single' && number > 1) return { problem: `single is one disk, not ${number}` };
  if (raid === 'raid10' && number % 2 === 1) return { problem: `raid10 takes an even number of disks, not ${number}` };
  return { options: [{ raid, count: number }] };
}

interface Picked<D> {
  readonly disks: readonly D[];
  readonly raid: RaidLevel;
  readonly why: string;
}

function pick<D extends Candidate>(fit: readonly D[], { options }: Wish, { raid: asked }: SystemDisks): Picked<D> | { problem: string } {
  for (const { raid, count } of options) {
    const disks = raid === 'single' || raid === 'raid0' ? smallest(fit, count) : alike(fit, count);
    if (disks === undefined) continue;
    const isFallback = asked === 'auto' && raid === 'single' && options.length > 1;
    return { disks, raid, why: `${LEVELS[raid].words} goes there: ${reasonOf(disks, isFallback)}` };
  }
  // The least that would do.
  const first = options.at(-1);
  const count = first?.count ?? 1;
  const few = `${fit.length === 0 ? 'no disk fits' : `${fit.length} of its disks ${fit.length === 1 ? 'fits' : 'fit'}`}`;
  if (fit.length < count) return { problem: count === 1 ? few : `${few}, and ${first?.raid ?? 'it'} takes ${count}` };
  return { problem: `no ${count} of the disks that fit are of the same size (within 10 %), as ${first?.raid ?? 'it'} needs them` };
}

function reasonOf(disks: readonly Candidate[], isFallback: boolean): string {
  if (disks.length === 1) return `the smallest disk that is large enough${isFallback ? ', and no two are equal' : ''}`;
  const isEqual = new Set(disks.map(({ size }) => size)).size === 1;
  const count = disks.length === 2 ? 'two' : String(disks.length);
  return `the ${count} smallest ${isEqual ? 'equal disks' : 'disks that are of about the same size'}`;
}

/** Of those of one size the ones on which least is lost. */
function smallest<D extends Candidate>(fit: readonly D[], count: number): readonly D[] | undefined {
  if (fit.length < count) return undefined;
  return fit.toSorted((a, b) => a.size - b.size || costOf(a) - costOf(b)).slice(0, count);
}

/**
 * The installer takes disks for a mirror or RAID-Z that differ from the first of them by a tenth at most (Proxmox/Install.pm,
 * zfs_mirror_size_check); which is the first is the kernel's business, so that all must suit the smallest. Of the smallest that suit:
 * equal ones first, then those on which least is lost, then those of one model.
 */
function alike<D extends Candidate>(fit: readonly D[], count: number): readonly D[] | undefined {
  const group = fit
    .map(({ size }) => fit.filter((other) => other.size >= size && other.size - size <= size / 10))
    .find(({ length }) => length >= count);
  if (group === undefined) return undefined;
  const sizes = [...new Set(group.map(({ size }) => size))].map((size) => group.filter((disk) => disk.size === size));
  const equal = sizes.filter(({ length }) => length >= count);
  const pools = equal.length > 0 ? equal : [group];
  const sets = pools.flatMap((pool) => setsOf(pool, count));
  return sets.toSorted((a, b) => lossOf(a) - lossOf(b) || modelsOf(a) - modelsOf(b))[0];
}

/** The cheapest of all, and the cheapest of each model. */
function setsOf<D extends Candidate>(pool: readonly D[], count: number): (readonly D[])[] {
  const models = [...new Set(pool.map(({ model }) => model))].map((model) => pool.filter((disk) => disk.model === model));
  const sorted = [pool, ...models].map((disks) => disks.toSorted((a, b) => costOf(a) - costOf(b) || a.size - b.size));
  return sorted.filter(({ length }) => length >= count).map((disks) => disks.slice(0, count));
}

function lossOf(disks: readonly Candidate[]): number {
  return disks.reduce((sum, disk) => sum + costOf(disk), 0);
}

function modelsOf(disks: readonly Candidate[]): number {
  return new Set(disks.map(({ model }) => model)).size;
}

function costOf({ holds }: Candidate): number {
  return { nothing: 0, something: 1, unknown: 2 }[holds];
}

/** What no system goes to, and what the installer can make no partitions on (Proxmox/Sys/Block.pm, get_partition_dev): eMMC, pmem and others. */
const NO_DISK = /^(?:loop|ram|zram|sr|fd|nbd|rbd|dm-|md|zd)\d*/;
const PARTITIONED = /^(?:sd(?:[a-h]?[a-z]|i[a-v])|xvd[a-z]|[hev]d[a-z]|nvme\d+n\d+)$/;

/** Null: it may be taken. */
function refusalOf(disk: Candidate, wanted: SystemDisks, bootMode: BootMode | null): string | null {
  const name = disk.kernelName.replace(/^\/dev\//, '');
  if (NO_DISK.test(name)) return 'it is no disk of the machine';
  if (disk.isRemovable || disk.transport === 'usb') return 'it is removable or on USB';
  if (disk.isReadOnly) return 'it is read-only';
  if (!disk.isInternal) return 'it is removable, external or read-only';
  if (disk.isMedium) return 'it is a boot medium: a CD image was written on it, and the installer passes over such disks';
  if (disk.isAmbiguous) return 'it can not be told from another disk: the same names and size, as of one disk behind two paths';
  if (!PARTITIONED.test(name)) return `the installer of Proxmox makes no partitions on a disk that the kernel calls ${name}`;
  if (disk.size < ROOT_MIN) return `it is too small: ${sizeText(disk.size)}, and Proxmox needs ${sizeText(ROOT_MIN)}`;
  if (disk.sectorBytes === 4096 && bootMode === 'bios')
    return 'it has sectors of 4096 bytes (4Kn), and Proxmox starts from such disks by UEFI only; this machine started by legacy BIOS';
  return profileRefusal(disk, wanted);
}

function profileRefusal(disk: Candidate, { minGb, maxGb, models, serials, kind }: SystemDisks): string | null {
  if (minGb !== null && disk.size < minGb * GB) return `it is smaller than the profile's min_gb = ${minGb}`;
  if (maxGb !== null && disk.size > maxGb * GB) return `it is larger than the profile's max_gb = ${maxGb}`;
  if (kind !== 'any' && !kindsOf(disk).includes(kind)) return `it is no ${kind}, as the profile wants`;
  if (models.length > 0 && !models.some((glob) => fitsGlob(glob, disk.model))) return 'its model is none of those that the profile names';
  if (serials.length > 0 && !serials.some((glob) => fitsGlob(glob, disk.serial)))
    return 'its serial number is none of those that the profile names';
  return null;
}

/** virtio and SD cards say that they spin, and only SATA and SAS disks do. */
function kindsOf({ kernelName, transport, rotational }: Candidate): readonly SystemDisks['kind'][] {
  const name = kernelName.replace(/^\/dev\//, '');
  if (transport === 'nvme' || name.startsWith('nvme')) return ['ssd', 'nvme'];
  return rotational && name.startsWith('sd') ? ['hdd'] : ['ssd'];
}

/** As the profile has them: upper and lower case are alike, * stands for any text. */
function fitsGlob(glob: string, value: string | null): boolean {
  const parts = glob.toLowerCase().split('*');
  let rest = value?.toLowerCase();
  if (rest === undefined) return false;
  const [head = '', tail = ''] = [parts[0], parts.at(-1)];
  if (parts.length === 1) return rest === head;
  if (!rest.startsWith(head) || !rest.endsWith(tail) || rest.length < head.length + tail.length) return false;
  rest = rest.slice(head.length, rest.length - tail.length);
  for (const part of parts.slice(1, -1)) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}

const NAMED_AT_MOST = 6;

function lacking<D extends Candidate>(problem: string, refusals: ReadonlyMap<D, string | null>): string {
  const said = [...refusals].flatMap(([{ title }, why]) => (why === null ? [] : [`${title}: ${why}`]));
  if (refusals.size === 0) return 'the machine has no disks';
  const more = said.length - NAMED_AT_MOST;
  const list = said.slice(0, NAMED_AT_MOST).join('; ');
  return said.length === 0 ? problem : `${problem} (${list}${more > 0 ? `; and ${more} more` : ''})`;
}
