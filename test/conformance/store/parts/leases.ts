import { expect, it } from 'vitest';
import type { Lease, LeaseRequest, Store } from '../../../../src/store/index.ts';
import { containing } from '../../../support/containing.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import type { Bench } from '../suite.ts';

const REQUEST: LeaseRequest = { key: 'node:1', holder: 'a', purpose: 'deploy', ttlMs: 1000 };

export function leaseTests(bench: Bench): void {
  it('is given to one holder at a time, and the other is told who has it and why', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const lease = await taken(store, REQUEST);
    expect(lease).toEqual({ key: 'node:1', holder: 'a', purpose: 'deploy', expiresAt: clock.now() + 1000, fence: 1 });
    const refused = await acquire(store, { ...REQUEST, holder: 'b', purpose: 'clean' });
    expect(refused).toEqual({ ok: false, heldBy: lease });
  });

  it('of many that ask at once exactly one gets it', async () => {
    const store = await bench.open();
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => acquire(store, { ...REQUEST, holder: `h${index}` })));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
  });

  it('keeps its fence when its holder asks again, and takes the new purpose and time', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const first = await taken(store, REQUEST);
    await clock.advance(500);
    const again = await taken(store, { ...REQUEST, purpose: 'more' });
    expect(again).toEqual({ ...first, purpose: 'more', expiresAt: clock.now() + 1000 });
  });

  it('can be taken once it has expired, with a higher fence; the old holder is fenced off', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const old = await taken(store, REQUEST);
    await clock.advance(1000);
    const next = await taken(store, { ...REQUEST, holder: 'b' });
    expect(next.fence).toBeGreaterThan(old.fence);
    await expect(check(store, old)).rejects.toMatchObject({ code: 'store.fenced', message: containing('b holds it') });
    expect(await renew(store, old)).toBe(false);
    await check(store, next);
  });

  it('can be renewed late as long as nobody took it', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const lease = await taken(store, REQUEST);
    await clock.advance(5000);
    expect(await renew(store, lease)).toBe(true);
    expect(await acquire(store, { ...REQUEST, holder: 'b' })).toMatchObject({ ok: false, heldBy: { expiresAt: clock.now() + 1000 } });
  });

  it('is free after its release, and what it fenced stays fenced', async () => {
    const store = await bench.open();
    const first = await taken(store, REQUEST);
    await store.transaction((tx) => store.leases.release(tx, first));
    await expect(check(store, first)).rejects.toMatchObject({ code: 'store.fenced', message: containing('nobody holds it') });
    const second = await taken(store, REQUEST);
    expect(second.fence).toBeGreaterThan(first.fence);
    await expect(check(store, first)).rejects.toMatchObject({ code: 'store.fenced' });
  });

  it('is not released by a holder that has lost it', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const old = await taken(store, REQUEST);
    await clock.advance(2000);
    const next = await taken(store, { ...REQUEST, holder: 'b' });
    await store.transaction((tx) => store.leases.release(tx, old));
    await check(store, next);
  });

  it('a fenced transaction writes nothing', async () => {
    const store = await bench.open();
    const lease = await taken(store, REQUEST);
    await store.transaction((tx) => store.leases.release(tx, lease));
    const late = store.transaction(async (tx) => {
      await store.leases.check(tx, lease);
      await store.events.append(tx, { type: 'a.b', message: 'late' });
    });
    await expect(late).rejects.toMatchObject({ code: 'store.fenced' });
    expect(await store.events.lastSeq()).toBe(0);
  });
}

function acquire(store: Store, request: LeaseRequest) {
  return store.transaction((tx) => store.leases.acquire(tx, request));
}

async function taken(store: Store, request: LeaseRequest): Promise<Lease> {
  const result = await acquire(store, request);
  if (!result.ok) throw new Error(`held by ${result.heldBy.holder}`);
  return result.lease;
}

function renew(store: Store, lease: Lease): Promise<boolean> {
  return store.transaction((tx) => store.leases.renew(tx, lease, 1000));
}

function check(store: Store, lease: Lease): Promise<void> {
  return store.transaction((tx) => store.leases.check(tx, lease));
}
