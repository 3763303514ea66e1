// The leases in memory: who has which address, until when. No clock, no store: callers pass the time and persist what changed.

import { type Ipv4, ipv4ToNumber, type Mac, numberToIpv4 } from '../../lib/index.ts';
import { type AddressRange, type ClientIdentity, type IndexedSubnet, isReservedForOther } from './subnet.ts';

/** `offered` lives in memory only: losing one costs a client one more DISCOVER. */
export type LeaseState = 'offered' | 'bound' | 'released' | 'declined';

export interface DhcpLease {
  readonly address: Ipv4;
  readonly subnet: string;
  readonly mac: Mac;
  readonly clientId: string | null;
  readonly smbiosUuid: string | null;
  readonly hostname: string | null;
  readonly state: LeaseState;
  readonly startsAt: number;
  readonly expiresAt: number;
}

export interface LeaseTableLimits {
  readonly maxLeases: number;
  readonly maxOffers: number;
}

export class LeaseTable {
  readonly #limits: LeaseTableLimits;
  readonly #byAddress = new Map<Ipv4, DhcpLease>();
  readonly #byMac = new Map<Mac, Set<Ipv4>>();
  readonly #offers = new Set<Ipv4>();
  readonly #cursors = new Map<string, number>();
  /** A subnet found full is not searched again before the first of its leases can have ended. */
  readonly #fullUntil = new Map<string, number>();

  constructor(limits: LeaseTableLimits, leases: Iterable<DhcpLease> = []) {
    this.#limits = limits;
    for (const lease of leases) this.put(lease);
  }

  get size(): number {
    return this.#byAddress.size;
  }

  get offers(): number {
    return this.#offers.size;
  }

  at(address: Ipv4): DhcpLease | undefined {
    return this.#byAddress.get(address);
  }

  /** All that the machine has or had, the newest first. A machine is its MAC here: firmware, iPXE, installer and system name different client ids. */
  of(mac: Mac): DhcpLease[] {
    const leases = [...(this.#byMac.get(mac) ?? [])].map((address) => this.#byAddress.get(address)).filter((lease) => lease !== undefined);
    return leases.sort((a, b) => b.startsAt - a.startsAt);
  }

  put(lease: DhcpLease): void {
    this.remove(lease.address);
    this.#byAddress.set(lease.address, lease);
    const own = this.#byMac.get(lease.mac) ?? new Set();
    this.#byMac.set(lease.mac, own.add(lease.address));
    if (lease.state === 'offered') this.#offers.add(lease.address);
    if (lease.state === 'released') this.#fullUntil.delete(lease.subnet);
  }

  remove(address: Ipv4): void {
    const lease = this.#byAddress.get(address);
    if (lease === undefined) return;
    this.#byAddress.delete(address);
    this.#offers.delete(address);
    const own = this.#byMac.get(lease.mac);
    own?.delete(address);
    if (own?.size === 0) this.#byMac.delete(lease.mac);
    this.#fullUntil.delete(lease.subnet);
  }

  /** True when nobody else has a live claim on it. */
  isFreeFor(client: ClientIdentity, address: Ipv4, now: number): boolean {
    const lease = this.#byAddress.get(address);
    if (lease === undefined || lease.expiresAt <= now) return true;
    return lease.mac === client.mac && lease.state !== 'declined';
  }

  /**
   * An address nobody has: first one never given out, else the one that has been free the longest (so that a machine that comes back
   * finds its own). Returns undefined when the pools are full.
   */
  findFree(subnet: IndexedSubnet, client: ClientIdentity, now: number): Ipv4 | undefined {
    if ((this.#fullUntil.get(subnet.cidr) ?? 0) > now) return undefined;
    let oldest: DhcpLease | undefined;
    let firstEnd = Number.POSITIVE_INFINITY;
    for (const address of this.#walk(subnet)) {
      if (isReservedForOther(subnet, address, client)) continue;
      const lease = this.#byAddress.get(address);
      if (lease === undefined) return address;
      if (lease.expiresAt > now) firstEnd = Math.min(firstEnd, lease.expiresAt);
      else if (oldest === undefined || lease.expiresAt < oldest.expiresAt) oldest = lease;
    }
    if (oldest === undefined) this.#fullUntil.set(subnet.cidr, firstEnd);
    return oldest?.address;
  }

  /** Room for one more record? Ended ones make way, the oldest first; when all are live there is none. */
  makeRoom(now: number): boolean {
    this.#dropOldOffers(now);
    if (this.#offers.size >= this.#limits.maxOffers) return false;
    if (this.#byAddress.size < this.#limits.maxLeases) return true;
    let oldest: DhcpLease | undefined;
    for (const lease of this.#byAddress.values()) {
      if (lease.expiresAt <= now && (oldest === undefined || lease.expiresAt < oldest.expiresAt)) oldest = lease;
    }
    if (oldest === undefined) return false;
    this.remove(oldest.address);
    return true;
  }

  /** Offers are made in order of time and all live equally long: the set's order is their order of expiry. */
  #dropOldOffers(now: number): void {
    for (const address of this.#offers) {
      const lease = this.#byAddress.get(address);
      if (lease !== undefined && lease.expiresAt > now) return;
      this.remove(address);
    }
  }

  /** Each address of the pools once, from where the last search stopped: neighbours in time get neighbours in number, in constant time. */
  *#walk(subnet: IndexedSubnet): Generator<Ipv4> {
    const total = subnet.pools.reduce((sum, pool) => sum + poolSize(pool), 0);
    const start = this.#cursors.get(subnet.cidr) ?? 0;
    for (let step = 0; step < total; step += 1) {
      const index = (start + step) % total;
      this.#cursors.set(subnet.cidr, (index + 1) % total);
      yield addressAt(subnet.pools, index);
    }
  }
}

function poolSize(pool: AddressRange): number {
  return Math.max(0, ipv4ToNumber(pool.last) - ipv4ToNumber(pool.first) + 1);
}

function addressAt(pools: readonly AddressRange[], index: number): Ipv4 {
  let left = index;
  for (const pool of pools) {
    if (left < poolSize(pool)) return numberToIpv4(ipv4ToNumber(pool.first) + left);
    left -= poolSize(pool);
  }
  throw new RangeError(`no address number ${index} in the pools`);
}
