// Which disks a system goes to: by the operator's hints or by size, and for Proxmox those that its installation will choose. Pure. Says why,
// and what is lacking where there is none.

import { type BootMode, chooseSystemDisks, systemDisksOf } from '../install/index.ts';
import { type DiskFacts, type DiskIdentity, isNamed, sizeText } from './disks-decide.ts';
import type { PlanProfile } from './wipe-plan-decide.ts';

export interface Wanted {
  readonly why: string;
  readonly isNeeded: boolean;
}

/** The disk that root-device hints name, as whoever writes images reads them; `none` when there are no hints. */
export type RootHints = { readonly none: true } | { readonly disk: DiskIdentity; readonly text: string } | { readonly refusal: string };

export interface WantedDisks {
  readonly wanted: ReadonlyMap<DiskFacts, Wanted>;
  /** Why the system does not go to one of the others, where more than that can be said. */
  readonly passed: ReadonlyMap<DiskFacts, string>;
  readonly problem: string | null;
}

const GIB = 1024 ** 3;
/** Ironic's least for a root disk. */
const ROOT_MIN = 4 * GIB;

export interface WantedAsk {
  /** The smallest first. */
  readonly disks: readonly DiskFacts[];
  readonly profile: PlanProfile | null;
  readonly hints: RootHints;
  readonly bootMode: BootMode | null;
}

export function wantedDisks({ disks, profile, hints, bootMode }: WantedAsk): WantedDisks {
  const system = profile?.os === 'proxmox' ? proxmox(disks, profile, bootMode) : root(disks, hints);
  if (profile?.wipe !== 'all') return system;
  const others = disks.filter((disk) => disk.isInternal && !system.wanted.has(disk));
  const why = `profile ${profile.name} has wipe = "all"`;
  return { ...system, wanted: new Map([...system.wanted, ...others.map((disk) => [disk, { why, isNeeded: false }] as const)]) };
}

function root(disks: readonly DiskFacts[], hints: RootHints): WantedDisks {
  if ('refusal' in hints) return lacking(hints.refusal);
  if ('disk' in hints) {
    const named = disks.find((disk) => isNamed(hints.disk, disk));
    if (named === undefined) return lacking(`no disk is as the root device hints say (${hints.text})`);
    return needed([named], `the system goes there, by the root device hints (${hints.text})`);
  }
  const fit = disks.filter(({ isInternal, size }) => isInternal && size >= ROOT_MIN);
  const chosen = cheapest(fit.filter(({ size }) => size === fit[0]?.size))[0];
  if (chosen === undefined) return lacking(`no internal disk of at least ${sizeText(ROOT_MIN)}`);
  return needed([chosen], 'the system goes there: it is the smallest disk that is large enough');
}

/** The very function by which the installation chooses: the disks that are erased are those that it wants. */
function proxmox(disks: readonly DiskFacts[], { system_disks: table }: PlanProfile, bootMode: BootMode | null): WantedDisks {
  const { disks: chosen, why, verdicts, problem } = chooseSystemDisks({ disks, wanted: systemDisksOf(table), bootMode });
  const passed = new Map(verdicts.filter(({ isChosen }) => !isChosen).map((one) => [one.disk, one.why]));
  return problem === null ? { ...needed(chosen, why), passed } : { ...lacking(problem), passed };
}

/** Of disks that are equally good, those first on which least is lost. */
function cheapest(disks: readonly DiskFacts[]): DiskFacts[] {
  const cost = ({ contents, isAmbiguous }: DiskFacts): number =>
    isAmbiguous ? 3 : contents?.isBlank === true ? 0 : contents === undefined ? 2 : 1;
  return disks.toSorted((a, b) => cost(a) - cost(b));
}

function needed(disks: readonly DiskFacts[], why: string): WantedDisks {
  return { wanted: new Map(disks.map((disk) => [disk, { why, isNeeded: true }])), passed: new Map(), problem: null };
}

function lacking(problem: string): WantedDisks {
  return { wanted: new Map(), passed: new Map(), problem };
}
