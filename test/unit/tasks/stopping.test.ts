// Ends that a step did not choose: timeout, cancel, the appliance stopping, the appliance dying, the store away.

import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { defineErrors, RackseedError } from '../../../src/lib/index.ts';
import { STORE_ERRORS, type Store } from '../../../src/store/index.ts';
import { defineTask, done, type RecheckVerdict, type Step, waitFor } from '../../../src/tasks/index.ts';
import { type Bench, createBench, forever, gate, started, submit } from './harness.ts';

const NO_ARGS = Type.Object({});
const MINUTE = 60_000;

function oneStep(step: Partial<Step<object>> & Pick<Step<object>, 'run'>) {
  const only = { name: 'only', title: 'Only', timeoutMs: MINUTE, ...step };
  return defineTask({ kind: 'test.one', title: 'One', args: NO_ARGS, steps: [only] });
}

function codeOf(reason: unknown): string {
  return reason instanceof RackseedError ? reason.code : String(reason);
}

async function leases(bench: Bench): Promise<string[]> {
  const rows = await bench.store.db.selectFrom('leases').select(['key', 'expires_at']).orderBy('key').execute();
  return rows.filter((row) => row.expires_at > bench.clock.now()).map((row) => row.key);
}

describe('a timeout', () => {
  it('aborts the step, and tries again a step that obeyed', async () => {
    const bench = await createBench();
    const reasons: string[] = [];
    const task = oneStep({
      timeoutMs: 5000,
      retry: { attempts: 2, firstDelayMs: 1000, maxDelayMs: 1000 },
      async run({ signal }) {
        await bench.clock.sleep(MINUTE, signal).catch(() => undefined);
        reasons.push(codeOf(signal.reason));
        throw new Error('told to stop');
      },
    });
    const engine = bench.engine([task]);
    await started(engine);
    const ended = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.one' }), forever()));
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'tasks.step_timeout', message: 'step "Only" took longer than 5 s' } });
    expect(reasons).toEqual(['tasks.step_timeout', 'tasks.step_timeout']);
  });

  it('fails a step that does not obey, and keeps its locks until it lets go', async () => {
    const bench = await createBench();
    const hung = gate();
    const task = oneStep({
      timeoutMs: 5000,
      retry: { attempts: 9, firstDelayMs: 0, maxDelayMs: 0 },
      run: async () => {
        await hung.opened;
        return done();
      },
    });
    const engine = bench.engine([task]);
    await started(engine);
    const ended = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.one', locks: ['node:a'] }), forever()));
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'tasks.step_stuck' }, steps: [{ attempt: 1 }] });
    expect(await leases(bench)).toEqual(['node:a']);
    hung.open();
    await bench.clock.advance(1);
    expect(await leases(bench)).toEqual([]);
  });

  it('lets the locks of a step that never lets go run out', async () => {
    const bench = await createBench();
    const engine = bench.engine([oneStep({ timeoutMs: 5000, run: () => gate<never>().opened })]);
    await started(engine);
    await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.one', locks: ['node:a'] }), forever()));
    await bench.clock.advance(15_000);
    expect(await leases(bench)).toEqual([]);
  });
});

describe('cancel', () => {
  it('aborts the step under way and frees the locks', async () => {
    const bench = await createBench();
    const reasons: string[] = [];
    const task = oneStep({
      async run({ signal }) {
        await bench.clock.sleep(MINUTE, signal).catch(() => undefined);
        reasons.push(codeOf(signal.reason));
        throw new Error('told to stop');
      },
    });
    const engine = bench.engine([task]);
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.one', locks: ['node:a', 'cluster:c'] });
    await bench.clock.advance(1000);
    expect(await leases(bench)).toEqual(['cluster:c', 'node:a']);
    await bench.store.transaction((tx) => engine.cancel(tx, id, 'not wanted'));
    const ended = await bench.clock.until(engine.finished(id, forever()), 1000);
    expect(ended).toMatchObject({
      state: 'cancelled',
      error: { code: 'tasks.cancelled', message: 'not wanted' },
      steps: [{ state: 'cancelled' }],
    });
    expect(reasons).toEqual(['tasks.cancelled']);
    expect(await leases(bench)).toEqual([]);
    expect(await bench.store.transaction((tx) => engine.cancel(tx, id, 'again'))).toBe(false);
  });

  it('ends a queued and a waiting task at once, and wins over a wait that begins', async () => {
    const bench = await createBench();
    const inStep = gate();
    const goOn = gate();
    const task = oneStep({
      async run() {
        inStep.open();
        await goOn.opened;
        return waitFor('never', bench.clock.now() + 60 * MINUTE);
      },
    });
    const engine = bench.engine([task], { limits: { workers: 1 } });
    await started(engine);
    const running = await submit(bench, engine, { kind: 'test.one', locks: ['node:a'] });
    const queued = await submit(bench, engine, { kind: 'test.one' });
    await inStep.opened;
    const late = await submit(bench, engine, { kind: 'test.one', runAfter: bench.clock.now() + MINUTE });
    for (const id of [queued, late]) {
      await bench.store.transaction((tx) => engine.cancel(tx, id, 'not begun'));
      expect(await engine.get(id)).toMatchObject({ state: 'cancelled', steps: [{ state: 'pending' }] });
    }
    await bench.store.transaction((tx) => engine.cancel(tx, running, 'in the middle'));
    goOn.open();
    expect(await bench.clock.until(engine.finished(running, forever()), 5000)).toMatchObject({ state: 'cancelled' });
    expect(await leases(bench)).toEqual([]);
  });

  it('refuses an id that nobody has', async () => {
    const bench = await createBench();
    const engine = bench.engine([]);
    await expect(bench.store.transaction((tx) => engine.cancel(tx, 'nobody', 'x'))).rejects.toMatchObject({ code: 'tasks.not_found' });
  });
});

describe('stop', () => {
  it('lets the step under way finish and leaves the next to the next start', async () => {
    const bench = await createBench();
    const ran: string[] = [];
    const inStep = gate();
    const goOn = gate();
    const task = defineTask({
      kind: 'test.two',
      title: 'Two',
      args: NO_ARGS,
      steps: [
        {
          name: 'first',
          title: 'First',
          timeoutMs: MINUTE,
          async run() {
            inStep.open();
            await goOn.opened;
            ran.push('first');
            return done();
          },
        },
        { name: 'second', title: 'Second', timeoutMs: MINUTE, run: async ({ isResumed }) => done(ran.push(`second ${isResumed}`)) },
      ],
    });
    const engine = bench.engine([task]);
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.two' });
    await inStep.opened;
    const stopped = engine.stop();
    goOn.open();
    await bench.clock.until(stopped);
    expect(ran).toEqual(['first']);
    expect(await engine.get(id)).toMatchObject({ state: 'running' });
    const next = bench.engine([task], { holder: 'another' });
    await started(next);
    expect(await bench.clock.until(next.finished(id, forever()), 5000)).toMatchObject({ state: 'succeeded' });
    expect(ran).toEqual(['first', 'second false']);
  });

  it('aborts a step that takes too long, and the next start resumes it', async () => {
    const bench = await createBench();
    const seen: (string | boolean)[] = [];
    const task = oneStep({
      timeoutMs: 60 * MINUTE,
      async run({ signal, isResumed, attempt }) {
        seen.push(isResumed, String(attempt));
        if (isResumed) return done();
        await bench.clock.sleep(30 * MINUTE, signal).catch(() => undefined);
        seen.push(codeOf(signal.reason));
        throw new Error('told to stop');
      },
    });
    const engine = bench.engine([task], { limits: { drainMs: 3000 } });
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.one' });
    await bench.clock.advance(1000);
    await bench.clock.until(engine.stop(), 5000);
    await engine.stop();
    const next = bench.engine([task]);
    await started(next);
    expect(await bench.clock.until(next.finished(id, forever()), 5000)).toMatchObject({ state: 'succeeded' });
    expect(seen).toEqual([false, '1', 'tasks.stopping', true, '1']);
  });
});

/** Leaves a task as an appliance leaves it that dies in the middle of a step. */
async function dieInStep(bench: Bench, engine: { store: Store }, id: string): Promise<void> {
  const { db } = engine.store;
  const now = bench.clock.now();
  const owner = 'one/earlier';
  await db
    .updateTable('tasks')
    .set({ state: 'running', owner, fence: 1, lease_until: now + 10_000, started_at: now })
    .where('id', '=', id)
    .execute();
  await db
    .updateTable('task_steps')
    .set({ state: 'running', attempt: 1, started_at: now })
    .where('task_id', '=', id)
    .where('position', '=', 0)
    .execute();
}

describe('resume', () => {
  const verdicts: [RecheckVerdict | 'none', string, number][] = [
    ['done', 'succeeded', 0],
    [{ done: 'as found' }, 'succeeded', 0],
    ['redo', 'succeeded', 1],
    ['refuse', 'failed', 0],
    [{ refuse: 'the disk is another one' }, 'failed', 0],
    ['none', 'failed', 0],
  ];
  for (const [verdict, state, runs] of verdicts) {
    it(`of a destructive step asks first: ${JSON.stringify(verdict)} ends in ${state}`, async () => {
      const bench = await createBench();
      let ran = 0;
      const recheck = verdict === 'none' ? {} : { recheck: async () => verdict };
      const run = async () => {
        ran += 1;
        return done();
      };
      const engine = bench.engine([oneStep({ destructive: true, ...recheck, run })]);
      const id = await submit(bench, engine, { kind: 'test.one' });
      await dieInStep(bench, bench, id);
      await started(engine);
      const ended = await bench.clock.until(engine.finished(id, forever()), 5000);
      expect(ended.state).toBe(state);
      expect(ran).toBe(runs);
      expect(ended.error?.code).toBe(state === 'failed' ? 'tasks.redo_refused' : undefined);
    });
  }

  it('waits for the lease of another appliance to run out, but not for that of its own earlier life', async () => {
    const bench = await createBench();
    const task = oneStep({ run: async ({ isResumed }) => done(isResumed) });
    const other = bench.engine([task], { holder: 'two' });
    const id = await submit(bench, other, { kind: 'test.one' });
    await dieInStep(bench, bench, id);
    await started(other);
    await bench.clock.advance(9000);
    expect(await other.get(id)).toMatchObject({ state: 'running' });
    expect(await bench.clock.until(other.finished(id, forever()), 3000)).toMatchObject({ state: 'succeeded', result: true });

    const own = bench.engine([task], { holder: 'one' });
    const second = await submit(bench, own, { kind: 'test.one' });
    await bench.clock.until(other.stop());
    await dieInStep(bench, bench, second);
    await started(own);
    expect(await bench.clock.until(own.finished(second, forever()), 100)).toMatchObject({ state: 'succeeded' });
  });

  it('fails a step in which the process dies again and again', async () => {
    const bench = await createBench();
    const engine = bench.engine([oneStep({ run: async () => done() })], { limits: { maxResumes: 3 } });
    const id = await submit(bench, engine, { kind: 'test.one' });
    await dieInStep(bench, bench, id);
    await bench.store.db.updateTable('task_steps').set({ resumes: 3 }).where('task_id', '=', id).execute();
    await started(engine);
    expect(await bench.clock.until(engine.finished(id, forever()), 5000)).toMatchObject({ error: { code: 'tasks.step_keeps_dying' } });
  });

  it('refuses to go on with other steps or arguments than the task was made with', async () => {
    const bench = await createBench();
    const old = bench.engine([oneStep({ run: async () => done() })]);
    const renamed = await submit(bench, old, { kind: 'test.one' });
    const reshaped = await submit(bench, old, { kind: 'test.one', locks: ['node:x'] });
    await bench.store.db.updateTable('task_steps').set({ name: 'former' }).where('task_id', '=', renamed).execute();
    await bench.store.db.updateTable('tasks').set({ args: '[]' }).where('id', '=', reshaped).execute();
    await started(old);
    expect(await bench.clock.until(old.finished(renamed, forever()))).toMatchObject({ error: { code: 'tasks.definition_changed' } });
    expect(await bench.clock.until(old.finished(reshaped, forever()))).toMatchObject({ error: { code: 'tasks.bad_args' } });
  });
});

describe('an engine whose lease was taken', () => {
  it('is told by the abort, may write nothing more, and leaves the task to the other', async () => {
    const bench = await createBench();
    const seen: string[] = [];
    const task = oneStep({
      timeoutMs: 60 * MINUTE,
      async run(context) {
        if (context.isResumed) return done('by the other');
        await bench.clock.sleep(30 * MINUTE, context.signal).catch(() => undefined);
        seen.push(codeOf(context.signal.reason));
        const late = context.transaction((tx) => tx.insertInto('settings').values({ key: 'late', value: '', updated_at: 0 }).execute());
        await late.catch((error: unknown) => seen.push(codeOf(error)));
        return done('by the first');
      },
    });
    const first = bench.engine([task], { holder: 'first' });
    await started(first);
    const id = await submit(bench, first, { kind: 'test.one', locks: ['node:a'] });
    await bench.clock.advance(1000);
    // As if this process had been stopped for longer than its lease.
    await bench.store.db.updateTable('tasks').set({ lease_until: 0, owner: 'paused' }).where('id', '=', id).execute();
    const second = bench.engine([task], { holder: 'second' });
    await started(second);
    expect(await bench.clock.until(second.finished(id, forever()))).toMatchObject({ state: 'succeeded', result: 'by the other' });
    await bench.clock.advance(10_000);
    expect(seen).toEqual(['tasks.lease_lost', 'store.fenced']);
    expect(await leases(bench)).toEqual([]);
  });
});

describe('what a step writes', () => {
  const thefts: [string, (bench: Bench, id: string) => Promise<unknown>][] = [
    ['its task has changed hands', (bench, id) => bench.store.db.updateTable('tasks').set({ fence: 99 }).where('id', '=', id).execute()],
    ['its owner is another', (bench, id) => bench.store.db.updateTable('tasks').set({ owner: 'other/1' }).where('id', '=', id).execute()],
    ['one of its locks was taken', (bench) => bench.store.db.updateTable('leases').set({ holder: 'other', fence: 99 }).execute()],
  ];
  for (const [what, steal] of thefts)
    it(`is refused when ${what}, in the middle of the step`, async () => {
      const bench = await createBench();
      const seen: string[] = [];
      const task = oneStep({
        async run(context) {
          if (seen.length > 0) return done();
          await steal(bench, context.taskId);
          const late = context.transaction((tx) => tx.insertInto('settings').values({ key: 'late', value: '', updated_at: 0 }).execute());
          seen.push(await late.then(() => 'written', codeOf), codeOf(context.signal.reason));
          throw new Error('what it throws then does not count');
        },
      });
      const engine = bench.engine([task]);
      await started(engine);
      const id = await submit(bench, engine, { kind: 'test.one', locks: ['node:a'] });
      await bench.clock.advance(1000);
      expect(seen).toEqual(['store.fenced', 'tasks.lease_lost']);
      expect(await engine.get(id)).toMatchObject({ state: 'running', error: null });
      expect(await bench.store.db.selectFrom('settings').select('key').where('key', '=', 'late').execute()).toEqual([]);
    });
});

describe('a task in our own hands', () => {
  it('is not taken a second time when its lease was renewed too late', async () => {
    const bench = await createBench();
    let runs = 0;
    const slow = oneStep({
      async run(context) {
        runs += 1;
        await bench.store.db.updateTable('tasks').set({ lease_until: 0 }).where('id', '=', context.taskId).execute();
        await bench.clock.sleep(3000, context.signal);
        return done();
      },
    });
    const engine = bench.engine([slow]);
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.one', locks: ['node:a'] });
    expect(await bench.clock.until(engine.finished(id, forever()))).toMatchObject({ state: 'succeeded' });
    expect(runs).toBe(1);
  });
});

describe('a waiting task', () => {
  it('keeps its locks by whoever is alive when its appliance is gone', async () => {
    const bench = await createBench();
    const patient = oneStep({ run: async ({ woken }) => (woken === undefined ? waitFor('go', bench.clock.now() + 60 * MINUTE) : done()) });
    const one = bench.engine([patient], { holder: 'one' });
    await started(one);
    const id = await submit(bench, one, { kind: 'test.one', locks: ['node:a'] });
    await bench.clock.advance(1000);
    await bench.store.db.updateTable('tasks').set({ owner: 'gone/1' }).where('id', '=', id).execute();
    await bench.clock.advance(5 * MINUTE);
    expect(await leases(bench)).toEqual(['node:a']);
    expect((await bench.store.db.selectFrom('tasks').select('owner').executeTakeFirst())?.owner).toMatch(/^one\//);
    await bench.store.transaction((tx) => one.wake(tx, id, 'go'));
    expect(await bench.clock.until(one.finished(id, forever()), 5000)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a store that is away', () => {
  it('costs the time it is away, not the engine nor the task', async () => {
    const bench = await createBench();
    const fail = defineErrors(STORE_ERRORS);
    let isAway = false;
    const store: Store = {
      ...bench.store,
      transaction: (work) =>
        isAway ? Promise.reject(fail('store.unreachable', { message: 'no answer', hint: 'Wait.' })) : bench.store.transaction(work),
    };
    const inStep = gate();
    const goOn = gate();
    const task = oneStep({
      async run() {
        inStep.open();
        await goOn.opened;
        return done('kept');
      },
    });
    const engine = bench.engine([task], { store });
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.one' });
    await inStep.opened;
    isAway = true;
    goOn.open();
    await bench.clock.advance(7000);
    expect(await engine.get(id)).toMatchObject({ state: 'running' });
    isAway = false;
    expect(await bench.clock.until(engine.finished(id, forever()), 10_000)).toMatchObject({ state: 'succeeded', result: 'kept' });
  });
});
