// The wipe plan: which disks a yes allows to erase, which are kept, which are refused, each with its reason; and what makes a plan void.
// Pure. A plan is one JSON text, and its hash is what a yes is bound to.

import { createHash } from 'node:crypto';
import { contentItems, type DiskRef } from '../inspect/index.ts';
import type { BootMode, systemDisksOf } from '../install/index.ts';
import { allowedOn, type PlanUse } from '../lifecycle/index.ts';
import type { JsonValue } from '../nodes/index.ts';
import { aboutContents, protectionOf } from './contents-decide.ts';
import { type DiskFacts, isNamed, isPrintedOn, namelessWhy, refOf } from './disks-decide.ts';
import { type RootHints, type Wanted, wantedDisks } from './wanted-decide.ts';

export interface PlanProfile {
  readonly name: string;
  readonly os: 'proxmox' | 'image';
  readonly wipe: 'os' | 'all';
  /** Which disks a Proxmox system goes to; by default a mirror where two fit. */
  readonly system_disks?: Parameters<typeof systemDisksOf>[0];
}

export interface PlanDisk {
  readonly title: string;
  /** What is on it. */
  readonly about: string;
  readonly why: string;
}

export interface RefusedDisk extends PlanDisk {
  /** What a yes to this disk must say: its serial or WWN. Null: it has none of its own, and nobody can. */
  readonly name: string | null;
  /** Without it the machine can not become what it shall. */
  readonly isNeeded: boolean;
}

export interface WipePlan {
  readonly version: 1;
  readonly profile: string | null;
  /** Serials and WWNs to which somebody has said yes, whatever is on the disk. */
  readonly said: readonly string[];
  /** What destructive steps are given. */
  readonly disks: readonly DiskRef[];
  /** Which of them the image goes to; null: none, or it is not one disk. */
  readonly root: number | null;
  /** The same in words, in the same order. */
  readonly erased: readonly PlanDisk[];
  readonly kept: readonly PlanDisk[];
  readonly refused: readonly RefusedDisk[];
  /** Why the machine can not become what the profile says, beside the disks that are refused. */
  readonly problem: string | null;
}

export interface PlanAsk {
  readonly disks: readonly DiskFacts[];
  readonly profile: PlanProfile | null;
  readonly hints: RootHints;
  readonly said: readonly string[];
  /** File systems alone are no reason to refuse a disk. */
  readonly overwritesFilesystems: boolean;
  /** How the machine started; left out: not known. */
  readonly bootMode?: BootMode | null;
}

export function proposePlan({ disks, profile, hints, said, overwritesFilesystems, bootMode = null }: PlanAsk): WipePlan {
  const { wanted, passed, problem } = wantedDisks({ disks, profile, hints, bootMode });
  const sorted = disks.map((disk) => sort(disk, wanted.get(disk), { said, overwritesFilesystems, passed: passed.get(disk) }));
  const of = <K extends Sorted['is']>(is: K) => sorted.filter((one): one is Extract<Sorted, { is: K }> => one.is === is);
  return {
    version: 1,
    profile: profile?.name ?? null,
    said: [...new Set(said)].sort(),
    disks: of('erased').map(({ ref }) => ref),
    root: profile?.os === 'proxmox' ? null : rootOf(of('erased').map(({ isNeeded }) => isNeeded)),
    erased: of('erased').map(({ disk }) => disk),
    kept: of('kept').map(({ disk }) => disk),
    refused: of('refused').map(({ disk }) => disk),
    problem,
  };
}

type Sorted =
  | { readonly is: 'erased'; readonly disk: PlanDisk; readonly ref: DiskRef; readonly isNeeded: boolean }
  | { readonly is: 'kept'; readonly disk: PlanDisk }
  | { readonly is: 'refused'; readonly disk: RefusedDisk };

function sort(
  disk: DiskFacts,
  wanted: Wanted | undefined,
  { said, overwritesFilesystems, passed }: Pick<PlanAsk, 'said' | 'overwritesFilesystems'> & { readonly passed: string | undefined },
): Sorted {
  const words = { title: disk.title, about: aboutContents(disk.contents) };
  const { name } = disk;
  const nameless = namelessWhy(disk);
  const isSaid = name !== null && said.includes(name);
  // Said while it was the name of one disk, and now of several: that is a yes to none of them.
  const isMeant = nameless !== null && said.some((one) => isPrintedOn(one, disk));
  const why = wanted?.why ?? (isSaid || isMeant ? `a yes was given to ${isSaid ? 'this very disk' : 'what it shares'}` : undefined);
  if (why === undefined) return { is: 'kept', disk: { ...words, why: keptWhy(disk, passed) } };
  const refused = (because: string): Sorted => {
    const isNeeded = wanted?.isNeeded === true;
    return { is: 'refused', disk: { ...words, why: `${because} (${why})`, name, isNeeded } };
  };
  if (disk.isAmbiguous) return refused('it can not be told from another disk of the same size');
  const protection = protectionOf(disk.contents);
  if (protection !== null && !isSaid && !(protection.isFilesystem && overwritesFilesystems))
    return refused(`${protection.why}${nameless === null ? '' : `; ${nameless}`}`);
  if (wanted === undefined && nameless !== null) return refused(nameless);
  return { is: 'erased', disk: { ...words, why }, ref: refOf(disk), isNeeded: wanted?.isNeeded === true };
}

function keptWhy({ isInternal }: DiskFacts, passed: string | undefined): string {
  return isInternal ? (passed === undefined ? KEPT : `${KEPT}: ${passed}`) : 'it is removable, external or read-only';
}

function rootOf(needed: readonly boolean[]): number | null {
  const at = needed.indexOf(true);
  return at < 0 ? null : at;
}

/** Ironic's root device hints for the disk that the image goes to, so that it is written to none other. */
export function rootDeviceOf({ root, disks }: Pick<WipePlan, 'root' | 'disks'>): Readonly<Record<string, string>> | null {
  const disk = root === null ? undefined : disks[root];
  if (disk === undefined) return null;
  const { serial, wwn, byPath } = disk;
  if (serial !== null || wwn !== null) return { ...(serial === null ? {} : { serial }), ...(wwn === null ? {} : { wwn }) };
  return byPath === null ? null : { by_path: byPath };
}

const KEPT = 'the system does not go there';

/** Of the plan as canonical JSON (RFC 8785 for what occurs in it: keys sorted, no blanks), SHA-256 in hexadecimal. */
export function planHash(plan: WipePlan): string {
  return createHash('sha256')
    .update(canonical(plan as unknown as JsonValue))
    .digest('hex'); // plain data by its type
}

function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

/** A plan that somebody said yes to, with what the life cycle keeps of its use. */
export type UsedPlan = Pick<WipePlan, 'disks'> & PlanUse;

/**
 * Why a plan that somebody said yes to holds no longer; null when it does. `standing`: its disks have been erased by it and are ours, but not
 * with what somebody else put on them afterwards. Less on a disk than there was is no change: that is what erasing does. The agent, which
 * looks again before it writes, is told the same.
 */
export function planTrouble(state: 'approved' | 'standing', plan: UsedPlan, disks: readonly DiskFacts[]): string | null {
  const troubles = plan.disks.flatMap((ref, at) => {
    const found = disks.filter((disk) => isNamed(ref, disk));
    const [disk, ...others] = found;
    if (disk === undefined) return [`${ref.title} is no longer in the machine`];
    if (others.length > 0) return [`${ref.title} can no longer be told from another disk`];
    const expects = allowedOn(ref, { state, use: plan, at, by: 'report' });
    return contentTrouble(ref, disk, expects, state === 'standing' ? STANDING : APPROVED);
  });
  return troubles.length === 0 ? null : troubles.join('; ');
}

const APPROVED = 'holds more than when it was approved';
const STANDING = 'holds what was not put there by us since it was erased';

function contentTrouble({ title }: DiskRef, { contents }: DiskFacts, expects: readonly string[] | null, since: string): string[] {
  if (expects === null || contents === undefined) return [];
  const known = new Set(expects);
  const added = contentItems(contents).filter((item) => !known.has(item));
  return added.length === 0 ? [] : [`${title} ${since}: ${aboutContents(contents)}`];
}

/** What is different between two proposals, for people. */
export function planDifference(before: WipePlan, after: WipePlan): string {
  const [was, is] = [linesOf(before), linesOf(after)];
  const gone = was.filter((line) => !is.includes(line)).map((line) => `no longer: ${line}`);
  const come = is.filter((line) => !was.includes(line)).map((line) => `now: ${line}`);
  const all = [...gone, ...come];
  return all.length === 0 ? 'the contents of its disks' : all.slice(0, 6).join('; ');
}

/** The plan, a line a disk. */
export function linesOf({ erased, kept, refused, problem }: WipePlan): string[] {
  return [
    ...erased.map(({ title, about, why }) => `erases ${title}: ${about}; ${why}`),
    ...refused.map(
      ({ title, why, name, isNeeded }) =>
        `refuses ${title}: ${why}${isNeeded && name !== null ? `; say yes to it by --wipe-serial ${name}` : ''}`,
    ),
    ...kept.map(({ title, about, why }) => `keeps ${title}: ${about}; ${why}`),
    ...(problem === null ? [] : [`lacks: ${problem}`]),
    ...(erased.length === 0 ? ['erases nothing'] : []),
  ];
}
