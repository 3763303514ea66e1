// What the DHCP server says of itself: for the API, the CLI and the metrics. Types only.

import type { Ipv4, Mac } from '../../lib/index.ts';
import type { LinkProblem, ServerRole, WatchState } from './watch/watch-decide.ts';

export interface OtherServer {
  readonly address: Ipv4;
  /** Null when the kernel knows none: it is not on this wire, or never spoke to us. */
  readonly mac: Mac | null;
  readonly role: ServerRole;
  /** How we know, in words. */
  readonly evidence: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

export interface DhcpInterfaceStatus {
  readonly name: string;
  /** Ours there; null until it has one. */
  readonly address: Ipv4 | null;
  readonly state: WatchState;
  /** Why it is so, in plain words. */
  readonly reason: string;
  /** The next step when a person should do something, else null: what makes it a warning. */
  readonly hint: string | null;
  readonly problem: LinkProblem | null;
  /** Whether answers to clients are heard too (port 68), or only those to ourselves. */
  readonly hearsClientPort: boolean;
  readonly lastSearchAt: number | null;
  /** At most 16, the one heard last first. */
  readonly otherServers: readonly OtherServer[];
}

/** Something an operator should know: appended to the event log as it is. */
export interface DhcpNews {
  readonly event:
    | 'dhcp.other_server'
    | 'dhcp.other_server_gone'
    | 'dhcp.resumed'
    | 'dhcp.no_server'
    | 'dhcp.interface'
    | 'dhcp.address_conflict';
  readonly severity: 'info' | 'warning';
  readonly interfaceName: string;
  /** What and where, then what we do about it. */
  readonly message: string;
  readonly hint: string | null;
  readonly server: OtherServer | null;
}

export interface DhcpStatus {
  readonly mode: 'off' | 'proxy' | 'full';
  /** answering as soon as one interface does; off in mode "off". */
  readonly state: WatchState | 'off';
  readonly reason: string;
  readonly interfaces: readonly DhcpInterfaceStatus[];
  readonly counters: Readonly<Record<string, number>>;
}
