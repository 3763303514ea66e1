// Durable leases behind a small seam, and the group commit in front of it: many ACKs wait for one write. Knows no sockets, no SQL.

import type { DhcpLease } from './lease-table.ts';

export interface LeaseBook {
  load(): Promise<DhcpLease[]>;
  /** Durable when it resolves; all or none. */
  save(leases: readonly DhcpLease[]): Promise<void>;
  /** When the next save is welcome; what comes until then shares it. Never rejects. */
  ready?(): Promise<void> | undefined;
  /** After the last save. */
  close?(): Promise<void>;
}

interface Batch {
  readonly leases: Map<string, DhcpLease>;
  readonly written: Promise<void>;
}

/**
 * While one batch is being written the next one collects; of two changes of one address in a batch the later is kept. Returned is the
 * promise of the batch the lease is in. Bounded by the server's cap on packets in work.
 */
export function groupCommit(book: LeaseBook): (lease: DhcpLease) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  let open: Batch | undefined;
  const begin = (): Batch => {
    const leases = new Map<string, DhcpLease>();
    const write = async (): Promise<void> => {
      const ready = book.ready?.();
      if (ready !== undefined) await ready;
      open = undefined;
      await book.save([...leases.values()]);
    };
    const written = last.then(write);
    // Whoever waits for this batch gets its failure; the next batch only needs to know that it is over.
    last = written.catch(() => undefined);
    return { leases, written };
  };
  return (lease) => {
    open ??= begin();
    open.leases.set(lease.address, lease);
    return open.written;
  };
}
