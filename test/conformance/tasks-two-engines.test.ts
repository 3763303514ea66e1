// Two engines on one database: each task is run once, and one that was paused for longer than its lease can do no harm when it
// wakes up. On PostgreSQL with a store of its own for each, as two appliances have; on SQLite both in one process.

import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Clock, RackseedError, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import type { Store } from '../../src/store/index.ts';
import { createTaskEngine, defineTask, done, type Step, type TaskDefinition, type TaskEngine } from '../../src/tasks/index.ts';
import { gate } from '../unit/tasks/harness.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

const MINUTE = 60_000;
const TASKS = 200;

function forever(): AbortSignal {
  return new AbortController().signal;
}

function oneStep(run: Step<object>['run']): TaskDefinition {
  return defineTask({
    kind: 'test.one',
    title: 'One',
    args: Type.Object({}),
    steps: [{ name: 'only', title: 'Only', timeoutMs: 10 * MINUTE, run }],
  });
}

/** The clock of a process that can be stopped like one with SIGSTOP: it does not come back from a sleep. */
function pausable(): Clock & { pause(): void; resume(): void } {
  let paused: ReturnType<typeof gate<void>> | undefined;
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    async sleep(ms, signal) {
      await systemClock.sleep(ms, signal);
      await paused?.opened;
    },
    pause: () => {
      paused = gate();
    },
    resume: () => {
      paused?.open();
      paused = undefined;
    },
  };
}

function engineOn(store: Store, holder: string, definition: TaskDefinition, more: { clock?: Clock; leaseTtlMs?: number } = {}): TaskEngine {
  const { clock = systemClock, leaseTtlMs = 10_000 } = more;
  const limits = { workers: 4, pollMs: 100, leaseTtlMs, drainMs: 100, abortGraceMs: 100 };
  const engine = createTaskEngine({ store, clock, random: systemRandom, log: silentLog, definitions: [definition], holder, limits });
  onTestFinished(() => engine.stop());
  return engine;
}

describe.each([
  { dialect: 'sqlite', make: sqliteFixture },
  { dialect: 'postgres', make: postgresFixture },
] as const)('two task engines on $dialect', ({ dialect, make }) => {
  let fixture: StoreFixture;

  beforeAll(async () => {
    fixture = await make();
  });

  afterAll(() => fixture.remove());

  async function twoStores(): Promise<[Store, Store]> {
    const url = await fixture.freshUrl();
    const first = await storeAt(url);
    onTestFinished(() => first.close());
    if (dialect === 'sqlite') return [first, first];
    const second = await storeAt(url);
    onTestFinished(() => second.close());
    return [first, second];
  }

  it(`run each of ${TASKS} tasks exactly once, and never two with the same lock`, async () => {
    const [storeA, storeB] = await twoStores();
    const runs: string[] = [];
    const ranBy = { a: 0, b: 0 };
    const busy = new Set<string>();
    const counting = (who: 'a' | 'b'): TaskDefinition =>
      oneStep(async (context) => {
        expect(busy.has(context.subject)).toBe(false);
        busy.add(context.subject);
        ranBy[who] += 1;
        runs.push(context.taskId);
        await context.transaction((tx) => tx.insertInto('settings').values({ key: context.taskId, value: who, updated_at: 0 }).execute());
        busy.delete(context.subject);
        return done(who);
      });
    const a = engineOn(storeA, 'a', counting('a'));
    const b = engineOn(storeB, 'b', counting('b'));
    const ids: string[] = [];
    for (let i = 0; i < TASKS; i += 1) {
      const subject = `node:${i % 20}`;
      ids.push(await storeA.transaction((tx) => a.submit(tx, { kind: 'test.one', subject, locks: [subject], args: {} })));
    }
    await Promise.all([a.start(forever()), b.start(forever())]);
    const ended = await Promise.all(ids.map((id) => b.finished(id, forever())));
    expect(ended.map((task) => task.state)).toEqual(ids.map(() => 'succeeded'));
    expect(runs.toSorted()).toEqual(ids.toSorted());
    expect(ranBy.a + ranBy.b).toBe(TASKS);
    expect(Math.min(ranBy.a, ranBy.b)).toBeGreaterThan(0);
    const rows = await storeA.db.selectFrom('settings').select('key').where('key', 'in', ids).execute();
    expect(rows).toHaveLength(TASKS);
    expect(await storeA.db.selectFrom('leases').select('key').where('holder', 'like', 'task:%').execute()).toEqual([]);
  });

  it('take over from one that is paused, and refuse what it writes when it wakes up', async () => {
    const [storeA, storeB] = await twoStores();
    const clockA = pausable();
    const [inA, inB, wakeA, endB] = [gate(), gate(), gate(), gate()];
    const refused: unknown[] = [];
    const fences: number[] = [];
    const a = engineOn(
      storeA,
      'a',
      oneStep(async (context) => {
        fences.push(context.fence);
        inA.open();
        await wakeA.opened;
        const late = context.transaction((tx) => tx.insertInto('settings').values({ key: 'late', value: 'a', updated_at: 0 }).execute());
        refused.push(await late.catch((error: unknown) => error));
        return done('by a');
      }),
      { clock: clockA, leaseTtlMs: 1500 },
    );
    const b = engineOn(
      storeB,
      'b',
      oneStep(async (context) => {
        fences.push(context.fence);
        expect(context.isResumed).toBe(true);
        inB.open();
        await endB.opened;
        return done('by b');
      }),
    );
    await a.start(forever());
    const id = await storeA.transaction((tx) => a.submit(tx, { kind: 'test.one', subject: 's', locks: ['node:x'], args: {} }));
    await inA.opened;
    clockA.pause();
    await b.start(forever());
    await inB.opened;
    // B is in the middle of the step. Now A comes back and goes on as if nothing had happened.
    wakeA.open();
    await expect.poll(() => refused.length, { timeout: MINUTE }).toBe(1);
    clockA.resume();
    endB.open();
    const task = await a.finished(id, forever());
    expect(task).toMatchObject({ state: 'succeeded', result: 'by b' });
    expect(refused[0] instanceof RackseedError && refused[0].code).toBe('store.fenced');
    expect(fences).toEqual([1, 2]);
    expect(await storeA.db.selectFrom('settings').select('key').where('key', '=', 'late').execute()).toEqual([]);
    const story = await storeA.events.list({ after: 0, limit: 100 });
    expect(story.filter((event) => event.taskId === id).map((event) => event.type)).toEqual([
      'task.submitted',
      'task.started',
      'task.step_started',
      'task.resumed',
      'task.step_started',
      'task.step_done',
      'task.finished',
    ]);
  });
});
