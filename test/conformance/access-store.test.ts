// Accounts, the set-up link and the audit log on every database that the store knows, and with two appliances on one of them.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Access, createAccess, type Identity } from '../../src/access/index.ts';
import { systemClock as clock, systemRandom as random, silentLog } from '../../src/lib/index.ts';
import { openTestStore } from '../support/store.ts';
import type { StoreFixture } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

const HOUR = 3_600_000;
const PASSWORD = 'correct horse';
const OWNER: Identity = { name: 'admin', role: 'admin', by: 'admin-token' };
const ENTRY = { actor: 'ada', role: 'admin', method: 'POST', path: '/x', status: 200, address: null, requestId: null };

async function open(url: string): Promise<Access> {
  const store = await openTestStore({ url });
  const access = await createAccess({ store, clock, random, log: silentLog, times: { idleMs: HOUR, absoluteMs: HOUR } });
  onTestFinished(() => access.stop());
  return access;
}

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('who may use the appliance, on %s', (_, makeFixture: () => Promise<StoreFixture>) => {
  let fixture: StoreFixture;
  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterAll(() => fixture.remove());

  it('sets up, signs in, makes tokens and keeps the record', async () => {
    const access = await open(await fixture.freshUrl());
    const { word } = await access.setupLink.renew();
    const both = await Promise.allSettled(['ada', 'eve'].map((one) => access.setupLink.use(word, one, PASSWORD)));
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const [user] = await access.users.list();
    const { session } = await access.signIn(user?.name ?? '', PASSWORD, { address: '192.0.2.1', agent: null });
    expect((await access.sessions.find(session.word))?.identity.role).toBe('admin');
    const { token, record } = await access.tokens.create(
      { name: 'ci', role: 'reader', scopes: ['read'], project: null, expiresAt: null },
      OWNER,
    );
    expect(await access.tokens.verify(token)).toMatchObject({ name: 'token:ci', scopes: ['read'] });
    expect((await access.tokens.list(OWNER)).map((one) => one.usedAt !== null)).toEqual([true]);
    await access.tokens.remove(record.id, OWNER);
    for (let n = 0; n < 450; n += 1) access.audit.note(ENTRY);
    expect(await access.audit.check()).toMatchObject({ isWhole: true, rows: 450, head: { seq: 450 } });
    await expect(access.users.remove(user?.name ?? '')).rejects.toMatchObject({ code: 'access.last_admin' });
  });
});

describe('two appliances on one PostgreSQL', () => {
  it('chain one record, also when they write at the same time', async () => {
    const fixture = await postgresFixture();
    onTestFinished(() => fixture.remove());
    const url = await fixture.freshUrl();
    const [one, other] = [await open(url), await open(url)];
    for (let round = 0; round < 20; round += 1) {
      for (const access of [one, other]) for (let n = 0; n < 10; n += 1) access.audit.note(ENTRY);
      await Promise.all([one.audit.flush(), other.audit.flush()]);
    }
    expect(await one.audit.check()).toMatchObject({ isWhole: true, rows: 400 });
    expect(await other.audit.check()).toMatchObject({ isWhole: true, head: { seq: 400 } });
  });
});
