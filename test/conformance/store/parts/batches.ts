import { expect, it } from 'vitest';
import { BugError, silentLog } from '../../../../src/lib/index.ts';
import type { Store, TaskLogLine } from '../../../../src/store/index.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import type { Bench } from '../suite.ts';

export function batchTests(bench: Bench): void {
  it('writes task lines in order, and lists them from where the reader is', async () => {
    const store = await bench.open();
    for (let index = 0; index < 1200; index += 1) store.taskLogs.append(line(String(index)));
    store.taskLogs.append({ ...line('other'), taskId: 't2' });
    await store.taskLogs.flush();
    const first = await store.taskLogs.list({ taskId: 't1', afterId: 0, limit: 1000 });
    const rest = await store.taskLogs.list({ taskId: 't1', afterId: first.at(-1)?.id ?? 0, limit: 1000 });
    expect([...first, ...rest].map((row) => row.line)).toEqual(Array.from({ length: 1200 }, (_, index) => String(index)));
  });

  it('writes by itself after a while', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    store.taskLogs.append(line('a'));
    store.reasons.note(reason('s', 'because'));
    expect(await lines(store)).toEqual([]);
    await clock.advance(200);
    await Promise.all([store.taskLogs.flush(), store.reasons.flush()]); // waits for what the clock began
    expect(await lines(store)).toEqual(['a']);
    expect(await store.reasons.list('s', 10)).toHaveLength(1);
  });

  it('writes what is left when it is closed', async () => {
    const url = await bench.fixture.freshUrl();
    const store = await bench.open({ url, clock: createFakeClock() });
    store.taskLogs.append(line('last'));
    store.reasons.note(reason('s', 'last'));
    await store.close();
    const again = await bench.open({ url });
    expect(await lines(again)).toEqual(['last']);
    expect(await again.reasons.list('s', 10)).toMatchObject([{ reason: 'last' }]);
  });

  it('may be given lines inside a transaction, which they are no part of', async () => {
    const errors: string[] = [];
    const store = await bench.open({ log: { ...silentLog, error: (_, message) => errors.push(message) } });
    await store
      .transaction(async () => {
        for (let index = 0; index < 600; index += 1) store.taskLogs.append(line(String(index)));
        await Promise.resolve();
        throw new Error('no');
      })
      .catch(() => undefined);
    await store.taskLogs.flush();
    expect(await lines(store)).toHaveLength(600);
    expect(errors).toEqual([]);
    await expect(store.transaction(() => store.taskLogs.flush())).rejects.toBeInstanceOf(BugError);
  });

  it('keeps the newest lines at the cap, and says how many are missing', async () => {
    const store = await bench.open({ clock: createFakeClock() });
    // Nothing can be written while this is open, so all of it waits.
    await store.transaction(async () => {
      for (let index = 0; index < 12_000; index += 1) store.taskLogs.append(line(String(index)));
    });
    await store.taskLogs.flush();
    const rows = await store.db.selectFrom('task_logs').select(['line', 'stream']).orderBy('id').execute();
    expect(rows.at(-1)?.line).toBe('11999');
    const gaps = rows.filter((row) => row.stream === 'note');
    const dropped = gaps.reduce((sum, row) => sum + Number(/\d+/.exec(row.line)?.[0]), 0);
    expect(dropped).toBeGreaterThan(0);
    expect(rows.length - gaps.length + dropped).toBe(12_000);
  });

  it('gives the reasons of a machine, newest first, with their particulars', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    store.reasons.note(reason('mac:1', 'first'));
    store.reasons.note({ ...reason('mac:1', 'second'), data: { arch: 7 } });
    store.reasons.note(reason('mac:2', 'other'));
    await store.reasons.flush();
    expect(await store.reasons.list('mac:1', 10)).toEqual([
      { at: clock.now(), area: 'dhcp', decision: 'ignore', reason: 'second', data: { arch: 7 } },
      { at: clock.now(), area: 'dhcp', decision: 'ignore', reason: 'first', data: {} },
    ]);
    expect(await store.reasons.list('mac:1', 1)).toMatchObject([{ reason: 'second' }]);
  });

  it('keeps the last 200 reasons of a machine', async () => {
    const store = await bench.open();
    for (let index = 0; index < 450; index += 1) store.reasons.note(reason('mac:1', String(index)));
    store.reasons.note(reason('mac:2', 'kept'));
    await store.reasons.flush();
    const kept = await store.reasons.list('mac:1', 1000);
    expect(kept.map((row) => row.reason)).toEqual(Array.from({ length: 200 }, (_, index) => String(449 - index)));
    expect(await store.reasons.list('mac:2', 10)).toHaveLength(1);
  });

  it('keeps at most 100,000 reasons in all, whatever addresses a stranger invents', async () => {
    const store = await bench.open();
    await fillReasons(store, 100_000);
    for (let index = 0; index < 1500; index += 1) store.reasons.note(reason(`mac:new${index}`, 'x'));
    await store.reasons.flush();
    const { count } = await store.db.selectFrom('reasons').select(store.db.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    expect(count).toBeLessThanOrEqual(100_000);
    expect(count).toBeGreaterThan(98_000);
    expect(await store.reasons.list('mac:new1499', 1)).toHaveLength(1);
    expect(await store.reasons.list('old1', 1)).toEqual([]);
  });
}

async function fillReasons(store: Store, count: number): Promise<void> {
  const row = { at: 1, area: 'dhcp', decision: 'ignore', reason: '', data: '{}' };
  await store.transaction(async (tx) => {
    for (let from = 0; from < count; from += 2000) {
      const rows = Array.from({ length: 2000 }, (_, index) => ({ ...row, subject: `old${from + index}` }));
      await tx.insertInto('reasons').values(rows).execute();
    }
  });
}

function line(text: string): TaskLogLine {
  return { taskId: 't1', position: 0, stream: 'out', line: text };
}

async function lines(store: Store): Promise<string[]> {
  return (await store.taskLogs.list({ taskId: 't1', afterId: 0, limit: 1000 })).map((row) => row.line);
}

function reason(subject: string, text: string) {
  return { subject, area: 'dhcp', decision: 'ignore', reason: text };
}
