// Which MACs are ports of nodes, answered at once: DHCP keeps the last addresses of a pool for them. Read again in the background.

import { type Clock, type Log, type Mac, messageOf } from './lib/index.ts';
import type { Store } from './store/index.ts';

/** A node that was made a moment ago may still be taken for a stranger: it has its lease by then. */
const READ_EVERY_MS = 30_000;
/** Four ports each of 10,000 nodes take 3 MB. */
const MACS_MAX = 100_000;

export interface KnownMacs {
  has(mac: Mac): boolean;
  refresh(): Promise<void>;
}

export function createKnownMacs({ store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Log }): KnownMacs {
  let macs: ReadonlySet<string> = new Set();
  let readAt = Number.NEGATIVE_INFINITY;

  async function refresh(): Promise<void> {
    readAt = clock.monotonic();
    try {
      const rows = await store.db.selectFrom('ports').select('address').limit(MACS_MAX).execute();
      macs = new Set(rows.map((row) => row.address));
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, 'the ports of nodes could not be read: DHCP goes on with those it knows');
    }
  }

  return {
    refresh,
    has(mac) {
      if (clock.monotonic() - readAt >= READ_EVERY_MS) void refresh(); // it never rejects
      return macs.has(mac);
    },
  };
}
