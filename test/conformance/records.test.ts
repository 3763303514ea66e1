// What the records around nodes ask of the database: the same on SQLite and PostgreSQL, above all when two writers meet.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/index.ts';
import { containing } from '../support/containing.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { PLAIN_GROUP, type RecordWorld, RULE, recordsAt, STEP } from '../unit/nodes/records/world.ts';
import { errorOf, mac } from '../unit/nodes/world.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('records on %s', (_name, makeFixture) => {
  let fixture: StoreFixture | undefined;
  const opened: Store[] = [];

  async function openWorld(): Promise<RecordWorld> {
    const clock = createFakeClock();
    const store = await storeAt(await (fixture ?? expect.unreachable()).freshUrl(), { clock });
    opened.push(store);
    return recordsAt(store, clock);
  }

  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(() => fixture?.remove());

  it('come back as they were stored, of every kind', async () => {
    const { records, enrol, in: inTx } = await openWorld();
    const { uuid: nodeUuid } = await enrol();
    const group = await inTx((tx) =>
      records.portgroups.create(tx, { ...PLAIN_GROUP, nodeUuid, name: 'bond0', properties: { miimon: 100 } }),
    );
    const chassis = await inTx((tx) => records.chassis.create(tx, { description: 'o\u0000dd', extra: {} }));
    const target = await inTx((tx) =>
      records.targets.create(tx, { nodeUuid, volumeType: 'iscsi', volumeId: 'v', bootIndex: -1, properties: { a: [1, null] }, extra: {} }),
    );
    const connector = await inTx((tx) => records.connectors.create(tx, { nodeUuid, type: 'ip', connectorId: 'x', extra: {} }));
    const template = await inTx((tx) =>
      records.templates.create(tx, { name: 'CUSTOM_A', description: null, steps: [{ ...STEP, priority: 1 }], extra: {} }),
    );
    const plain = { description: null, disableRamdisk: true, public: true, owner: null, traits: ['CUSTOM_A'], extra: {} };
    const runbook = await inTx((tx) => records.runbooks.create(tx, { ...plain, name: 'r', steps: [{ ...STEP, order: 1 }] }));
    const rule = await inTx((tx) => records.rules.create(tx, { ...RULE, sensitive: true }));
    expect(await records.portgroups.get('bond0')).toEqual(group);
    expect(await records.chassis.get(chassis.uuid)).toEqual({ ...chassis, description: 'o\ufffddd' });
    expect(await records.targets.get(target.uuid)).toEqual(target);
    expect(await records.connectors.get(connector.uuid)).toEqual(connector);
    expect(await records.templates.get('CUSTOM_A')).toEqual(template);
    expect(await records.runbooks.list({ project: 'p' })).toEqual([runbook]);
    expect(await records.rules.get(rule.uuid)).toEqual(rule);
  });

  it('are paged in the same order, empty values first', async () => {
    const { records, in: inTx } = await openWorld();
    for (const description of ['b', null, 'a', 'b', null]) await inTx((tx) => records.chassis.create(tx, { description, extra: {} }));
    const seen: (string | null)[] = [];
    for (let marker: string | undefined; ; ) {
      const page = await records.chassis.list({ sort: { key: 'description' }, limit: 2, ...(marker === undefined ? {} : { marker }) });
      if (page.length === 0) break;
      seen.push(...page.map(({ description }) => description));
      marker = page.at(-1)?.uuid;
    }
    expect(seen).toEqual([null, null, 'a', 'b', 'b']);
  });

  it('say which value is taken, also when two take it at once', async () => {
    const { records, enrol, in: inTx } = await openWorld();
    const { uuid: nodeUuid } = await enrol();
    const add = () => inTx((tx) => records.portgroups.create(tx, { ...PLAIN_GROUP, nodeUuid, name: 'bond0', address: null }));
    const ends = await Promise.allSettled([add(), add(), add()]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends)
      if (end.status === 'rejected')
        expect(end.reason).toMatchObject({ code: 'records.duplicate', message: 'A portgroup with name bond0 already exists.' });
    const target = { nodeUuid, volumeType: 'iscsi', volumeId: 'v', bootIndex: 0, properties: {}, extra: {} };
    await inTx((tx) => records.targets.create(tx, target));
    expect(await errorOf(() => inTx((tx) => records.targets.create(tx, target)))).toMatchObject({ message: containing("boot index '0'") });
    const [one] = await records.targets.list({});
    expect(await errorOf(() => inTx((tx) => records.targets.create(tx, { ...target, bootIndex: 1 }, one?.uuid)))).toMatchObject({
      message: `A volume target with UUID ${one?.uuid} already exists.`,
    });
  });

  it('of ports: two that take one name at once do not both get it', async () => {
    const { records, enrol, in: inTx } = await openWorld();
    const { uuid } = await enrol();
    const add = (last: string) => inTx((tx) => records.ports.create(tx, uuid, { address: mac(`52:54:00:00:00:${last}`), name: 'eth0' }));
    const ends = await Promise.allSettled([add('01'), add('02')]);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await records.ports.list({ where: { name: 'eth0' } })).toHaveLength(1);
  });
});
