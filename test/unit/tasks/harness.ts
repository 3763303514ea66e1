// An engine on a store in memory, with a clock the test turns.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Log, type Random, silentLog } from '../../../src/lib/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { createTaskEngine, type TaskDefinition, type TaskEngine, type TaskLimits, type TaskRequest } from '../../../src/tasks/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

export interface Bench {
  readonly store: Store;
  readonly clock: FakeClock;
  /** Not started yet. */
  engine(
    definitions: readonly TaskDefinition[],
    options?: { holder?: string; limits?: Partial<TaskLimits>; log?: Log; store?: Store },
  ): TaskEngine;
}

export async function createBench(): Promise<Bench> {
  const clock = createFakeClock();
  const store = await openTestStore({ clock, url: await memoryUrl() });
  return {
    store,
    clock,
    engine(definitions, options = {}) {
      const { holder = 'one', limits = {}, log = silentLog } = options;
      const engine = createTaskEngine({ store: options.store ?? store, clock, random: createRandom(), log, definitions, holder, limits });
      onTestFinished(async () => {
        await clock.until(engine.stop());
      });
      return engine;
    },
  };
}

/** A SQLite file in memory: the tests of the engine commit thousands of times, and how safe a disk is they do not ask. */
export async function memoryUrl(): Promise<string> {
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rackseed-tasks-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return `sqlite://${join(directory, 'rackseed.sqlite')}`;
}

let seed = 0;

/** Unlike in each call, the same in each run of a file. */
export function createRandom(): Random {
  const mine = ++seed;
  let count = 0;
  const bytes = (length: number): Buffer => {
    count += 1;
    return Buffer.from(`${mine.toString(16).padStart(8, '0')}${count.toString(16).padStart(8, '0')}`.repeat(length), 'hex').subarray(
      0,
      length,
    );
  };
  return { bytes, uuid: () => bytes(16).toString('hex'), float: () => 0.5 };
}

export function submit(bench: Pick<Bench, 'store'>, engine: TaskEngine, request: Partial<TaskRequest> & { kind: string }): Promise<string> {
  return bench.store.transaction((tx) => engine.submit(tx, { subject: 'test', locks: [], args: {}, ...request }));
}

export function started(engine: TaskEngine): Promise<void> {
  return engine.start(new AbortController().signal);
}

export function forever(): AbortSignal {
  return new AbortController().signal;
}

/** A promise and the way to settle it. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { opened: promise, open: resolve };
}
