// A disk as an order names it, found again each time before it is touched: hours after the first look the kernel's name may be another
// disk's, by a hot swap or a link that was lost. Knows nothing of what is done to it.

import type { DiskRef } from '../../inspect/commands.ts';
import { fail } from '../errors.ts';
import { type BlockDevice, openBlockDevice } from '../writing/block-device.ts';
import { type CommandContext, CommandRefused, type ResolvedDisk } from './types.ts';

export interface NamedDisk {
  readonly ref: DiskRef;
  /** Looked for at this moment; what is on it counts until this order has written to it. */
  readonly now: () => Promise<ResolvedDisk>;
  /** The path of this moment, for a program that is about to change the disk. */
  readonly pathToChange: () => Promise<string>;
  readonly withDevice: <T>(use: 'reads' | 'writes', work: (device: BlockDevice, found: ResolvedDisk) => Promise<T>) => Promise<T>;
}

/**
 * Nothing is printed on it, so that it is known by its slot only, and what is in that slot may be another one by now: never erased whatever it
 * holds. Asked with all disks of an order before the first of them is touched.
 */
export function refuseNameless(refs: readonly DiskRef[]): void {
  const found = refs.filter(({ serial, wwn, expects }) => serial === null && wwn === null && expects === null);
  if (found.length === 0) return;
  const titles = found.map(({ title }) => title).join(', ');
  throw new CommandRefused(`${titles}: a disk without serial number and WWN is written only where it is said what may be on it`);
}

export function namedDisk(ref: DiskRef, context: Pick<CommandContext, 'resolve' | 'run'>): NamedDisk {
  let isBegun = false;
  const now = async (): Promise<ResolvedDisk> => {
    try {
      const [found] = await context.resolve([isBegun ? { ...ref, expects: null } : ref]);
      if (found === undefined) throw new CommandRefused(`${ref.title} was not found`);
      return found;
    } catch (error) {
      // A refusal says that nothing was done.
      if (!(isBegun && error instanceof CommandRefused)) throw error;
      throw fail('agent.disk_failed', { message: `${error.message}; it was begun and is not ended`, cause: error });
    }
  };
  return {
    ref,
    now,
    pathToChange: async () => {
      const { path } = await now();
      isBegun = true;
      return path;
    },
    withDevice: async (use, work) => {
      const found = await now();
      const device = await openBlockDevice(found.path, context.run, found.disk);
      try {
        isBegun ||= use === 'writes';
        return await work(device, found);
      } finally {
        await device.close();
      }
    },
  };
}
