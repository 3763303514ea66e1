// Full mode's memory and conscience: decides on a packet, holds what was offered, has the address asked for first, makes leases durable.
// Knows no sockets and no boot.

import { type Clock, type Ipv4, type Log, type Mac, messageOf } from '../../lib/index.ts';
import type { Arrival } from './client.ts';
import type { DhcpPacket } from './codec.ts';
import { type Decision, decideFull } from './decide-full.ts';
import { conflictFor, type Finding } from './lease/conflict-decide.ts';
import type { ConflictProbe } from './lease/conflict-probe.ts';
import { groupCommit, type LeaseBook } from './lease/lease-book.ts';
import { type DhcpLease, LeaseTable } from './lease/lease-table.ts';
import type { DhcpLimits } from './limits.ts';
import type { IndexedSubnet } from './subnet.ts';

export interface Conflict {
  readonly address: Ipv4;
  /** Who has it, when that is known. */
  readonly mac: Mac | null;
  readonly message: string;
}

export interface LenderOptions {
  readonly limits: DhcpLimits;
  readonly subnets: readonly IndexedSubnet[];
  readonly book: LeaseBook;
  readonly probe: ConflictProbe | undefined;
  readonly isKnown: (mac: Mac) => boolean;
  readonly onConflict: (conflict: Conflict, arrival: Arrival) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Counts {
  /** Offered without having been asked for on the network. */
  unprobed: number;
  conflicts: number;
}

export interface Lending {
  readonly decision: Decision;
  /** null: nothing is to be stored. */
  readonly stored: Promise<void> | null;
}

interface Ask {
  readonly packet: DhcpPacket;
  readonly mac: Mac;
  readonly arrival: Arrival;
  readonly serverIds: ReadonlySet<Ipv4>;
}

type Offer = Extract<Decision, { kind: 'offer' | 'ack' }>;

/** So many addresses in a row may turn out to be in use; the client asks again, and finds others. */
const MAX_TRIES = 4;

export class Lender {
  readonly counts: Counts = { unprobed: 0, conflicts: 0 };
  readonly #options: LenderOptions;
  readonly #commit: (lease: DhcpLease) => Promise<void>;
  #table: LeaseTable;

  constructor(options: LenderOptions) {
    this.#options = options;
    this.#commit = groupCommit(options.book);
    this.#table = new LeaseTable(options.limits);
  }

  async load(): Promise<void> {
    this.#table = new LeaseTable(this.#options.limits, await this.#options.book.load());
  }

  /** Named in the config or among the nodes. */
  isNamed(mac: Mac): boolean {
    return this.#options.isKnown(mac) || this.#options.subnets.some((subnet) => subnet.byMac.has(mac));
  }

  /** Nobody we have a name or a lease for. */
  isStranger(mac: Mac): boolean {
    return !this.isNamed(mac) && !this.#table.knows(mac);
  }

  /**
   * Decided and taken in one go, so that no other packet in work can be given the same: an offer is held, a lease and its end are on their
   * way to disk. Nothing of it may be told before `stored`.
   */
  lend(packet: DhcpPacket, mac: Mac, arrival: Arrival, serverIds: ReadonlySet<Ipv4>): Lending | Promise<Lending> {
    return this.#attempt({ packet, mac, arrival, serverIds }, []);
  }

  /** A promise only where the network is asked: in a storm nearly every packet is decided at once. */
  #attempt(ask: Ask, tried: readonly string[]): Lending | Promise<Lending> {
    const decision = this.#decideOnce(ask);
    if (decision.kind === 'ack' || decision.kind === 'end') return { decision, stored: this.#keep(decision.lease) };
    if (decision.kind !== 'offer') return { decision, stored: null };
    const before = this.#table.at(decision.lease.address);
    this.#hold(decision.lease);
    const { probe } = this.#options;
    if (probe === undefined || wasLentTo(ask.mac, before)) return { decision, stored: null };
    const finding = probe.check(decision.lease.address);
    if (!(finding instanceof Promise)) return this.#judge(ask, decision, finding, tried);
    return finding.then((found) => this.#judge(ask, decision, found, tried));
  }

  #judge(ask: Ask, decision: Offer, finding: Finding, tried: readonly string[]): Lending | Promise<Lending> {
    const problem = conflictFor(ask.mac, finding);
    if (finding.kind === 'unchecked') this.counts.unprobed += 1;
    if (problem === undefined) return { decision, stored: null };
    return this.#tryAnother(ask, decision.lease, finding, [...tried, `${decision.lease.address} ${problem}`]);
  }

  async #tryAnother(ask: Ask, offer: DhcpLease, finding: Finding, tried: readonly string[]): Promise<Lending> {
    await this.#passOver(offer, finding, ask.mac, ask.arrival);
    if (tried.length < MAX_TRIES) return this.#attempt(ask, tried);
    return { decision: { kind: 'silent', reason: `no address this time: ${tried.join('; ')}` }, stored: null };
  }

  /** In memory at once, so that nobody else is given the address meanwhile; taken back when the store fails. */
  #keep(lease: DhcpLease): Promise<void> {
    const before = this.#table.at(lease.address);
    this.#table.put(lease);
    const stored = this.#commit(lease);
    // The failure itself is for whoever waits for `stored`, which may be later than it comes.
    stored.catch(() => {
      if (this.#table.at(lease.address) !== lease) return;
      this.#table.remove(lease.address);
      if (before !== undefined) this.#table.put(before);
    });
    return stored;
  }

  #decideOnce({ packet, mac, arrival, serverIds }: Ask): Decision {
    const { limits, subnets, isKnown, clock } = this.#options;
    const { offerMs, declineMs } = limits;
    return decideFull(packet, mac, { table: this.#table, subnets, arrival, serverIds, isKnown, offerMs, declineMs, now: clock.now() });
  }

  /** An offer of what the client still holds must not shorten it. */
  #hold(offer: DhcpLease): void {
    const held = this.#table.at(offer.address);
    if (held?.state === 'bound' && held.expiresAt > offer.startsAt) return;
    this.#table.put(offer);
  }

  /** In use is stored, as when a client declines it; a doubt ends with the kernel's own, in memory. */
  async #passOver(offer: DhcpLease, finding: Finding, client: Mac, arrival: Arrival): Promise<void> {
    const { limits, clock, log, onConflict } = this.#options;
    const now = clock.now();
    const mac = 'mac' in finding ? finding.mac : null;
    const parked = {
      ...offer,
      mac: mac ?? offer.mac,
      clientId: null,
      smbiosUuid: null,
      hostname: null,
      state: 'declined',
      startsAt: now,
    } as const;
    if (finding.kind !== 'in-use') {
      this.#table.put({ ...parked, expiresAt: now + limits.doubtMs });
      return;
    }
    this.counts.conflicts += 1;
    onConflict(
      { address: offer.address, mac, message: `${offer.address} ${conflictFor(client, finding)}, without a lease of ours` },
      arrival,
    );
    const lease = { ...parked, expiresAt: now + limits.declineMs };
    try {
      await this.#keep(lease);
    } catch (thrown) {
      // Known in memory is enough to pass it over now; after a restart it is found again.
      this.#table.put(lease);
      log.warn({ address: offer.address, error: messageOf(thrown) }, 'could not store that an address is in use');
    }
  }
}

function wasLentTo(mac: Mac, lease: DhcpLease | undefined): boolean {
  return lease?.mac === mac && (lease.state === 'bound' || lease.state === 'released');
}
