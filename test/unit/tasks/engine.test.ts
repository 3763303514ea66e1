// The engine in its ordinary life, with a clock that the test turns.

import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { defineErrors } from '../../../src/lib/index.ts';
import { defineTask, done, type Step, waitFor, waitUntil } from '../../../src/tasks/index.ts';
import { createBench, forever, started, submit } from './harness.ts';

const fail = defineErrors({
  'test.flaky': { status: 503, about: 'It may work next time.', retryable: true },
  'test.broken': { status: 500, about: 'It will not.' },
});

const NO_ARGS = Type.Object({});
const MINUTE = 60_000;

describe('the task engine', () => {
  it('runs the steps in order and hands results on', async () => {
    const bench = await createBench();
    const seen: unknown[] = [];
    const add = defineTask({
      kind: 'test.add',
      title: 'Add',
      args: Type.Object({ start: Type.Number() }),
      steps: [
        { name: 'first', title: 'First', timeoutMs: MINUTE, run: async ({ args }) => done({ sum: args.start + 1 }) },
        { name: 'never', title: 'Never', timeoutMs: MINUTE, when: () => false, run: async () => done(seen.push('never')) },
        {
          name: 'second',
          title: 'Second',
          timeoutMs: MINUTE,
          async run(context) {
            const { sum } = context.resultOf('first', Type.Object({ sum: Type.Number() }));
            seen.push(context.attempt, context.isResumed, context.woken);
            return done(sum * 2);
          },
        },
      ],
    });
    const engine = bench.engine([add]);
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.add', args: { start: 2 } });
    const task = await bench.clock.until(engine.finished(id, forever()));
    expect(task).toMatchObject({ state: 'succeeded', result: 6, progress: 1, error: null });
    expect(task.steps.map((step) => [step.name, step.state])).toEqual([
      ['first', 'done'],
      ['never', 'skipped'],
      ['second', 'done'],
    ]);
    expect(seen).toEqual([1, false, undefined]);
    const events = await bench.store.events.list({ after: 0, limit: 100 });
    expect(events.map((event) => event.type)).toEqual([
      'task.submitted',
      'task.started',
      'task.step_started',
      'task.step_done',
      'task.step_skipped',
      'task.step_started',
      'task.step_done',
      'task.finished',
    ]);
  });

  it('ends a task with what its last step writes, both or neither', async () => {
    const bench = await createBench();
    const open: number[] = [];
    const note = (title: string) => ({ type: 'test.note', message: title });
    const last = defineTask({
      kind: 'test.last',
      title: 'Last',
      args: Type.Object({ fails: Type.Boolean() }),
      steps: [
        {
          name: 'only',
          title: 'Only',
          timeoutMs: MINUTE,
          run: (context) =>
            context.finish(async (tx) => {
              await bench.store.events.append(tx, note(context.args.fails ? 'taken back' : 'kept'));
              if (context.args.fails) throw fail('test.broken', { message: 'no' });
              const unfinished = await bench.store.db.selectFrom('tasks').select('id').where('state', '=', 'running').execute();
              open.push(unfinished.length);
            }, 'well'),
        },
      ],
    });
    const engine = bench.engine([last]);
    await started(engine);
    const good = await submit(bench, engine, { kind: 'test.last', args: { fails: false } });
    expect(await bench.clock.until(engine.finished(good, forever()))).toMatchObject({ state: 'succeeded', result: 'well', progress: 1 });
    const bad = await submit(bench, engine, { kind: 'test.last', args: { fails: true } });
    expect(await bench.clock.until(engine.finished(bad, forever()))).toMatchObject({ state: 'failed', error: { code: 'test.broken' } });
    expect(open).toEqual([1]);
    const events = await bench.store.events.list({ after: 0, limit: 100 });
    expect(events.filter(({ type }) => type === 'test.note').map(({ message }) => message)).toEqual(['kept']);
    const [kept, done] = ['test.note', 'task.finished'].map((wanted) => events.findIndex(({ type }) => type === wanted));
    expect(kept).toBeLessThan(done ?? 0);
  });

  it('retries what may work next time, with growing delays, and gives up at the cap', async () => {
    const bench = await createBench();
    const at: number[] = [];
    const flaky = defineTask({
      kind: 'test.flaky',
      title: 'Flaky',
      args: NO_ARGS,
      steps: [
        {
          name: 'try',
          title: 'Try',
          timeoutMs: MINUTE,
          retry: { attempts: 4, firstDelayMs: 1000, maxDelayMs: 3000 },
          async run({ attempt }) {
            at.push(bench.clock.now());
            throw fail('test.flaky', { message: `attempt ${attempt}`, hint: 'Wait.' });
          },
        },
      ],
    });
    const engine = bench.engine([flaky]);
    await started(engine);
    const task = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.flaky' }), forever()));
    expect(task).toMatchObject({ state: 'failed', error: { code: 'test.flaky', message: 'attempt 4', hint: 'Wait.' } });
    // Delays of 1, 2, 3 (capped) seconds, each times 0.75 with this random source.
    expect(at.map((time) => time - (at[0] ?? 0))).toEqual([0, 750, 2250, 4500]);
  });

  it('fails at once on an error that a retry cannot mend, and on a bug', async () => {
    const bench = await createBench();
    const make = (kind: string, error: Error) =>
      defineTask({
        kind,
        title: kind,
        args: NO_ARGS,
        steps: [
          {
            name: 'try',
            title: 'Try',
            timeoutMs: MINUTE,
            retry: { attempts: 5, firstDelayMs: 1, maxDelayMs: 1 },
            run: () => Promise.reject(error),
          },
        ],
      });
    const engine = bench.engine([
      make('test.broken', fail('test.broken', { message: 'no' })),
      make('test.bug', new TypeError('undefined is not it')),
    ]);
    await started(engine);
    const broken = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.broken' }), forever()));
    const bug = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.bug' }), forever()));
    expect(broken).toMatchObject({ state: 'failed', error: { code: 'test.broken' }, steps: [{ attempt: 1 }] });
    expect(bug).toMatchObject({ state: 'failed', error: { code: 'tasks.bug' }, steps: [{ attempt: 1 }] });
  });

  it('suspends a step until a time and until a wake, giving the worker back', async () => {
    const bench = await createBench();
    const woken: unknown[] = [];
    const patient = defineTask({
      kind: 'test.patient',
      title: 'Patient',
      args: NO_ARGS,
      steps: [
        {
          name: 'sleep',
          title: 'Sleep',
          timeoutMs: MINUTE,
          async run(context) {
            woken.push(context.woken);
            return context.woken === undefined ? waitUntil(bench.clock.now() + 5 * MINUTE) : done();
          },
        },
        {
          name: 'report',
          title: 'Wait for the report',
          timeoutMs: MINUTE,
          async run(context) {
            woken.push(context.woken);
            return context.woken?.by === 'event' ? done(context.woken.payload) : waitFor('report', bench.clock.now() + 60 * MINUTE);
          },
        },
      ],
    });
    const engine = bench.engine([patient], { limits: { workers: 1 } });
    await started(engine);
    const first = await submit(bench, engine, { kind: 'test.patient', locks: ['node:a'] });
    await bench.clock.advance(MINUTE);
    expect(await engine.get(first)).toMatchObject({ state: 'waiting', waitingFor: null });
    await bench.clock.advance(5 * MINUTE);
    expect(await engine.get(first)).toMatchObject({ state: 'waiting', waitingFor: 'report' });
    expect(await bench.store.transaction((tx) => engine.wake(tx, first, 'report', { ok: true }))).toBe(true);
    const task = await bench.clock.until(engine.finished(first, forever()), 2000);
    expect(task).toMatchObject({ state: 'succeeded', result: { ok: true } });
    expect(woken).toEqual([undefined, { by: 'time' }, undefined, { by: 'event', name: 'report', payload: { ok: true } }]);
    expect(await bench.store.transaction((tx) => engine.wake(tx, first, 'report'))).toBe(false);
  });

  it('gives its locks to others while it waits, where it says so, and takes them again before it goes on', async () => {
    const bench = await createBench();
    const order: string[] = [];
    const step = (name: string, run: Step['run']) =>
      defineTask({ kind: name, title: name, args: NO_ARGS, steps: [{ name: 'it', title: 'It', timeoutMs: 60 * MINUTE, run }] });
    const patient = step('test.patient', async ({ woken }) => {
      order.push(woken === undefined ? 'waits' : 'goes on');
      return woken === undefined ? waitFor('go', bench.clock.now() + 60 * MINUTE, { freesLocks: true }) : done();
    });
    const slow = step('test.slow', async () => {
      order.push('other begins');
      await bench.clock.sleep(MINUTE);
      order.push('other ends');
      return done();
    });
    const engine = bench.engine([patient, slow]);
    await started(engine);
    const first = await submit(bench, engine, { kind: 'test.patient', locks: ['node:a'] });
    await bench.clock.advance(2000);
    expect(await bench.store.db.selectFrom('leases').selectAll().where('key', '=', 'node:a').execute()).toEqual([]);
    await submit(bench, engine, { kind: 'test.slow', locks: ['node:a'] });
    await bench.clock.advance(2000);
    await bench.store.transaction((tx) => engine.wake(tx, first, 'go'));
    await bench.clock.until(engine.finished(first, forever()), 5 * MINUTE);
    expect(order).toEqual(['waits', 'other begins', 'other ends', 'goes on']);
  });

  it('keeps a wake that comes before the wait begins, and one that comes while the last is looked at', async () => {
    const bench = await createBench();
    const payloads: unknown[] = [];
    const early = defineTask({
      kind: 'test.early',
      title: 'Early',
      args: NO_ARGS,
      steps: [
        {
          name: 'listen',
          title: 'Listen',
          timeoutMs: MINUTE,
          async run(context) {
            const payload = context.woken?.by === 'event' ? context.woken.payload : context.woken?.by;
            payloads.push(payload);
            if (payload === 2) return done();
            await bench.store.transaction((tx) => engine.wake(tx, context.taskId, 'news', payload === 1 ? 2 : 1));
            return waitFor('news', bench.clock.now() + 60 * MINUTE);
          },
        },
      ],
    });
    const engine = bench.engine([early]);
    await started(engine);
    const task = await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.early' }), forever()), 5000);
    expect(task.state).toBe('succeeded');
    expect(payloads).toEqual([undefined, 1, 2]);
  });

  it('writes progress seldom but never loses the last word, and keeps log lines', async () => {
    const bench = await createBench();
    const chatty = defineTask({
      kind: 'test.chatty',
      title: 'Chatty',
      args: NO_ARGS,
      steps: [
        {
          name: 'talk',
          title: 'Talk',
          timeoutMs: 60 * MINUTE,
          async run(context) {
            for (let i = 1; i <= 50; i += 1) context.progress(i / 100, `${i} %`);
            context.log('half way');
            await bench.clock.sleep(10 * MINUTE, context.signal);
            return done();
          },
        },
        { name: 'rest', title: 'Rest', timeoutMs: MINUTE, run: async () => done() },
      ],
    });
    const engine = bench.engine([chatty]);
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.chatty' });
    await bench.clock.advance(3000);
    expect(await engine.get(id)).toMatchObject({ progress: 0.25, progressText: '50 %' });
    await bench.clock.until(engine.finished(id, forever()));
    await bench.store.taskLogs.flush();
    const lines = await bench.store.taskLogs.list({ taskId: id, afterId: 0, limit: 10 });
    expect(lines).toMatchObject([{ line: 'half way', position: 0, stream: 'note' }]);
  });

  it('writes through a step only while the step runs', async () => {
    const bench = await createBench();
    let late: Promise<unknown> = Promise.resolve();
    const leaky = defineTask({
      kind: 'test.leaky',
      title: 'Leaky',
      args: NO_ARGS,
      steps: [
        {
          name: 'leak',
          title: 'Leak',
          timeoutMs: MINUTE,
          async run(context) {
            await context.transaction(async (tx) =>
              tx.insertInto('settings').values({ key: 'a', value: 'in time', updated_at: 0 }).execute(),
            );
            late = bench.clock
              .sleep(MINUTE)
              .then(() =>
                context.transaction((tx) => tx.insertInto('settings').values({ key: 'b', value: 'late', updated_at: 0 }).execute()),
              );
            return done();
          },
        },
      ],
    });
    const engine = bench.engine([leaky]);
    await started(engine);
    await bench.clock.until(engine.finished(await submit(bench, engine, { kind: 'test.leaky' }), forever()));
    const refused = expect(late).rejects.toMatchObject({ code: 'tasks.context_closed' });
    await bench.clock.advance(2 * MINUTE);
    await refused;
    expect(await bench.store.db.selectFrom('settings').select('key').where('key', 'in', ['a', 'b']).execute()).toEqual([{ key: 'a' }]);
  });

  it('removes finished tasks with their steps and logs when they are old', async () => {
    const bench = await createBench();
    const short = defineTask({
      kind: 'test.short',
      title: 'Short',
      args: NO_ARGS,
      steps: [{ name: 'go', title: 'Go', timeoutMs: MINUTE, run: async () => done() }],
    });
    const engine = bench.engine([short], { limits: { keepFinishedMs: 30 * MINUTE, pollMs: MINUTE } });
    await started(engine);
    const id = await submit(bench, engine, { kind: 'test.short' });
    await bench.clock.until(engine.finished(id, forever()));
    await bench.clock.advance(45 * MINUTE);
    expect(await engine.get(id)).toBeUndefined();
    expect(await bench.store.db.selectFrom('task_steps').select('task_id').execute()).toEqual([]);
  });
});
