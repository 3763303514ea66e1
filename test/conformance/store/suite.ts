// The one suite that every database behind the store passes.

import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Store, StoreOptions } from '../../../src/store/index.ts';
import { type StoreFixture, storeAt } from './fixture.ts';
import { batchTests } from './parts/batches.ts';
import { eventTests } from './parts/events.ts';
import { leaseTests } from './parts/leases.ts';
import { openingTests } from './parts/opening.ts';
import { outboxTests } from './parts/outbox.ts';
import { rotationTests } from './parts/rotation.ts';
import { sameTests } from './parts/same.ts';
import { transactionTests } from './parts/transactions.ts';
import { vaultTests } from './parts/vault.ts';

export interface Bench {
  readonly fixture: StoreFixture;
  /** A store on a fresh database, or on the given one; closed when the test ends. */
  open(overrides?: Partial<StoreOptions>): Promise<Store>;
}

export function storeSuite(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`the store on ${name}`, () => {
    let fixture: StoreFixture | undefined;
    const opened: Store[] = [];
    beforeAll(async () => {
      fixture = await makeFixture();
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
    afterAll(() => fixture?.remove());

    const bench: Bench = {
      get fixture() {
        if (fixture === undefined) throw new Error('the fixture is made in beforeAll');
        return fixture;
      },
      open: async (overrides = {}) => {
        const store = await storeAt(overrides.url ?? (await bench.fixture.freshUrl()), overrides);
        opened.push(store);
        return store;
      },
    };
    describe('transactions', () => transactionTests(bench));
    describe('events', () => eventTests(bench));
    describe('leases', () => leaseTests(bench));
    describe('outbox', () => outboxTests(bench));
    describe('task logs and reasons', () => batchTests(bench));
    describe('vault', () => vaultTests(bench));
    describe('change of keys', () => rotationTests(bench));
    describe('opening', () => openingTests(bench));
    describe('the same on both databases', () => sameTests(bench));
  });
}
