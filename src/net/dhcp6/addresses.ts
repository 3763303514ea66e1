// Which address a client has, without a lease file (RFC 7943): a keyed hash of prefix, DUID, IAID and a counter. The table only remembers
// who has been told what, so that two clients never share one; forgetting it loses nothing that a client was promised.

import { hash } from 'node:crypto';
import { bytesToIpv6, type Ipv6, ipv6ToBytes, type Prefix6 } from '../../lib/index.ts';

/** RFC 7943 §4's counter: the next value is tried when an address is taken, declined or reserved. */
export const MAX_COUNTER = 16;
const BYTES = 16;
/** Addresses below ::1:0 of a prefix are those that people give by hand, routers first. */
const RESERVED_LOW_BITS = 16;

export interface Association {
  readonly duid: Uint8Array;
  readonly iaid: number;
}

export function keyOf({ duid, iaid }: Association): string {
  return `${Buffer.from(duid).toString('hex')}/${iaid.toString(16)}`;
}

/** The candidates in their order. The same input gives the same addresses after any restart. */
export function* candidates(secret: Uint8Array, prefix: Prefix6, { duid, iaid }: Association): Generator<Ipv6> {
  for (let counter = 0; counter < MAX_COUNTER; counter += 1) {
    const numbers = Buffer.alloc(9);
    numbers.writeUInt8(prefix.length, 0);
    numbers.writeUInt32BE(iaid, 1);
    numbers.writeUInt32BE(counter, 5);
    // Secret, prefix and numbers have fixed lengths, so that no two inputs read alike.
    const digest = hash('sha256', Buffer.concat([secret, prefix.network, numbers, duid]), 'buffer');
    const address = withHostBits(prefix, digest.subarray(0, BYTES));
    if (!isReserved(prefix, address)) yield address;
  }
}

function withHostBits(prefix: Prefix6, digest: Uint8Array): Ipv6 {
  const bytes = prefix.network.map((byte, index) => {
    const networkBits = Math.min(8, Math.max(0, prefix.length - 8 * index));
    return byte | ((digest[index] ?? 0) & (0xff >> networkBits));
  });
  return bytesToIpv6(bytes);
}

/** RFC 5453: the subnet anycast addresses at the top; and those that people write by hand at the bottom. */
export function isReserved(prefix: Prefix6, address: Ipv6): boolean {
  const bytes = ipv6ToBytes(address);
  const high = bytes.subarray(0, BYTES - RESERVED_LOW_BITS / 8);
  if (high.every((byte, index) => byte === prefix.network[index])) return true;
  return (bytes[8] === 0xfd || bytes[8] === 0xff) && bytes.subarray(9, 15).every((byte) => byte === 0xff) && (bytes[15] ?? 0) >= 0x80;
}

interface Held {
  /** null: somebody else was found to use it (DECLINE). */
  readonly key: string | null;
  readonly until: number;
}

/** Bounded: at the cap the entry that was used longest ago is forgotten. Times are handed in. */
export class AddressTable {
  readonly #max: number;
  readonly #held = new Map<Ipv6, Held>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#held.size;
  }

  /** True when nobody else has it, as far as is remembered. */
  isFree(address: Ipv6, key: string, now: number): boolean {
    const held = this.#held.get(address);
    return held === undefined || held.until <= now || held.key === key;
  }

  hold(address: Ipv6, key: string, until: number): void {
    this.#put(address, { key, until });
  }

  decline(address: Ipv6, until: number): void {
    this.#put(address, { key: null, until });
  }

  release(address: Ipv6, key: string): void {
    if (this.#held.get(address)?.key === key) this.#held.delete(address);
  }

  /** Map order is order of last use. */
  #put(address: Ipv6, held: Held): void {
    this.#held.delete(address);
    this.#held.set(address, held);
    if (this.#held.size <= this.#max) return;
    for (const oldest of this.#held.keys()) {
      this.#held.delete(oldest);
      return;
    }
  }
}
