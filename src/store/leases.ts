// Locks that outlive a process: a holder, an expiry, and a fencing number that every later holder's exceeds. Expiry is by
// the appliances' clocks, so a holder may believe in a lease already taken from it: that is what check() is for.

import type { Clock } from '../lib/index.ts';
import { isoTime } from '../lib/index.ts';
import { fail } from './errors.ts';
import { nextCount } from './events.ts';
import { prepared, preparedWrite } from './prepared.ts';
import type { LeaseTable } from './schema.ts';
import type { Lease, Leases } from './types.ts';

export function createLeases(clock: Clock): Leases {
  return {
    async acquire(tx, request) {
      const now = clock.now();
      const [row] = await leaseByKey(tx, request);
      if (row !== undefined && row.holder !== request.holder && row.expires_at > now) return { ok: false, heldBy: leaseOf(row) };
      const isOwn = row?.holder === request.holder;
      // One counter for all keys: a lease released and taken again still gets a higher number than it ever had.
      const fence = isOwn ? row.fence : await nextCount(tx, 'fence');
      const { key, holder, purpose } = request;
      const lease = { key, holder, purpose, expires_at: now + request.ttlMs, fence };
      await putLease(tx, lease);
      return { ok: true, lease: leaseOf(lease) };
    },

    async renew(tx, lease, ttlMs) {
      const { key, holder, fence } = lease;
      return (await renewOwn(tx, { key, holder, fence, until: clock.now() + ttlMs })) > 0;
    },

    async release(tx, { key, holder, fence }) {
      await deleteOwn(tx, { key, holder, fence });
    },

    async check(tx, lease) {
      const [row] = await leaseByKey(tx, lease);
      if (row !== undefined && row.holder === lease.holder && row.fence === lease.fence) return;
      throw fenced(lease, row);
    },
  };
}

type Own = Pick<LeaseTable, 'key' | 'holder' | 'fence'>;

const leaseByKey = prepared((tx, given: Pick<LeaseTable, 'key'>) => tx.selectFrom('leases').selectAll().where('key', '=', given.key));

const putLease = preparedWrite((tx, { key, holder, purpose, expires_at, fence }: LeaseTable) =>
  tx
    .insertInto('leases')
    .values({ key, holder, purpose, expires_at, fence })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ holder, purpose, expires_at, fence })),
);

const renewOwn = preparedWrite((tx, { key, holder, fence, until }: Own & { readonly until: number }) =>
  tx.updateTable('leases').set({ expires_at: until }).where('key', '=', key).where('holder', '=', holder).where('fence', '=', fence),
);

const deleteOwn = preparedWrite((tx, { key, holder, fence }: Own) =>
  tx.deleteFrom('leases').where('key', '=', key).where('holder', '=', holder).where('fence', '=', fence),
);

function leaseOf(row: LeaseTable): Lease {
  return { key: row.key, holder: row.holder, purpose: row.purpose, expiresAt: row.expires_at, fence: row.fence };
}

function fenced(lease: Lease, now: LeaseTable | undefined) {
  const whose = now === undefined ? 'nobody holds it now' : `${now.holder} holds it until ${isoTime(now.expires_at)} (${now.purpose})`;
  return fail('store.fenced', {
    message: `the lease ${lease.key} of ${lease.holder} (${lease.purpose}) was lost: ${whose}`,
    hint: 'nothing was written; whoever holds the lease goes on with the work',
    detail: { key: lease.key, fence: lease.fence, heldBy: now?.holder ?? null },
  });
}
