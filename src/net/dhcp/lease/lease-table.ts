// The leases in memory: who has which address, until when. No clock, no store: callers pass the time and persist what changed.

import type { Ipv4, Mac } from '../../../lib/index.ts';
import { type ClientIdentity, type IndexedSubnet, isKeptBack } from '../subnet.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import { FreeAddresses } from './free-addresses.ts';

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

export interface Search {
  readonly now: number;
  /** Strangers leave the last part of the pool to machines that are known. */
  readonly isStranger: boolean;
  /** An address of the appliance itself is nobody's. */
  readonly isOurs: (address: Ipv4) => boolean;
}

interface Parts {
  readonly subnet: IndexedSubnet;
  readonly open: FreeAddresses;
  readonly keptBack: FreeAddresses;
}

/** Counting the live leases reads all of them: about 2 ms for 65,536. */
const COUNT_EVERY_MS = 1000;

export class LeaseTable {
  readonly #limits: LeaseTableLimits;
  readonly #byAddress = new Map<Ipv4, DhcpLease>();
  readonly #byMac = new Map<Mac, Ipv4[]>();
  readonly #offers = new Set<Ipv4>();
  readonly #parts = new Map<string, Parts>();
  readonly #ends: ExpiryQueue<Ipv4>;
  #live = new Map<string, number>();
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: LeaseTableLimits, leases: Iterable<DhcpLease> = []) {
    this.#limits = limits;
    this.#ends = new ExpiryQueue((address) => this.#endOf(address));
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

  /** Has or had it a lease, not only an offer? */
  knows(mac: Mac): boolean {
    for (const address of this.#byMac.get(mac) ?? []) {
      const state = this.#byAddress.get(address)?.state;
      if (state === 'bound' || state === 'released') return true;
    }
    return false;
  }

  put(lease: DhcpLease): void {
    this.#forget(lease.address);
    this.#byAddress.set(lease.address, lease);
    const own = this.#byMac.get(lease.mac);
    if (own === undefined) this.#byMac.set(lease.mac, [lease.address]);
    else own.push(lease.address);
    // Offers have an order of their own. In the heaps each would pass by all leases, which end later, and be out of date a moment after.
    if (lease.state === 'offered') this.#offers.add(lease.address);
    else this.#changed(lease);
  }

  remove(address: Ipv4): void {
    const lease = this.#forget(address);
    if (lease !== undefined) this.#changed(lease);
  }

  /** True when nobody else has a live claim on it. */
  isFreeFor(client: ClientIdentity, address: Ipv4, now: number): boolean {
    const lease = this.#byAddress.get(address);
    if (lease === undefined || lease.expiresAt <= now) return true;
    return lease.mac === client.mac && lease.state !== 'declined';
  }

  /** An address nobody has; undefined when the pools are full. */
  findFree(subnet: IndexedSubnet, { now, isStranger, isOurs }: Search): Ipv4 | undefined {
    this.#dropOldOffers(now);
    const { open, keptBack } = this.#partsOf(subnet);
    return open.find(now, isOurs) ?? (isStranger ? undefined : keptBack.find(now, isOurs));
  }

  /** How much of what strangers may have is taken, 0 to 1; as of at most a second ago. */
  fullness(subnet: IndexedSubnet, now: number): number {
    if (now - this.#countedAt >= COUNT_EVERY_MS || now < this.#countedAt) this.#count(now);
    return (this.#live.get(subnet.cidr) ?? 0) / Math.max(1, subnet.keptBackFrom);
  }

  /** Room for one more record? Ended ones make way, the oldest first; when all are live there is none. */
  makeRoom(now: number): boolean {
    this.#dropOldOffers(now);
    if (this.#offers.size >= this.#limits.maxOffers) return false;
    if (this.#byAddress.size < this.#limits.maxLeases) return true;
    const oldest = this.#ends.first();
    if (oldest === undefined || oldest.at > now) return false;
    this.remove(oldest.key);
    return true;
  }

  #forget(address: Ipv4): DhcpLease | undefined {
    const lease = this.#byAddress.get(address);
    if (lease === undefined) return undefined;
    this.#byAddress.delete(address);
    this.#offers.delete(address);
    const others = this.#byMac.get(lease.mac)?.filter((one) => one !== address) ?? [];
    if (others.length === 0) this.#byMac.delete(lease.mac);
    else this.#byMac.set(lease.mac, others);
    return lease;
  }

  #changed({ subnet, address }: DhcpLease): void {
    const end = this.#endOf(address);
    if (end !== undefined) this.#ends.put(address, end);
    const parts = this.#parts.get(subnet);
    if (parts !== undefined) partOf(parts, address)?.changed(address);
  }

  /** Made when the first address is sought, and kept up to date from then on. */
  #partsOf(subnet: IndexedSubnet): Parts {
    const known = this.#parts.get(subnet.cidr);
    if (known !== undefined) return known;
    const { keptBackFrom: border, total } = subnet;
    const part = (start: number, end: number): FreeAddresses => new FreeAddresses(subnet, start, end, (address) => this.#endOf(address));
    const parts: Parts = { subnet, open: part(0, border), keptBack: part(border, total) };
    this.#parts.set(subnet.cidr, parts);
    for (const { address } of this.#byAddress.values()) partOf(parts, address)?.changed(address);
    return parts;
  }

  #endOf(address: Ipv4): number | undefined {
    return this.#byAddress.get(address)?.expiresAt;
  }

  #count(now: number): void {
    this.#live = new Map();
    for (const { subnet, expiresAt } of this.#byAddress.values())
      if (expiresAt > now) this.#live.set(subnet, (this.#live.get(subnet) ?? 0) + 1);
    this.#countedAt = now;
  }

  /** Offers are made in order of time and all live equally long: the set's order is their order of expiry. */
  #dropOldOffers(now: number): void {
    for (const address of this.#offers) {
      const lease = this.#byAddress.get(address);
      if (lease !== undefined && lease.expiresAt > now) return;
      this.remove(address);
    }
  }
}

/** undefined: outside the pools, as a reserved address may be. */
function partOf({ subnet, open, keptBack }: Parts, address: Ipv4): FreeAddresses | undefined {
  const place = isKeptBack(subnet, address);
  if (place === undefined) return undefined;
  return place ? keptBack : open;
}
