// Which address of a part of a pool is free, in constant time however large the pool and however full. Pure: the leases are the table's.

import type { Ipv4 } from '../../../lib/index.ts';
import { addressAt, type IndexedSubnet } from '../subnet.ts';
import { ExpiryQueue } from './expiry-queue.ts';

/** Neither pool nor reservations give it to anybody else. */
const NEVER_USED = 0;

export class FreeAddresses {
  readonly #subnet: IndexedSubnet;
  readonly #end: number;
  readonly #endOf: (address: Ipv4) => number | undefined;
  readonly #ends: ExpiryQueue<Ipv4>;
  /** All before it were looked at; those without a lease since then are in the queue. */
  #next: number;

  /** The addresses number `start` to `end` - 1 of the pools. `endOf`: when the address's lease ends or ended; undefined when it has none. */
  constructor(subnet: IndexedSubnet, start: number, end: number, endOf: (address: Ipv4) => number | undefined) {
    this.#subnet = subnet;
    this.#next = start;
    this.#end = end;
    this.#endOf = endOf;
    this.#ends = new ExpiryQueue((address) => endOf(address) ?? NEVER_USED);
  }

  /** To be told whenever a lease of it was put or removed. */
  changed(address: Ipv4): void {
    if (!this.#subnet.byAddress.has(address)) this.#ends.put(address, this.#endOf(address) ?? NEVER_USED);
  }

  /** First one never given out, else the one that has been free the longest: a machine that comes back finds its own. It stays free until it is leased. */
  find(now: number, isOurs: (address: Ipv4) => boolean): Ipv4 | undefined {
    for (; this.#next < this.#end; this.#next += 1) {
      const address = addressAt(this.#subnet, this.#next);
      if (this.#endOf(address) === undefined && !this.#subnet.byAddress.has(address) && !isOurs(address)) return address;
    }
    for (;;) {
      const first = this.#ends.first();
      if (first === undefined || first.at > now) return undefined;
      if (!isOurs(first.key)) return first.key;
      this.#ends.drop();
    }
  }
}
