// The lease book in the store's dhcp_leases table. Knows SQL, no DHCP.

import { type Ipv4, type Mac, parseIpv4, parseMac } from '../../../lib/index.ts';
import type { DhcpLeaseTable, Store } from '../../../store/index.ts';
import type { LeaseBook } from './lease-book.ts';
import type { DhcpLease } from './lease-table.ts';

/** SQLite takes at most 32,766 parameters a statement; nine a lease. */
const ROWS_PER_STATEMENT = 1000;
const STORED_STATES = ['bound', 'released', 'declined'] as const;

/** `maxLeases`: the newest so many are loaded; the memory they take is bounded by it. */
export function createStoreLeaseBook(store: Store, maxLeases: number): LeaseBook {
  return {
    load: async () => {
      const rows = await store.db.selectFrom('dhcp_leases').selectAll().orderBy('expires_at', 'desc').limit(maxLeases).execute();
      return rows.map(leaseOf).filter((lease) => lease !== undefined);
    },
    save: (leases) =>
      store.transaction(async (tx) => {
        for (let at = 0; at < leases.length; at += ROWS_PER_STATEMENT) {
          const rows = leases.slice(at, at + ROWS_PER_STATEMENT).map(rowOf);
          await tx
            .insertInto('dhcp_leases')
            .values(rows)
            .onConflict((conflict) =>
              conflict.column('address').doUpdateSet((eb) => ({
                subnet: eb.ref('excluded.subnet'),
                mac: eb.ref('excluded.mac'),
                client_id: eb.ref('excluded.client_id'),
                smbios_uuid: eb.ref('excluded.smbios_uuid'),
                hostname: eb.ref('excluded.hostname'),
                state: eb.ref('excluded.state'),
                starts_at: eb.ref('excluded.starts_at'),
                expires_at: eb.ref('excluded.expires_at'),
              })),
            )
            .execute();
        }
      }),
  };
}

function rowOf(lease: DhcpLease): DhcpLeaseTable {
  return {
    address: lease.address,
    subnet: lease.subnet,
    mac: lease.mac,
    client_id: lease.clientId,
    smbios_uuid: lease.smbiosUuid,
    hostname: lease.hostname,
    state: lease.state,
    starts_at: lease.startsAt,
    expires_at: lease.expiresAt,
  };
}

/** A row that is no lease (edited by hand) is left alone: its address then counts as free, and the next lease there replaces it. */
function leaseOf(row: DhcpLeaseTable): DhcpLease | undefined {
  const address: Ipv4 | undefined = parseIpv4(row.address);
  const mac: Mac | undefined = parseMac(row.mac);
  const state = STORED_STATES.find((known) => known === row.state);
  if (address === undefined || mac === undefined || state === undefined) return undefined;
  return {
    address,
    subnet: row.subnet,
    mac,
    clientId: row.client_id,
    smbiosUuid: row.smbios_uuid,
    hostname: row.hostname,
    state,
    startsAt: Number(row.starts_at),
    expiresAt: Number(row.expires_at),
  };
}
