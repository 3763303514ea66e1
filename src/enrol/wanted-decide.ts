// Which disks a system goes to: by the operator's hints or by size, and for Proxmox the two of its mirror. Pure. Says why, and what is
// lacking where there is none.

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
  readonly problem: string | null;
}

const GIB = 1024 ** 3;
/** Ironic's least for a root disk. */
const ROOT_MIN = 4 * GIB;
/** A Proxmox system of today does not fit on less. */
const PROXMOX_MIN = 8 * GIB;

/** `disks`: the smallest first. */
export function wantedDisks(disks: readonly DiskFacts[], profile: PlanProfile | null, hints: RootHints): WantedDisks {
  const system = profile?.os === 'proxmox' ? mirror(disks) : root(disks, hints);
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

/** As the installer's default has it: a mirror of two equal disks, the smallest there are; one disk where no two are equal. */
function mirror(disks: readonly DiskFacts[]): WantedDisks {
  const fit = disks.filter(({ isInternal, size }) => isInternal && size >= PROXMOX_MIN);
  const sizes = [...new Set(fit.map(({ size }) => size))];
  const pairs = sizes.map((size) => fit.filter((disk) => disk.size === size)).find((equal) => equal.length > 1);
  if (pairs !== undefined) return needed(cheapest(pairs).slice(0, 2), 'the mirror of the system goes there: the two smallest equal disks');
  const [only] = fit;
  if (only === undefined) return lacking(`no internal disk of at least ${sizeText(PROXMOX_MIN)}`);
  return needed([only], 'the system goes there: the smallest disk that is large enough, and no two are equal');
}

/** Of disks that are equally good, those first on which least is lost. */
function cheapest(disks: readonly DiskFacts[]): DiskFacts[] {
  const cost = ({ contents, isAmbiguous }: DiskFacts): number =>
    isAmbiguous ? 3 : contents?.isBlank === true ? 0 : contents === undefined ? 2 : 1;
  return disks.toSorted((a, b) => cost(a) - cost(b));
}

function needed(disks: readonly DiskFacts[], why: string): WantedDisks {
  return { wanted: new Map(disks.map((disk) => [disk, { why, isNeeded: true }])), problem: null };
}

function lacking(problem: string): WantedDisks {
  return { wanted: new Map(), problem };
}
