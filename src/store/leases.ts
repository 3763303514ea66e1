// Locks that outlive a process: a holder, an expiry, and a fencing number that every later holder's exceeds. Expiry is by
// the appliances' clocks, so a holder may believe in a lease already taken from it: that is what check() is for.

import type { Clock } from '../lib/index.ts';
import { isoTime } from '../lib/index.ts';
import { fail } from './errors.ts';
import { nextCount } from './events.ts';
import type { LeaseTable } from './schema.ts';
import type { Lease, LeaseRequest, Leases, Tx } from './types.ts';

export function createLeases(clock: Clock): Leases {
  return {
    async acquire(tx, request) {
      const now = clock.now();
      const row = await tx.selectFrom('leases').selectAll().where('key', '=', request.key).executeTakeFirst();
      if (row !== undefined && row.holder !== request.holder && row.expires_at > now) return { ok: false, heldBy: leaseOf(row) };
      const isOwn = row?.holder === request.holder;
      // One counter for all keys: a lease released and taken again still gets a higher number than it ever had.
      const fence = isOwn ? row.fence : await nextCount(tx, 'fence');
      return { ok: true, lease: await write(tx, request, now + request.ttlMs, fence) };
    },

    async renew(tx, lease, ttlMs) {
      const result = await ownRow(tx, lease)
        .set({ expires_at: clock.now() + ttlMs })
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    async release(tx, lease) {
      await tx
        .deleteFrom('leases')
        .where('key', '=', lease.key)
        .where('holder', '=', lease.holder)
        .where('fence', '=', lease.fence)
        .execute();
    },

    async check(tx, lease) {
      const row = await tx.selectFrom('leases').selectAll().where('key', '=', lease.key).executeTakeFirst();
      if (row !== undefined && row.holder === lease.holder && row.fence === lease.fence) return;
      throw fenced(lease, row);
    },
  };
}

async function write(tx: Tx, request: LeaseRequest, expiresAt: number, fence: number): Promise<Lease> {
  const { key, holder, purpose } = request;
  const row = { key, holder, purpose, expires_at: expiresAt, fence };
  await tx
    .insertInto('leases')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ holder, purpose, expires_at: expiresAt, fence }))
    .execute();
  return leaseOf(row);
}

function ownRow(tx: Tx, lease: Lease) {
  return tx.updateTable('leases').where('key', '=', lease.key).where('holder', '=', lease.holder).where('fence', '=', lease.fence);
}

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
