// The disks that an order names, on this machine and now: found, free, and holding nothing that nobody said yes to. All or none of them.

import type { DiskRef } from '../../inspect/commands.ts';
import type { DiskContents } from '../../inspect/disk-contents.ts';
import type { Disk } from '../../inspect/inventory.ts';
import { CommandRefused, type ResolvedDisk } from '../commands/types.ts';
import type { ListedDisk } from '../facts/disks.ts';
import { findDisk, firstTwice, objectionTo, protectionOf } from './resolve-decide.ts';

export interface ResolveParts {
  /** As they are now. */
  readonly disks: () => Promise<readonly ListedDisk[]>;
  /** Reads it now: what an earlier look found may be gone. */
  readonly look: (disk: Disk) => Promise<DiskContents>;
  /** The kernel's name → what holds the disk: a mount, an array, the medium that this system was started from. */
  readonly uses: (disks: readonly Disk[]) => Promise<ReadonlyMap<string, string>>;
  /** The order was begun by an agent before this one. */
  readonly isResumed: boolean;
}

/** Throws CommandRefused with every reason there is, not with the first alone. */
export async function resolveDisks(refs: readonly DiskRef[], parts: ResolveParts): Promise<readonly ResolvedDisk[]> {
  if (refs.length === 0) return [];
  const disks = await parts.disks();
  const found = refs.map((ref) => findDisk(ref, disks));
  refuse(found.flatMap((one) => ('refused' in one ? [one.refused] : [])));
  const chosen = found.flatMap((one) => ('disk' in one ? [one.disk] : []));
  const twice = firstTwice(refs, chosen);
  if (twice !== undefined) refuse([twice]);
  const uses = await parts.uses(chosen);
  const pairs = refs.flatMap((ref, index) => {
    const disk = chosen[index];
    return disk === undefined ? [] : [{ ref, disk }];
  });
  refuse(pairs.flatMap(({ ref, disk }) => protectionOf(ref, disk, uses) ?? []));
  const looked = await Promise.all(pairs.map(async (pair) => ({ ...pair, path: pair.disk.name, contents: await parts.look(pair.disk) })));
  refuse(looked.flatMap(({ ref, contents }) => objectionTo(ref, contents, parts.isResumed) ?? []));
  return looked;
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new CommandRefused(reasons.join('. '));
}
