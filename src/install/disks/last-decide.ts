// A machine that is installed anew keeps its data disks: the new system goes where the last one was, whatever a choice among all would be by
// now. Pure.

import { type DiskIdentity, isNamed, type MachineDisk } from './machine-decide.ts';

export interface LastAsk {
  readonly disks: readonly MachineDisk[];
  /** Where the last system is; empty: nobody knows of one. */
  readonly last: readonly (DiskIdentity & { readonly title: string })[];
}

/** The disks of the machine that may be chosen, or why none may. */
export function ofLastSystem({ disks, last }: LastAsk): { readonly disks: readonly MachineDisk[] } | { readonly refused: string } {
  if (last.length === 0) return { disks };
  const found = last.map((ref) => ({ ref, disk: disks.find((disk) => isNamed(ref, disk)) }));
  const gone = found.flatMap(({ ref, disk }) => (disk === undefined ? [ref.title] : []));
  if (gone.length === 0) return { disks: found.flatMap(({ disk }) => disk ?? []) };
  const where = last.map(({ title }) => title).join(' and ');
  return { refused: `its last system is on ${where}, and ${gone.join(' and ')} ${gone.length === 1 ? 'is' : 'are'} not in the machine` };
}
