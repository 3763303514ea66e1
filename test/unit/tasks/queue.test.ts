// Who is next, who must wait for whom, and what may not be submitted.

import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import { defineTask, done, type TaskRequest } from '../../../src/tasks/index.ts';
import { type Bench, createBench, forever, started, submit } from './harness.ts';

const MINUTE = 60_000;

function worker(bench: Bench, concurrency?: number) {
  const order: string[] = [];
  let atOnce = 0;
  let most = 0;
  const task = defineTask({
    kind: 'test.work',
    title: 'Work',
    args: Type.Object({ name: Type.String() }),
    ...(concurrency === undefined ? {} : { concurrency }),
    steps: [
      {
        name: 'go',
        title: 'Go',
        timeoutMs: 10 * MINUTE,
        async run({ args, signal }) {
          order.push(args.name);
          atOnce += 1;
          most = Math.max(most, atOnce);
          await bench.clock.sleep(5000, signal);
          atOnce -= 1;
          return done();
        },
      },
    ],
  });
  return { task, order, most: () => most };
}

function named(name: string, more: Partial<TaskRequest> = {}): Partial<TaskRequest> & { kind: string } {
  return { kind: 'test.work', args: { name }, ...more };
}

describe('the queue', () => {
  it('is first in, first out within a priority, and lets an urgent task overtake', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task], { limits: { workers: 1 } });
    for (const name of ['a', 'b', 'c']) await submit(bench, engine, named(name));
    const last = await submit(bench, engine, named('low', { priority: -1 }));
    await submit(bench, engine, named('urgent', { priority: 5 }));
    await started(engine);
    await bench.clock.until(engine.finished(last, forever()));
    expect(order).toEqual(['urgent', 'a', 'b', 'c', 'low']);
  });

  it('starves nobody: a low priority comes after its minutes of waiting', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task], { limits: { workers: 1 } });
    await started(engine);
    const low = await submit(bench, engine, named('low', { priority: -2 }));
    for (let i = 0; i < 60; i += 1) {
      await submit(bench, engine, named(`urgent ${i}`));
      await bench.clock.advance(4000);
    }
    expect((await engine.get(low))?.state).toBe('succeeded');
    expect(order.indexOf('low')).toBeLessThan(40);
  });

  it('does not begin a task before its time', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    await started(engine);
    await submit(bench, engine, named('later', { runAfter: bench.clock.now() + MINUTE }));
    await bench.clock.advance(MINUTE - 1);
    expect(order).toEqual([]);
    await bench.clock.advance(10);
    expect(order).toEqual(['later']);
  });

  it('holds back only tasks that want the same lock, and shows who has it and why', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    await started(engine);
    const first = await submit(bench, engine, named('first', { locks: ['node:a'], subject: 'node:a' }));
    const second = await submit(bench, engine, named('second', { locks: ['node:a'] }));
    await submit(bench, engine, named('free', { locks: ['node:b'] }));
    await bench.clock.advance(1000);
    expect(order).toEqual(['first', 'free']);
    expect((await engine.get(second))?.blockedBy).toEqual([{ key: 'node:a', holder: `task:${first}`, purpose: 'Work (node:a)' }]);
    await bench.clock.until(engine.finished(second, forever()));
    expect(order).toEqual(['first', 'free', 'second']);
  });

  it('lets a task that needs two locks have them in its turn, however many want one of them', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    await started(engine);
    await submit(bench, engine, named('holds a', { locks: ['node:a'] }));
    const both = await submit(bench, engine, named('both', { locks: ['cluster:c', 'node:a'] }));
    for (let i = 0; i < 5; i += 1) await submit(bench, engine, named(`later ${i}`, { locks: ['cluster:c'] }));
    await bench.clock.until(engine.finished(both, forever()));
    expect(order.slice(0, 3)).toEqual(['holds a', 'both', expect.stringMatching(/^later/)]);
  });

  it('does not take a lock that somebody else holds in the store', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    const request = { key: 'node:a', holder: 'api', purpose: 'reserved by hand', ttlMs: 30_000 };
    await bench.store.transaction((tx) => bench.store.leases.acquire(tx, request));
    await started(engine);
    const id = await submit(bench, engine, named('waits', { locks: ['node:a'] }));
    await bench.clock.advance(20_000);
    expect(order).toEqual([]);
    expect((await engine.get(id))?.blockedBy).toMatchObject([{ holder: 'api', purpose: 'reserved by hand' }]);
    expect(await bench.clock.until(engine.finished(id, forever()), 20_000)).toMatchObject({ state: 'succeeded' });
  });

  it('does not give the lock of an unfinished task to another when its lease has run out', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    const first = await submit(bench, engine, named('first', { locks: ['node:a'] }));
    const far = bench.clock.now() + 60 * MINUTE;
    await bench.store.db
      .updateTable('tasks')
      .set({ state: 'running', owner: 'far/away', fence: 1, lease_until: far, started_at: 1 })
      .execute();
    const request = { key: 'node:a', holder: `task:${first}`, purpose: 'x', ttlMs: 1 };
    await bench.store.transaction((tx) => bench.store.leases.acquire(tx, request));
    await started(engine);
    await submit(bench, engine, named('second', { locks: ['node:a'] }));
    await bench.clock.advance(5 * MINUTE);
    expect(order).toEqual([]);
  });

  it('never runs more at once than it has workers, or than the kind allows', async () => {
    const bench = await createBench();
    const limited = worker(bench, 2);
    const engine = bench.engine([limited.task], { limits: { workers: 3 } });
    await started(engine);
    const ids = [];
    for (let i = 0; i < 7; i += 1) ids.push(await submit(bench, engine, named(String(i))));
    for (const id of ids) await bench.clock.until(engine.finished(id, forever()));
    expect(limited.most()).toBe(2);
    const wide = worker(bench);
    const other = bench.engine([wide.task], { limits: { workers: 3 } });
    await bench.clock.until(engine.stop());
    await started(other);
    const more = [];
    for (let i = 0; i < 7; i += 1) more.push(await submit(bench, other, named(String(i))));
    for (const id of more) await bench.clock.until(other.finished(id, forever()));
    expect(wide.most()).toBe(3);
  });
});

describe('submit', () => {
  it('refuses what it could never run, and says why', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task]);
    const refused: [Partial<TaskRequest> & { kind: string }, string, RegExp][] = [
      [{ kind: 'test.wrok' }, 'tasks.unknown_kind', /test\.wrok/],
      [{ kind: 'test.work', args: { name: 7 } }, 'tasks.bad_args', /\/name/],
      [named('x', { locks: ['disk:sda'] }), 'tasks.bad_request', /disk:sda/],
      [named('x', { locks: Array.from({ length: 9 }, (_, i) => `node:${i}`) }), 'tasks.bad_request', /9 locks/],
      [named('x', { priority: 11 }), 'tasks.bad_request', /priority 11/],
      [named('x', { runAfter: 1.5 }), 'tasks.bad_request', /1\.5/],
      [named('x', { subject: '' }), 'tasks.bad_request', /subject/],
      [named('x'.repeat(70_000)), 'tasks.too_large', /65536/],
    ];
    for (const [request, code, message] of refused)
      await expect(submit(bench, engine, request), code).rejects.toSatisfy(
        (error) => error instanceof RackseedError && error.code === code && message.test(error.message),
      );
    expect(await engine.list({ limit: 10 })).toEqual([]);
  });

  it('gives the first task for a key used again, and refuses the key for something else', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task]);
    const first = await submit(bench, engine, named('x', { idempotencyKey: 'k', subject: 'node:a' }));
    expect(await submit(bench, engine, named('x', { idempotencyKey: 'k', subject: 'node:a' }))).toBe(first);
    await expect(submit(bench, engine, named('x', { idempotencyKey: 'k', subject: 'node:b' }))).rejects.toMatchObject({
      code: 'tasks.key_reused',
    });
    expect(await engine.list({ limit: 10 })).toHaveLength(1);
  });

  it('refuses more when too many are unfinished', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task], { limits: { maxUnfinished: 3, workers: 1 } });
    await started(engine);
    for (let i = 0; i < 3; i += 1) await submit(bench, engine, named(String(i)));
    await bench.clock.advance(1);
    await expect(submit(bench, engine, named('more'))).rejects.toMatchObject({ code: 'tasks.queue_full', retryable: true });
  });

  it('leaves nothing behind when the transaction is rolled back', async () => {
    const bench = await createBench();
    const { task, order } = worker(bench);
    const engine = bench.engine([task]);
    await started(engine);
    const rolledBack = bench.store.transaction(async (tx) => {
      await engine.submit(tx, { subject: 's', locks: [], ...named('x'), args: { name: 'x' } });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await bench.clock.advance(5000);
    expect(order).toEqual([]);
    expect(await bench.store.events.list({ after: 0, limit: 10 })).toEqual([]);
  });

  it('lists by state, kind, node and subject, newest first', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task]);
    const a = await submit(bench, engine, named('a', { nodeUuid: 'n1', subject: 'node:n1' }));
    const b = await submit(bench, engine, named('b'));
    const c = await submit(bench, engine, named('c', { nodeUuid: 'n1' }));
    expect((await engine.list({ limit: 10 })).map((task) => task.id)).toEqual([c, b, a]);
    expect((await engine.list({ limit: 10, nodeUuid: 'n1', beforeId: c })).map((task) => task.id)).toEqual([a]);
    expect(await engine.list({ limit: 10, states: ['failed'] })).toEqual([]);
    expect(await engine.list({ limit: 10, kind: 'test.work', subject: 'node:n1' })).toMatchObject([{ id: a, args: { name: 'a' } }]);
  });
});

describe('waiting for an end', () => {
  it('can be given up, and says when there is no such task', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task]);
    await expect(engine.finished('nobody', forever())).rejects.toMatchObject({ code: 'tasks.not_found' });
    const id = await submit(bench, engine, named('x'));
    const patience = new AbortController();
    const waiting = engine.finished(id, patience.signal);
    patience.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(engine.finished(id, AbortSignal.abort(new Error('at once')))).rejects.toThrow('at once');
  });

  it('asks the store once for all who wait', async () => {
    const bench = await createBench();
    const engine = bench.engine([worker(bench).task], { limits: { workers: 100 } });
    await started(engine);
    const ids = [];
    for (let i = 0; i < 50; i += 1) ids.push(await submit(bench, engine, named(String(i))));
    const all = Promise.all(ids.flatMap((id) => [engine.finished(id, forever()), engine.finished(id, forever())]));
    const tasks = await bench.clock.until(all);
    expect(new Set(tasks.map((task) => task.state))).toEqual(new Set(['succeeded']));
  });
});
