// What the API needs of everything below it, one narrow interface per resource. The composition root passes the real ones.

import type { Access, Identity } from '../access/index.ts';
import type { Checks } from '../checks/index.ts';
import type { Clusters } from '../clusters/index.ts';
import type { Conductors } from '../conductors/index.ts';
import type { Enrol } from '../enrol/index.ts';
import type { Identities, Inspect, Ramdisk } from '../inspect/index.ts';
import type {
  Addresses,
  AnswerPreviews,
  AnswerTemplates,
  Deployments,
  InstallerStore,
  InstallProtocol,
  RootPasswords,
} from '../install/index.ts';
import type { Lifecycle } from '../lifecycle/index.ts';
import type { Node, Nodes, Ports, Records } from '../nodes/index.ts';
import type { Pipelines, Roster } from '../pipeline/index.ts';
import type { Registry } from '../power/index.ts';
import type { Allocations } from '../reservations/index.ts';
import type { EventLog, Reasons, Store, TaskLogs } from '../store/index.ts';
import type { TaskEngine } from '../tasks/index.ts';

export { type Identity, ROLES, type Role } from '../access/index.ts';

export interface AuthService {
  /** Undefined when the token is nobody's. Compares in constant time. */
  verify(token: string): Promise<Identity | undefined>;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

export interface SystemStatus {
  /** dhcp.mode of the config. */
  readonly dhcpMode: 'off' | 'proxy' | 'full';
  readonly isObserveOnly: boolean;
  readonly warnings: readonly Warning[];
}

export interface Readiness {
  /** The component's name. */
  readonly name: string;
  readonly isReady: boolean;
  /** Why not, and what to do. */
  readonly reason: string | null;
}

export interface SystemService {
  status(): Promise<SystemStatus>;
  /** Must answer also when everything is broken: a component that cannot be asked is one that is not ready. */
  readiness(): Promise<readonly Readiness[]>;
}

export type AccessService = Pick<Access, 'users' | 'sessions' | 'tokens' | 'setupLink' | 'audit' | 'basic' | 'signIn'>;
export type NodeService = Omit<Nodes, 'ports' | 'move' | 'signOfLife' | 'saveInventory' | 'openDriverInfo'>;
export type PortService = Pick<Ports, 'get' | 'list' | 'ofNodes'>;
export type EventService = Pick<EventLog, 'list' | 'lastSeq' | 'subscribe'>;
export type ReasonService = Pick<Reasons, 'list' | 'flush'>;

export interface TaskService extends Pick<TaskEngine, 'get' | 'list'> {
  /** By state, of those that have not ended. */
  countUnfinished(): Promise<Readonly<Record<string, number>>>;
  /** False when it had ended already. */
  cancel(id: string, reason: string): Promise<boolean>;
  readonly logs: Pick<TaskLogs, 'list' | 'flush'>;
}

export interface EnrolmentState {
  readonly mode: 'open' | 'closed';
  readonly until: number | null;
}

export interface EnrolmentService {
  get(): Promise<EnrolmentState>;
  set(mode: 'open' | 'closed', minutes: number | null, actor: string): Promise<EnrolmentState>;
}

export type CheckService = Checks;
export type InstallService = InstallProtocol;
export interface AnswerService {
  readonly templates: Pick<AnswerTemplates, 'list'>;
  readonly addresses: Pick<Addresses, 'list'>;
  readonly rootPasswords: Pick<RootPasswords, 'show'>;
  readonly previews: AnswerPreviews;
}
export type InstallerService = Omit<InstallerStore, 'newest' | 'withModeFile'>;
export type EnrolService = Omit<Enrol, 'name' | 'start' | 'stop' | 'tick' | 'reported'>;

export type Counters = Readonly<Record<string, number>>;

export interface OtherDhcpServer {
  readonly address: string;
  /** Null when it was heard through a relay or named by a client only. */
  readonly mac: string | null;
  /** addresses: it leases them; boot: it only answers network boot. */
  readonly role: string;
  readonly evidence: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

export interface DhcpInterface {
  readonly name: string;
  /** Ours there; null until it has one. */
  readonly address: string | null;
  readonly state: string;
  readonly reason: string;
  /** The next step when a person should do something. */
  readonly hint: string | null;
  readonly otherServers: readonly OtherDhcpServer[];
}

export interface DhcpNetwork {
  readonly mode: 'off' | 'proxy' | 'full';
  /** off, watching, answering, standing-aside. */
  readonly state: string;
  /** Why it is in that state, in words. */
  readonly reason: string;
  readonly interfaces: readonly DhcpInterface[];
  readonly counters: Counters;
}

export interface Download {
  readonly peer: string;
  readonly file: string;
  readonly sent: number;
  readonly total: number;
  readonly startedAt: number;
  readonly bytesPerSecond: number;
  readonly state: string;
}

export interface NetworkStatus {
  readonly dhcp: DhcpNetwork;
  readonly dhcp6: { readonly mode: 'off' | 'stateless' | 'full'; readonly counters: Counters };
  /** Null when it is off. */
  readonly tftp: { readonly listen: string; readonly counters: Counters } | null;
  readonly http: { readonly listen: string; readonly counters: Counters; readonly downloads: readonly Download[] };
}

export interface NetworkService {
  status(): NetworkStatus;
  /** What of it somebody should look at. */
  warnings(): readonly Warning[];
  /** Asks now whether other DHCP servers are there; resolves when the time for answers is over. */
  probe(): Promise<void>;
}

/** The server side of the agent's protocol: each throws what the agent shall be told. */
export type InspectService = Pick<Inspect, 'lookup' | 'receiveInventory' | 'heartbeat' | 'releaseHeld' | 'nodeOfToken'>;

export interface ApiServices {
  /** Everything that one request writes, or nothing of it. */
  readonly transaction: Store['transaction'];
  /** What nodes can be driven by; without it every driver's name is taken. */
  readonly hardware?: Registry;
  readonly lifecycle?: Lifecycle;
  /** What became of the calls to machines. */
  readonly power?: {
    counters(): Counters;
    /** A person did what was asked. Throws power.nothing_asked. */
    confirm?(nodeUuid: string): void;
  };
  /** Which appliance is in charge of the node; null: none is alive. */
  readonly conductorOf?: (node: Pick<Node, 'uuid' | 'conductorGroup'>) => string | null;
  readonly allocations: Allocations;
  readonly conductors: Pick<Conductors, 'list'>;
  readonly auth: AuthService;
  readonly access: AccessService;
  readonly system: SystemService;
  readonly nodes: NodeService;
  readonly ports: PortService;
  readonly records: Records;
  readonly reasons: ReasonService;
  readonly events: EventService;
  readonly tasks: TaskService;
  readonly enrolment: EnrolmentService;
  readonly enrol?: EnrolService;
  readonly clusters?: Clusters;
  readonly checks?: CheckService;
  readonly inspect: InspectService;
  readonly identities?: Identities;
  readonly deployments: Deployments;
  /** What installers and freshly installed systems say. */
  readonly install?: InstallService;
  readonly installers?: InstallerService;
  /** Answers to look at, and what they are made of. */
  readonly answers?: AnswerService;
  readonly pipelines?: Pipelines;
  /** The machines as other programs look them up. */
  readonly roster?: Roster;
  /** The same for OpenStack's own agent. */
  readonly ramdisk?: Ramdisk;
  readonly network: NetworkService;
}
