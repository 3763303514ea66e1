import { expect, it } from 'vitest';
import { type Conductors, createConductors } from '../../../src/conductors/index.ts';
import { silentLog } from '../../../src/lib/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

interface Site {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly conductor: (hostname: string, conductorGroup?: string) => Conductors;
}

async function openSite(): Promise<Site> {
  const clock = createFakeClock();
  const store = await openTestStore({ clock });
  const drivers = () => ['ipmi', 'fake-hardware'];
  return {
    store,
    clock,
    conductor: (hostname, conductorGroup = '') => createConductors({ store, clock, log: silentLog, hostname, conductorGroup, drivers }),
  };
}

const GO = new AbortController().signal;

it('a conductor is alive while it beats, and not when it has stopped', async () => {
  const { clock, conductor } = await openSite();
  const [one, two] = [conductor('one'), conductor('two')];
  await one.start(GO);
  await two.start(GO);
  const alive = async () => (await one.list()).map(({ hostname, isAlive }) => [hostname, isAlive]);
  await clock.advance(300_000);
  expect(await alive()).toEqual([
    ['one', true],
    ['two', true],
  ]);
  await two.stop();
  expect(await alive()).toEqual([
    ['one', true],
    ['two', false],
  ]);
  expect((await one.list())[0]).toMatchObject({ drivers: ['fake-hardware', 'ipmi'], conductorGroup: '', createdAt: 1_700_000_000_000 });
  await one.stop();
});

it('one that was cut off is dead after a minute, and forgotten after a month', async () => {
  const { store, clock, conductor } = await openSite();
  const one = conductor('one');
  await one.start(GO);
  const now = clock.now();
  await store.db
    .insertInto('conductors')
    .values({ hostname: 'lost', conductor_group: '', drivers: '[]', seen_at: now, created_at: now, updated_at: now })
    .execute();
  await clock.advance(59_000);
  expect((await one.list()).find(({ hostname }) => hostname === 'lost')?.isAlive).toBe(true);
  await clock.advance(1000);
  expect((await one.list()).find(({ hostname }) => hostname === 'lost')?.isAlive).toBe(false);
  await store.db
    .updateTable('conductors')
    .set({ updated_at: now - 31 * 24 * 3_600_000 })
    .where('hostname', '=', 'lost')
    .execute();
  await clock.advance(10_000);
  expect((await one.list()).map(({ hostname }) => hostname)).toEqual(['one']);
  await one.stop();
});

it('a node belongs to one of its group, always the same, and to any where the group has none', async () => {
  const { clock, conductor } = await openSite();
  const all = [conductor('a1', 'a'), conductor('a2', 'a'), conductor('b1', 'b')] as const;
  for (const one of all) await one.start(GO);
  await clock.advance(10_000);
  const uuids = Array.from({ length: 16 }, (_, i) =>
    `${i.toString(16)}0000000${i.toString(16)}`.slice(-8).concat('-2222-4333-8444-555555555555'),
  );
  const owners = uuids.map((uuid) => all[0].ofNode({ uuid, conductorGroup: 'a' }));
  expect(new Set(owners)).toEqual(new Set(['a1', 'a2']));
  expect(uuids.map((uuid) => all[2].ofNode({ uuid, conductorGroup: 'a' }))).toEqual(owners);
  expect(all[0].ofNode({ uuid: uuids[0] ?? '', conductorGroup: 'b' })).toBe('b1');
  expect(['a1', 'a2', 'b1']).toContain(all[0].ofNode({ uuid: uuids[0] ?? '', conductorGroup: 'nobody' }));
  for (const one of all) await one.stop();
  expect(all[0].ofNode({ uuid: uuids[0] ?? '', conductorGroup: 'a' })).toBeNull();
});
