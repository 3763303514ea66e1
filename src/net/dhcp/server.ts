// The DHCP server's edge: datagrams in, decisions carried out, datagrams out. What to answer is decided in decide-*.ts and reply.ts.

import type { RemoteInfo } from 'node:dgram';
import { type Clock, type Component, DecodeError, type Ipv4, type Log, type Mac, messageOf } from '../../lib/index.ts';
import { decideInTime } from '../boot-decision.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { AdmissionControl } from './admission.ts';
import { type Arrival, asksForBoot, type BootClient, type BootOffer, bootClientOf, type DecideBoot } from './client.ts';
import { type DhcpPacket, decode, encodeWithin } from './codec.ts';
import type { Decision } from './decide-full.ts';
import { decideProxy } from './decide-proxy.ts';
import type { ConflictProbe } from './lease/conflict-probe.ts';
import type { LeaseBook } from './lease/lease-book.ts';
import { Lender, type Lending } from './lender.ts';
import { DHCP_LIMITS, type DhcpLimits } from './limits.ts';
import { getOption, messageName } from './options.ts';
import { buildReply, type Destination, type DhcpPorts, destinationOf, maxReplyLength, type ReplyPlan, STANDARD_PORTS } from './reply.ts';
import { closeAll, type DhcpSocket } from './sockets.ts';
import type { DhcpNews, DhcpStatus } from './status.ts';
import { type DhcpSubnet, indexSubnet, isSet } from './subnet.ts';
import type { Watch, WatchSetup } from './watch/watch.ts';
import { statusOf, unwatched, watchOf } from './watch/watch-wires.ts';

export type DhcpMode = 'off' | 'proxy' | 'full';

export interface DhcpNote {
  readonly mac: Mac;
  /** offer, ack, nak, inform, end, silent. */
  readonly decision: string;
  readonly reason: string;
}

/** What a storm of boots may pile up while the event loop does something else. The kernel gives as much of it as net.core.rmem_max allows. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface DhcpServerOptions {
  readonly mode: DhcpMode;
  readonly sockets: readonly DhcpSocket[];
  readonly subnets: readonly DhcpSubnet[];
  readonly decideBoot: DecideBoot;
  readonly leases: LeaseBook;
  readonly clock: Clock;
  readonly log: Log;
  readonly note: (note: DhcpNote) => void;
  /** Without it nobody looks for other DHCP servers, and full mode answers at once. */
  readonly watch?: WatchSetup;
  /** Of new servers at most ten a minute, so that a flood of made-up ones fills nothing. */
  readonly onNews?: (news: DhcpNews) => void;
  /** Asks the network before an address is offered; without it addresses are offered unasked. */
  readonly probe?: ConflictProbe;
  /** Ports of nodes we know: they get an address although strangers have taken the pool. */
  readonly isKnown?: (mac: Mac) => boolean;
  readonly limits?: Partial<DhcpLimits>;
  readonly ports?: DhcpPorts;
}

export interface DhcpCounters {
  received: number;
  malformed: number;
  limited: number;
  dropped: number;
  sent: number;
  failed: number;
  /** Reasons of strangers that were not kept, in a flood. */
  unnoted: number;
  /** Addresses offered without asking the network first, since too many were being asked for. */
  unprobed: number;
  /** Addresses found in use by somebody without a lease. */
  conflicts: number;
}

export interface DhcpServer extends Component {
  counters(): Readonly<DhcpCounters>;
  status(): DhcpStatus;
  /** Looks for other DHCP servers now; resolves when the time for answers is over. */
  searchNow(): Promise<void>;
}

/** `sockets` become the server's: stop() closes them. */
export function createDhcpServer(options: DhcpServerOptions): DhcpServer {
  return new Server(options);
}

interface Task {
  readonly packet: DhcpPacket;
  readonly client: BootClient;
  readonly at: DhcpSocket;
  readonly from: RemoteInfo;
}

class Server implements DhcpServer {
  readonly name = 'dhcp';
  readonly #options: DhcpServerOptions;
  readonly #limits: DhcpLimits;
  readonly #ports: DhcpPorts;
  /** As handed over, each with our address there, which may come or change later. */
  readonly #sockets: DhcpSocket[];
  readonly #watch: Watch | undefined;
  readonly #lender: Lender;
  readonly #admission: AdmissionControl;
  readonly #notes: TokenBuckets<'strangers'>;
  /** Answers that wait for something: the disk, the network, a boot decision. */
  #inWork = 0;
  #onIdle: (() => void) | undefined;
  readonly #counters = { received: 0, malformed: 0, limited: 0, dropped: 0, sent: 0, failed: 0, unnoted: 0 };
  #serverIds: ReadonlySet<Ipv4>;
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(options: DhcpServerOptions) {
    this.#options = options;
    this.#limits = { ...DHCP_LIMITS, ...options.limits };
    this.#ports = options.ports ?? STANDARD_PORTS;
    this.#sockets = [...options.sockets];
    this.#serverIds = new Set(options.sockets.map((one) => one.address));
    this.#watch = watchOf(options, this.#ports, (name, address) => this.#readdress(name, address));
    this.#admission = new AdmissionControl(this.#limits);
    this.#notes = new TokenBuckets({ burst: this.#limits.noteBurst, perSecond: this.#limits.notePerSecond, maxKeys: 1 });
    this.#lender = this.#makeLender();
  }

  #makeLender(): Lender {
    const { leases: book, probe, isKnown = () => false, clock, log, subnets, onNews } = this.#options;
    return new Lender({
      limits: this.#limits,
      subnets: subnets.map(indexSubnet),
      book,
      probe,
      isKnown,
      onConflict: ({ message }, { interfaceName }) => {
        const hint = 'Give that machine another address, or take this one out of the ranges of [[dhcp.subnet]].';
        onNews?.({ event: 'dhcp.address_conflict', severity: 'warning', interfaceName: interfaceName ?? '', message, hint, server: null });
      },
      clock,
      log,
    });
  }

  counters(): Readonly<DhcpCounters> {
    return { ...this.#counters, ...this.#lender.counts };
  }

  status(): DhcpStatus {
    return statusOf(this.#options.mode, this.#watch?.status() ?? unwatched(this.#sockets), this.counters());
  }

  async searchNow(): Promise<void> {
    await this.#watch?.searchNow();
  }

  async start(): Promise<void> {
    if (this.#options.mode === 'full') await this.#lender.load();
    if (this.#state !== 'new') return;
    this.#state = 'started';
    if (this.#options.mode === 'off') return;
    for (const [index, { socket, interfaceName, port }] of this.#sockets.entries()) {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      socket.on('message', (datagram, from) => {
        const at = this.#sockets[index];
        if (at !== undefined) this.#receive(datagram, from, at);
      });
      socket.on('error', (error) => this.#options.log.error({ interface: interfaceName, port }, `DHCP socket: ${error.message}`));
    }
    this.#watch?.start();
  }

  #readdress(interfaceName: string, address: Ipv4): void {
    for (const [index, at] of this.#sockets.entries()) if (at.interfaceName === interfaceName) this.#sockets[index] = { ...at, address };
    // The old one stays ours: clients that have a lease know us by it.
    this.#serverIds = new Set([...this.#serverIds, address]);
    this.#options.log.info({ interface: interfaceName, address }, `DHCP on ${interfaceName}: our address there is ${address}`);
  }

  /** Hears nothing more, finishes the answers under way, closes. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    for (const { socket } of this.#options.sockets) socket.removeAllListeners('message');
    await this.#watch?.stop();
    if (this.#inWork > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    closeAll(this.#options.sockets);
    await this.#options.leases.close?.();
  }

  #receive(datagram: Buffer, from: RemoteInfo, at: DhcpSocket): void {
    const isClientPort = at.port === this.#ports.client;
    // The kernel gives us our own broadcasts back: not worth reading.
    if (isClientPort && from.address === at.address) return;
    this.#counters.received += 1;
    try {
      const packet = decode(datagram);
      if (packet.op === 2) this.#heardReply(packet, from, at);
      else if (!isClientPort) this.#admit(packet, from, at);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      this.#malformed(thrown, from, at);
    }
  }

  #malformed(error: DecodeError, from: RemoteInfo, at: DhcpSocket): void {
    this.#counters.malformed += 1;
    this.#options.log.debug({ interface: at.interfaceName, from: from.address }, `not a DHCP packet we can read: ${error.message}`);
  }

  #admit(packet: DhcpPacket, from: RemoteInfo, at: DhcpSocket): void {
    const client = bootClientOf(packet, arrivalOf(at));
    if (client === undefined) {
      this.#options.log.debug({ interface: at.interfaceName, from: from.address }, 'DHCP packet without an Ethernet address: ignored');
      return;
    }
    if (this.#watch?.isOwnSearch(client.mac) === true) return;
    const isStranger = this.#lender.isStranger(client.mac);
    const admission = this.#admission.take(packet, client, isStranger, this.#options.clock.monotonic());
    if (!admission.isAdmitted) {
      this.#counters.limited += 1;
      if (admission.reason !== null) this.#note(client.mac, 'silent', admission.reason);
      return;
    }
    if (this.#inWork >= this.#limits.maxInWork) {
      this.#counters.dropped += 1;
      return;
    }
    this.#answer({ packet, client, at, from });
  }

  /** Replies reach us on the client port, by a relay, or when two servers share a machine. Ours are not news. */
  #heardReply(packet: DhcpPacket, from: RemoteInfo, at: DhcpSocket): void {
    const address = getOption(packet.options, 'serverId') ?? (from.address as Ipv4); // udp4: always dotted
    if (!this.#serverIds.has(address)) this.#watch?.heardReply(packet, from.address as Ipv4, at.interfaceName); // as above
  }

  /** Never throws or rejects: nothing that one packet causes may end the server. Promises only where something is waited for. */
  #answer(task: Task): void {
    try {
      const silence = this.#silenceAt(task);
      if (silence !== null) {
        this.#note(task.client.mac, 'silent', silence);
        return;
      }
      const rest = this.#options.mode === 'proxy' ? this.#answerProxy(task) : this.#answerFull(task);
      if (rest === undefined) return;
      this.#inWork += 1;
      rest.then(this.#finished, (thrown: unknown) => {
        this.#failed(task, thrown);
        this.#finished();
      });
    } catch (thrown) {
      this.#failed(task, thrown);
    }
  }

  readonly #finished = (): void => {
    this.#inWork -= 1;
    if (this.#inWork === 0) this.#onIdle?.();
  };

  #failed({ client, from, at }: Task, thrown: unknown): void {
    if (thrown instanceof DecodeError) {
      this.#malformed(thrown, from, at);
      return;
    }
    this.#counters.failed += 1;
    this.#options.log.error({ mac: client.mac, error: thrown }, `DHCP answer failed: ${messageOf(thrown)}`);
    this.#note(client.mac, 'silent', `the answer failed: ${messageOf(thrown)}`);
  }

  /** Why nothing is answered there now. RELEASE and DECLINE are never answered, and always heard. */
  #silenceAt({ at, packet }: Task): string | null {
    if (!isSet(at.address)) return `${at.interfaceName} has no IPv4 address yet`;
    const standing = this.#watch?.standingOf(at.interfaceName);
    if (standing === undefined || standing.state === 'answering') return null;
    const message = messageName(packet.options);
    return message === 'release' || message === 'decline' ? null : standing.reason;
  }

  async #answerProxy(task: Task): Promise<void> {
    const { packet, client, at, from } = task;
    const isBootPort = at.port === this.#ports.boot;
    const decision = decideProxy(packet, client, isBootPort);
    if (decision.kind === 'silent') return this.#note(client.mac, 'silent', decision.reason);
    const boot = await this.#bootOffer(client);
    if ('silent' in boot) return this.#note(client.mac, 'silent', boot.silent);
    const plan: ReplyPlan = {
      request: packet,
      message: decision.kind,
      serverId: at.address,
      lease: null,
      subnet: null,
      leaseSeconds: null,
      client,
      boot,
    };
    // The boot port is asked by unicast and answers where it was asked from (PXE 2.1 §2.2.5).
    const to: Destination = isBootPort ? { address: from.address as Ipv4, port: from.port } : destinationOf(plan, this.#ports); // udp4: always dotted
    this.#send(plan, to, task, `${decision.reason}: ${boot.boot.fileName}, ${boot.reason}`);
  }

  #answerFull(task: Task): Promise<void> | undefined {
    const lending = this.#lender.lend(task.packet, task.client.mac, arrivalOf(task.at), this.#serverIds);
    return lending instanceof Promise ? lending.then((lent) => this.#carryOut(task, lent)) : this.#carryOut(task, lending);
  }

  #carryOut(task: Task, { decision, stored }: Lending): Promise<void> | undefined {
    const { packet, client, at } = task;
    if (decision.kind === 'silent') {
      if (decision.otherServer !== undefined) this.#watch?.heardNamed(decision.otherServer, at.interfaceName);
      this.#note(client.mac, 'silent', decision.reason);
      return undefined;
    }
    if (decision.kind === 'end') return stored?.then(() => this.#note(client.mac, 'end', decision.reason));
    if (decision.kind !== 'nak' && asksForBoot(packet, client)) return this.#replyWithBoot(task, decision, stored);
    // The lease is durable before the client hears of it.
    if (stored !== null) return stored.then(() => this.#reply(task, decision, null));
    this.#reply(task, decision, null);
    return undefined;
  }

  /** Boot decision and storing go on at once. */
  async #replyWithBoot(task: Task, decision: Answerable, stored: Promise<void> | null): Promise<void> {
    const [boot] = await Promise.all([this.#bootOffer(task.client), stored]);
    this.#reply(task, decision, boot);
  }

  #reply(task: Task, decision: Answerable, boot: BootOffer | null): void {
    const plan = planOf(task, decision, boot);
    this.#send(plan, destinationOf(plan, this.#ports), task, reasonOf(decision, boot), decision.kind);
  }

  #bootOffer(client: BootClient): Promise<BootOffer> {
    const { clock, log, decideBoot } = this.#options;
    return decideInTime<BootOffer>({ mac: client.mac, decide: () => decideBoot(client), limitMs: this.#limits.bootDecisionMs, clock, log });
  }

  #send(plan: ReplyPlan, to: Destination, { client, at }: Task, reason: string, decision: string = plan.message): void {
    const { bytes, leftOut } = encodeWithin(buildReply(plan), maxReplyLength(plan.request));
    if (leftOut.length > 0)
      this.#options.log.warn({ mac: client.mac, options: leftOut }, 'DHCP answer too long for the client: options left out');
    (at.reply ?? at.socket).send(bytes, to.port, to.address, (error) => {
      if (error === null) this.#counters.sent += 1;
      else
        this.#options.log.warn({ mac: client.mac, to: to.address, interface: at.interfaceName }, `DHCP answer not sent: ${error.message}`);
    });
    this.#note(client.mac, decision, reason);
  }

  #note(mac: Mac, decision: string, reason: string): void {
    // In a flood of made-up machines the store would spend more on their reasons than their answers cost.
    const admission = this.#lender.isNamed(mac) ? 'admitted' : this.#notes.take('strangers', this.#options.clock.monotonic());
    if (admission === 'admitted') {
      this.#options.note({ mac, decision, reason });
      return;
    }
    this.#counters.unnoted += 1;
    if (admission === 'first-refused')
      this.#options.log.warn(
        { perSecond: this.#limits.notePerSecond },
        'DHCP: too many unknown machines ask: their reasons are counted, not kept',
      );
  }
}

type Answerable = Extract<Decision, { kind: 'offer' | 'ack' | 'nak' | 'inform' }>;

function arrivalOf(at: DhcpSocket): Arrival {
  return { interfaceName: at.interfaceName, serverAddress: at.address };
}

function planOf({ packet: request, client, at }: Task, decision: Answerable, boot: BootOffer | null): ReplyPlan {
  const { kind } = decision;
  const message = kind === 'inform' ? 'ack' : kind;
  const subnet = kind === 'nak' ? null : decision.subnet;
  const [lease, leaseSeconds] = kind === 'nak' || kind === 'inform' ? [null, null] : [decision.lease, decision.leaseSeconds];
  return { request, message, serverId: at.address, lease, subnet, leaseSeconds, client, boot };
}

function reasonOf(decision: Decision, boot: BootOffer | null): string {
  if (boot === null) return decision.reason;
  return 'boot' in boot
    ? `${decision.reason}; boots ${boot.boot.fileName}: ${boot.reason}`
    : `${decision.reason}; no boot file: ${boot.silent}`;
}
