// The door of net/dhcp.

export type { BootClient, BootClientKind, BootOffer, DecideBoot } from './client.ts';
export { type DhcpPacket, decode, encode } from './codec.ts';
export { DHCP_ERRORS } from './errors.ts';
export { type ConflictProbe, createConflictProbe } from './lease/conflict-probe.ts';
export type { LeaseBook } from './lease/lease-book.ts';
export { createJournaledLeaseBook } from './lease/lease-journal.ts';
export { createStoreLeaseBook } from './lease/lease-store.ts';
export type { DhcpLease, LeaseState } from './lease/lease-table.ts';
export { DHCP_LIMITS, type DhcpLimits } from './limits.ts';
export { getOption, MESSAGE, type MessageName, messageName, OPTIONS, type OptionName, rawOption } from './options.ts';
export { type DhcpPorts, STANDARD_PORTS } from './reply.ts';
export {
  createDhcpServer,
  type DhcpCounters,
  type DhcpMode,
  type DhcpNote,
  type DhcpServer,
  type DhcpServerOptions,
} from './server.ts';
export {
  adoptSockets,
  closeAll,
  type DhcpSocket,
  hasLauncher,
  type Inheritance,
  type InheritedSocket,
  interfacesWithIpv4,
  type LauncherPlan,
  noInterface,
  openSingleInterface,
  reexecThroughLauncher,
  takeInheritedSockets,
} from './sockets.ts';
export type { DhcpInterfaceStatus, DhcpNews, DhcpStatus, OtherServer } from './status.ts';
export type { AddressRange, DhcpSubnet, Reservation } from './subnet.ts';
export type { WatchSetup } from './watch/watch.ts';
export type { LinkProblem, ServerRole, WatchState, WatchTimes } from './watch/watch-decide.ts';
export { createWatchHost, type WatchHost } from './watch/watch-host.ts';
