// Copies of installer ISOs on the disk, each as large as the ISO: never more than a few at once. One that is read or being made stays, and
// whoever wants another one meanwhile waits for its place.

import { open, rm } from 'node:fs/promises';
import type { Clock } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { VirtualIso } from '../seam.ts';
import { readAtOf } from './disk-files.ts';

export interface Copies {
  /** The copy of that key: the one that is there, or one that `make` makes at this path. */
  of(key: string, path: string, make: MakeCopy): Promise<VirtualIso>;
}

export type MakeCopy = () => Promise<Pick<VirtualIso, 'bytes' | 'tag'>>;

interface Copy {
  readonly path: string;
  readonly made: Promise<VirtualIso>;
  isMade: boolean;
  readers: number;
  /** When somebody last got it, to read it. */
  givenAt: number;
  wasReadSince: boolean;
}

/** Whoever wanted it begins to read at once; who has not by then asked for its size only. */
const UNREAD_MS = 60_000;
const LOOK_MS = 5000;
/** A machine loads an ISO in minutes. */
const PATIENCE_MS = 20 * 60_000;

export function createCopies(most: number, clock: Pick<Clock, 'monotonic' | 'sleep'>): Copies {
  /** The one that was wanted longest ago first. */
  const kept = new Map<string, Copy>();
  let line: Promise<unknown> = Promise.resolve();

  function isIdle({ isMade, readers, givenAt, wasReadSince }: Copy): boolean {
    return isMade && readers === 0 && (wasReadSince || clock.monotonic() - givenAt >= UNREAD_MS);
  }

  async function placeFor(since: number): Promise<void> {
    const [key, copy] = [...kept].find(([, one]) => isIdle(one)) ?? [];
    if (key !== undefined && copy !== undefined) {
      kept.delete(key);
      return rm(copy.path, { force: true });
    }
    if (clock.monotonic() - since < PATIENCE_MS) return clock.sleep(LOOK_MS);
    throw fail('install.no_space', {
      message: `no more than ${most} copies of installers are kept, and all of them are being read for ${PATIENCE_MS / 60_000} minutes`,
      hint: 'Wait until the machines that load them have them, and start this one again.',
    });
  }

  function begin(key: string, path: string, make: MakeCopy): Copy {
    const copy = { path, isMade: false, readers: 0, givenAt: 0, wasReadSince: false } as Omit<Copy, 'made'>; // its promise is made of it
    const opened = async (): ReturnType<VirtualIso['open']> => {
      copy.readers += 1;
      copy.wasReadSince = true;
      return openCopy(path, () => {
        copy.readers -= 1;
      });
    };
    const made = make().then(
      ({ bytes, tag }): VirtualIso => {
        [copy.isMade, copy.givenAt] = [true, clock.monotonic()];
        return { bytes, tag, open: opened };
      },
      (thrown: unknown) => {
        kept.delete(key);
        throw thrown;
      },
    );
    return Object.assign(copy, { made });
  }

  async function copyOf(key: string, path: string, make: MakeCopy, since: number): Promise<Copy> {
    while (!kept.has(key) && kept.size >= most) await placeFor(since);
    const copy = kept.get(key) ?? begin(key, path, make);
    kept.delete(key);
    kept.set(key, copy);
    [copy.givenAt, copy.wasReadSince] = [clock.monotonic(), false];
    return copy;
  }

  return {
    async of(key, path, make) {
      const since = clock.monotonic();
      // One after the other, so that no two take the same place.
      const mine = kept.has(key) ? copyOf(key, path, make, since) : line.then(() => copyOf(key, path, make, since));
      line = Promise.allSettled([line, mine]);
      return (await mine).made;
    },
  };
}

async function openCopy(path: string, closed: () => void): ReturnType<VirtualIso['open']> {
  const handle = await open(path, 'r').catch((thrown: unknown) => {
    closed();
    throw thrown;
  });
  const readAt = readAtOf(handle, path);
  let isOpen = true;
  return {
    read: async (into, position) => {
      (await readAt(position, into.length)).copy(into);
    },
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      closed();
      await handle.close();
    },
  };
}
