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
  readonly stored: Promise<void>;
}

const NOTHING_TO_STORE = Promise.resolve();
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
  async lend(packet: DhcpPacket, mac: Mac, arrival: Arrival, serverIds: ReadonlySet<Ipv4>): Promise<Lending> {
    const tried: string[] = [];
    for (;;) {
      const decision = this.#decideOnce(packet, mac, arrival, serverIds);
      if (decision.kind === 'ack' || decision.kind === 'end') return { decision, stored: this.#startKeeping(decision.lease) };
      if (decision.kind !== 'offer') return { decision, stored: NOTHING_TO_STORE };
      const before = this.#table.at(decision.lease.address);
      this.#hold(decision.lease);
      if (this.#options.probe === undefined || wasLentTo(mac, before)) return { decision, stored: NOTHING_TO_STORE };
      const finding = await this.#options.probe.check(decision.lease.address);
      const problem = conflictFor(mac, finding);
      if (finding.kind === 'unchecked') this.counts.unprobed += 1;
      if (problem === undefined) return { decision, stored: NOTHING_TO_STORE };
      await this.#passOver(decision.lease, finding, problem, arrival);
      tried.push(`${decision.lease.address} ${problem}`);
      if (tried.length < MAX_TRIES) continue;
      return { decision: { kind: 'silent', reason: `no address this time: ${tried.join('; ')}` }, stored: NOTHING_TO_STORE };
    }
  }

  /** The failure is for whoever waits for it, which may be later than it comes. */
  #startKeeping(lease: DhcpLease): Promise<void> {
    const stored = this.#keep(lease);
    stored.catch(() => undefined);
    return stored;
  }

  /** In memory at once, so that nobody else is given the address meanwhile; taken back when the store fails. */
  async #keep(lease: DhcpLease): Promise<void> {
    const before = this.#table.at(lease.address);
    this.#table.put(lease);
    try {
      await this.#commit(lease);
    } catch (thrown) {
      if (this.#table.at(lease.address) === lease) {
        this.#table.remove(lease.address);
        if (before !== undefined) this.#table.put(before);
      }
      throw thrown;
    }
  }

  #decideOnce(packet: DhcpPacket, mac: Mac, arrival: Arrival, serverIds: ReadonlySet<Ipv4>): Decision {
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
  async #passOver(offer: DhcpLease, finding: Finding, problem: string, arrival: Arrival): Promise<void> {
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
    onConflict({ address: offer.address, mac, message: `${offer.address} ${problem}, without a lease of ours` }, arrival);
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
