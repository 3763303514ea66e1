import { describe, expect, it } from 'vitest';
import { type AuditEntry, createAudit } from '../../../src/access/audit.ts';
import { systemRandom as random, silentLog } from '../../../src/lib/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const ENTRY: AuditEntry = {
  actor: 'ada',
  role: 'admin',
  method: 'POST',
  path: '/v1/nodes',
  status: 201,
  address: '192.0.2.1',
  requestId: 'req-1',
  detail: { name: 'n1' },
};

async function openAudit(keep?: { rows: number; trimEvery: number }) {
  const clock = createFakeClock();
  const store = await openTestStore();
  const options = { store, clock, random, log: silentLog, ...(keep === undefined ? {} : { keep }) };
  return { audit: createAudit(options), another: () => createAudit(options), store, clock };
}

async function filled(rows: number, keep?: { rows: number; trimEvery: number }) {
  const opened = await openAudit(keep);
  for (let n = 1; n <= rows; n += 1) opened.audit.note({ ...ENTRY, requestId: `req-${n}` });
  await opened.audit.flush();
  return opened;
}

describe('the audit log', () => {
  it('keeps who did what, numbered, the newest first', async () => {
    const { audit } = await filled(3);
    const rows = await audit.list({ limit: 2 });
    expect(rows.map((row) => [row.seq, row.requestId])).toEqual([
      [3, 'req-3'],
      [2, 'req-2'],
    ]);
    expect(rows[0]).toMatchObject({ actor: 'ada', role: 'admin', path: '/v1/nodes', status: 201, detail: { name: 'n1' } });
    expect((await audit.list({ limit: 10, before: 2 })).map((row) => row.seq)).toEqual([1]);
    expect(await audit.list({ limit: 10, actor: 'eve' })).toEqual([]);
  });

  it('is written by itself soon after, and goes on where an earlier run ended', async () => {
    const { audit, another, store, clock } = await openAudit();
    audit.note(ENTRY);
    await clock.advance(100);
    await audit.close();
    const next = another();
    next.note(ENTRY);
    await next.flush();
    expect(await store.db.selectFrom('audit').select('seq').execute()).toHaveLength(2);
    expect(await next.check()).toMatchObject({ isWhole: true, rows: 2, firstSeq: 1, head: { seq: 2 } });
  });

  it('is whole when nothing was ever written', async () => {
    const { audit } = await openAudit();
    expect(await audit.check()).toEqual({ isWhole: true, reason: 'every row is what was written', rows: 0, firstSeq: null, head: null });
  });

  it.each([
    ['a row that was changed', "update audit set actor = 'eve' where seq = 3", 'row 3 is not what was written'],
    ['a row that was taken out', 'delete from audit where seq = 3', 'rows 3 to 3 are missing'],
    ['rows taken off the end', 'delete from audit where seq > 3', 'rows 4 to 5 are missing'],
    ['rows taken off the beginning', 'delete from audit where seq < 3', 'rows 1 to 2 are missing'],
    ['a row with another one’s hash', 'update audit set hash = (select hash from audit where seq = 2) where seq = 3', 'row 3 is not'],
  ])('shows %s', async (_, statement, reason) => {
    const { audit, store } = await filled(5);
    expect((await audit.check()).isWhole).toBe(true);
    const { sql } = await import('kysely');
    await sql.raw(statement).execute(store.db);
    expect(await audit.check()).toMatchObject({ isWhole: false, reason: containing(reason) });
  });

  it('cannot be made anew by who has the database only: the key is not in it', async () => {
    const { audit, another, store } = await filled(2);
    const before = await audit.check();
    await store.db.deleteFrom('secrets').where('name', '=', 'audit.key').execute();
    expect(await another().check()).toMatchObject({ isWhole: false });
    expect(before.isWhole).toBe(true);
  });

  it('drops the oldest rows at its cap, and what is left can still be checked', async () => {
    const { audit, store } = await openAudit({ rows: 20, trimEvery: 10 });
    for (let n = 0; n < 7; n += 1) {
      for (let i = 0; i < 9; i += 1) audit.note(ENTRY);
      await audit.flush();
    }
    const kept = await store.db.selectFrom('audit').select('seq').orderBy('seq').execute();
    expect(kept.length).toBeGreaterThanOrEqual(20);
    expect(kept.length).toBeLessThanOrEqual(30);
    expect(await audit.check()).toMatchObject({ isWhole: true, firstSeq: kept[0]?.seq, head: { seq: 63 } });
    await store.db
      .deleteFrom('audit')
      .where('seq', '=', kept[0]?.seq ?? 0)
      .execute();
    expect((await audit.check()).isWhole).toBe(false);
  });
});
