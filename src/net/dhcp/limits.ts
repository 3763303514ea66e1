// What the network can make the DHCP server hold or do, and how much of it. Data only.

export interface DhcpLimits {
  readonly maxLeases: number;
  readonly maxOffers: number;
  /** Packets in work at once; more are dropped, and the clients ask again. */
  readonly maxInWork: number;
  readonly maxRememberedClients: number;
  readonly clientBurst: number;
  readonly clientPerSecond: number;
  /** Machines that nobody knows, all together behind one port of a switch that names it (option 82). */
  readonly circuitBurst: number;
  readonly circuitPerSecond: number;
  /** The same for a whole segment: an interface, or a relay that does not name the port. */
  readonly segmentBurst: number;
  readonly segmentPerSecond: number;
  /** Reasons kept of machines that nobody knows; more are counted. */
  readonly noteBurst: number;
  readonly notePerSecond: number;
  readonly offerMs: number;
  readonly declineMs: number;
  /** How long an address is passed over whose former user may still be there. */
  readonly doubtMs: number;
  readonly bootDecisionMs: number;
}

export const DHCP_LIMITS: DhcpLimits = {
  maxLeases: 65_536,
  maxOffers: 8192,
  maxInWork: 4096,
  maxRememberedClients: 16_384,
  // One boot is firmware, loader, installer kernel and system, each DISCOVER and REQUEST with repeats: about 20 packets in a minute.
  clientBurst: 30,
  clientPerSecond: 2,
  // A port may lead to a further switch with a rack behind it, switched on at once.
  circuitBurst: 1000,
  circuitPerSecond: 50,
  // Three quarters of what one event loop answers: beyond 15,000 exchanges a second a flood would use up the time that known machines need.
  segmentBurst: 30_000,
  segmentPerSecond: 30_000,
  // 500 new machines booting at once note about ten reasons each. Beyond, the store would spend more on them than the answers cost.
  noteBurst: 5000,
  notePerSecond: 200,
  offerMs: 30_000,
  declineMs: 600_000,
  doubtMs: 10_000,
  bootDecisionMs: 5000,
};
