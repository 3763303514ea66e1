// The DHCPv6 server's edge: datagrams in, decisions carried out, datagrams out. What to answer is decided in decide.ts and render.ts.

import type { RemoteInfo } from 'node:dgram';
import {
  type Clock,
  type Component,
  DecodeError,
  type Ipv6,
  isLinkLocal6,
  type Log,
  type Mac,
  messageOf,
  parseIpv6,
  prefix6Has,
} from '../../lib/index.ts';
import { decideInTime } from '../boot-decision.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { AddressTable } from './addresses.ts';
import {
  architectureOf6,
  asksForBoot6,
  type BootClient6,
  type BootOffer6,
  type DecideBoot6,
  kindOf6,
  macOf6,
  smbiosUuidOf6,
  type TurnAway6,
} from './client.ts';
import { decode6, encode6, type Received6, unwrap6, wrap6 } from './codec.ts';
import { type Answer6, type Dhcp6Mode, decide6, type Subnet6, type TableChange } from './decide.ts';
import { getOption6, messageName6 } from './options.ts';
import { renderReply } from './render.ts';
import { closeAll6, type Dhcp6Socket } from './sockets.ts';

export interface Dhcp6Note {
  readonly mac: Mac;
  /** advertise, reply, silent. */
  readonly decision: string;
  readonly reason: string;
}

export interface OtherServer6 {
  /** Hex of its DUID: what clients repeat of it. */
  readonly duid: string;
  readonly interfaceName: string | null;
}

export interface Dhcp6Limits {
  /** Addresses that are remembered as taken. At the cap the oldest is forgotten, which no client notices. */
  readonly maxAddresses: number;
  /** Messages in work at once; more are dropped, and the clients ask again. */
  readonly maxInWork: number;
  readonly maxRememberedClients: number;
  readonly clientBurst: number;
  readonly clientPerSecond: number;
  readonly declineMs: number;
  readonly bootDecisionMs: number;
}

export const DHCP6_LIMITS: Dhcp6Limits = {
  maxAddresses: 65_536,
  maxInWork: 4096,
  maxRememberedClients: 16_384,
  clientBurst: 30,
  clientPerSecond: 2,
  // RFC 8415 names no time; a day is what Kea waits before it tries a declined address again.
  declineMs: 86_400_000,
  bootDecisionMs: 5000,
};

export interface Dhcp6ServerOptions {
  readonly mode: Dhcp6Mode;
  /** The sockets become the server's: stop() closes them. `heard` names the interfaces that it has sockets on already. */
  readonly open: (signal: AbortSignal, heard: ReadonlySet<string>) => Promise<Dhcp6Socket[]>;
  /** How often to ask for more of them, where interfaces may come up later. Undefined: never. */
  readonly openAgainMs?: number;
  /** Our own addresses on an interface, as they are now. */
  readonly addressesOf: (interfaceName: string) => readonly Ipv6[];
  /** Which of our addresses the system answers a client there from; undefined when it knows no way to it. */
  readonly sourceFor: (destination: Ipv6) => Promise<Ipv6 | undefined>;
  readonly subnets: readonly Subnet6[];
  readonly serverDuid: Uint8Array;
  /** What addresses are derived with: the same for ever. */
  readonly secret: Uint8Array;
  readonly decideBoot: DecideBoot6;
  /** Asked in mode "stateless", about firmware that wants an address. */
  readonly turnAway: TurnAway6;
  readonly clock: Clock;
  readonly log: Log;
  readonly note: (note: Dhcp6Note) => void;
  /** At most once a minute for each server, ten a minute in all. */
  readonly onOtherServer: (seen: OtherServer6) => void;
  readonly ports?: Dhcp6Ports;
  readonly limits?: Partial<Dhcp6Limits>;
}

export interface Dhcp6Ports {
  readonly server: number;
  readonly client: number;
}

/** RFC 8415 §7.2. */
export const STANDARD_PORTS6: Dhcp6Ports = { server: 547, client: 546 };

export interface Dhcp6Counters {
  received: number;
  malformed: number;
  limited: number;
  dropped: number;
  sent: number;
  failed: number;
}

export interface Dhcp6Server extends Component {
  counters(): Readonly<Dhcp6Counters>;
}

export function createDhcp6Server(options: Dhcp6ServerOptions): Dhcp6Server {
  return new Server(options);
}

interface Task {
  readonly received: Received6;
  readonly mac: Mac | undefined;
  readonly at: Dhcp6Socket;
  readonly from: RemoteInfo;
}

class Server implements Dhcp6Server {
  readonly name = 'dhcp6';
  readonly #options: Dhcp6ServerOptions;
  readonly #limits: Dhcp6Limits;
  readonly #ports: Dhcp6Ports;
  readonly #table: AddressTable;
  readonly #buckets: TokenBuckets<string>;
  readonly #seenServers = new TokenBuckets<string>({ burst: 1, perSecond: 1 / 60, maxKeys: 256 });
  readonly #allServers = new TokenBuckets<'all'>({ burst: 10, perSecond: 1 / 6, maxKeys: 1 });
  readonly #work = new Set<Promise<void>>();
  readonly #counters: Dhcp6Counters = { received: 0, malformed: 0, limited: 0, dropped: 0, sent: 0, failed: 0 };
  readonly #ending = new AbortController();
  #sockets: readonly Dhcp6Socket[] = [];
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: Dhcp6ServerOptions) {
    this.#options = options;
    this.#limits = { ...DHCP6_LIMITS, ...options.limits };
    this.#ports = options.ports ?? STANDARD_PORTS6;
    this.#table = new AddressTable(this.#limits.maxAddresses);
    const { clientBurst: burst, clientPerSecond: perSecond, maxRememberedClients: maxKeys } = this.#limits;
    this.#buckets = new TokenBuckets({ burst, perSecond, maxKeys });
  }

  counters(): Readonly<Dhcp6Counters> {
    return { ...this.#counters };
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#options.mode === 'off' || this.#isStopped) return;
    await this.#open(signal);
    const { openAgainMs } = this.#options;
    if (openAgainMs !== undefined) this.#looking = this.#look(openAgainMs, this.#ending.signal);
  }

  async #open(signal: AbortSignal): Promise<void> {
    const heard = new Set(this.#sockets.flatMap(({ interfaceName }) => interfaceName ?? []));
    const opened = await this.#options.open(signal, heard);
    if (this.#isStopped) return closeAll6(opened);
    this.#sockets = [...this.#sockets, ...opened];
    for (const at of opened) {
      at.socket.on('message', (datagram, from) => this.#receive(datagram, from, at));
      at.socket.on('error', (error) => this.#options.log.error({ interface: at.interfaceName }, `DHCPv6 socket: ${error.message}`));
    }
  }

  async #look(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.clock.sleep(everyMs, signal);
        await this.#open(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.log.error({ error: thrown }, `looking for more interfaces to answer DHCPv6 on: ${messageOf(thrown)}`);
      }
    }
  }

  /** Hears nothing more, finishes the answers under way, closes. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#ending.abort();
    await this.#looking;
    for (const { socket } of this.#sockets) socket.removeAllListeners('message');
    await Promise.all(this.#work);
    closeAll6(this.#sockets);
  }

  #receive(datagram: Buffer, from: RemoteInfo, at: Dhcp6Socket): void {
    this.#counters.received += 1;
    try {
      const received = unwrap6(decode6(datagram));
      this.#admit({ received, mac: macOf6(received, parseIpv6(from.address)), at, from });
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      this.#malformed(thrown, from, at);
    }
  }

  #malformed(error: DecodeError, from: RemoteInfo, at: Dhcp6Socket): void {
    this.#counters.malformed += 1;
    this.#options.log.debug({ interface: at.interfaceName, from: from.address }, `not a DHCPv6 message we can read: ${error.message}`);
  }

  #admit(task: Task): void {
    const { received, mac, from } = task;
    const duid = getOption6(received.message.options, 'clientId');
    const key = mac ?? (duid === undefined ? from.address : Buffer.from(duid).toString('hex'));
    const admission = this.#buckets.take(key, this.#options.clock.monotonic());
    if (admission !== 'admitted') {
      this.#counters.limited += 1;
      if (admission === 'first-refused')
        this.#note(task, 'silent', `asks more than ${this.#limits.clientPerSecond} times a second: limited`);
      return;
    }
    if (this.#work.size >= this.#limits.maxInWork) {
      this.#counters.dropped += 1;
      return;
    }
    const work = this.#answer(task).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** Never rejects: nothing that one message causes may end the server. */
  async #answer(task: Task): Promise<void> {
    try {
      await this.#decideAndSend(task);
    } catch (thrown) {
      if (thrown instanceof DecodeError) return this.#malformed(thrown, task.from, task.at);
      this.#counters.failed += 1;
      this.#options.log.error({ ...macField(task.mac), error: thrown }, `DHCPv6 answer failed: ${messageOf(thrown)}`);
      this.#note(task, 'silent', `the answer failed: ${messageOf(thrown)}`);
    }
  }

  async #decideAndSend(task: Task): Promise<void> {
    const { received, at } = task;
    const { mode, serverDuid, secret, clock } = this.#options;
    if (mode === 'off') return;
    const subnet = this.#subnetOf(task);
    const isUnicast = at.hears !== 'multicast' && received.relays.length === 0;
    const { declineMs } = this.#limits;
    const situation = { mode, serverDuid, secret, subnet, isUnicast, table: this.#table, now: clock.now(), declineMs };
    const decision = decide6(received.message, situation);
    if (decision.kind === 'silent') {
      if (decision.otherServer !== undefined) this.#reportOther(decision.otherServer, at);
      return this.#note(task, 'silent', decision.reason);
    }
    if (decision.turnsAway === true) return this.#turnAway(task, decision);
    for (const change of decision.changes) this.#carryOut(change);
    const boot = decision.hasConfiguration && asksForBoot6(received.message) ? await this.#bootOffer(task, subnet, decision) : null;
    if (saysNothing(received, subnet, boot))
      return this.#note(task, 'silent', reasonOf({ ...decision, reason: `${decision.reason}: we have none` }, boot));
    const answer = renderReply({ request: received.message, answer: decision, serverDuid, subnet, kind: kindOf6(received.message), boot });
    this.#send(encode6(wrap6(answer, received.relays)), task, decision, boot);
  }

  async #turnAway(task: Task, answer: Answer6): Promise<void> {
    const client = this.#clientOf(task);
    if (client === undefined) return this.#note(task, 'silent', NO_MAC);
    const verdict = await decideInTime({ ...this.#inTime(client.mac), decide: () => this.#options.turnAway(client) });
    if ('silent' in verdict) return this.#note(task, 'silent', `solicit: addresses are another server's affair; ${verdict.silent}`);
    const { message } = task.received;
    const { serverDuid } = this.#options;
    const reply = renderReply({ request: message, answer, serverDuid, subnet: null, kind: kindOf6(message), boot: null });
    this.#send(encode6(wrap6(reply, task.received.relays)), task, { ...answer, reason: `${answer.reason}: ${verdict.nothing}` }, null);
  }

  #carryOut(change: TableChange): void {
    if (change.change === 'hold') this.#table.hold(change.address, change.key, change.until);
    else if (change.change === 'release') this.#table.release(change.address, change.key);
    else this.#table.decline(change.address, change.until);
  }

  /** RFC 8415 §13.1: the link-address of the relay nearest to the client, or the link that we heard it on. */
  #subnetOf({ received, at }: Task): Subnet6 | null {
    const { subnets, addressesOf } = this.#options;
    const link = received.relays.findLast(({ linkAddress }) => linkAddress !== '::' && !isLinkLocal6(linkAddress))?.linkAddress;
    const ours = at.interfaceName === null ? [] : addressesOf(at.interfaceName);
    const known = link === undefined ? ours : [link];
    return subnets.find(({ prefix }) => known.some((address) => prefix6Has(prefix, address))) ?? null;
  }

  /** Our address as the client can use it in a URL: firmware does not understand zones, so link-local ones are of no use. */
  async #serverAddressFor({ at }: Task, subnet: Subnet6 | null, given: Ipv6 | undefined): Promise<Ipv6 | undefined> {
    if (at.address !== null) return at.address;
    const source = given === undefined ? undefined : await this.#options.sourceFor(given);
    if (source !== undefined && !isLinkLocal6(source)) return source;
    const names = at.interfaceName === null ? this.#sockets.flatMap(({ interfaceName }) => interfaceName ?? []) : [at.interfaceName];
    const usable = names.flatMap((name) => this.#options.addressesOf(name)).filter((address) => !isLinkLocal6(address));
    return usable.find((address) => subnet !== null && prefix6Has(subnet.prefix, address)) ?? usable[0];
  }

  async #bootOffer(task: Task, subnet: Subnet6 | null, { associations }: Answer6): Promise<BootOffer6> {
    const client = this.#clientOf(task);
    const given = associations.flatMap(({ addresses }) => addresses).find(({ validSeconds }) => validSeconds > 0);
    const serverAddress = await this.#serverAddressFor(task, subnet, given?.address);
    if (client === undefined) return { silent: NO_MAC };
    if (serverAddress === undefined)
      return { silent: `we have no IPv6 address but link-local ones on ${task.at.interfaceName ?? 'any interface'}` };
    const decide = (): Promise<BootOffer6> => this.#options.decideBoot({ ...client, serverAddress });
    return decideInTime<BootOffer6>({ ...this.#inTime(client.mac), decide });
  }

  #clientOf({ mac, received: { message }, at }: Task): Omit<BootClient6, 'serverAddress'> | undefined {
    if (mac === undefined) return undefined;
    const { interfaceName } = at;
    return { mac, interfaceName, smbiosUuid: smbiosUuidOf6(message), architecture: architectureOf6(message), kind: kindOf6(message) };
  }

  #inTime(mac: Mac): { readonly mac: Mac; readonly limitMs: number; readonly clock: Clock; readonly log: Log } {
    const { clock, log } = this.#options;
    return { mac, limitMs: this.#limits.bootDecisionMs, clock, log };
  }

  #send(bytes: Buffer, task: Task, decision: Answer6, boot: BootOffer6 | null): void {
    const { at, from, received, mac } = task;
    const relay = received.relays[0];
    const isOwnPort = relay !== undefined && getOption6(relay.options, 'relaySourcePort') !== undefined; // RFC 8357
    const port = relay === undefined ? this.#ports.client : isOwnPort ? from.port : this.#ports.server;
    at.socket.send(bytes, port, from.address, (error) => {
      if (error === null) this.#counters.sent += 1;
      else
        this.#options.log.warn(
          { ...macField(mac), to: from.address, interface: at.interfaceName },
          `DHCPv6 answer not sent: ${error.message}`,
        );
    });
    const name = messageName6(received.message.type) ?? 'message';
    this.#note(task, decision.kind, `${name}: ${reasonOf(decision, boot)}`);
  }

  /** Clients multicast to whom they talk, so a second server makes itself known through them. News, not a stream. */
  #reportOther(duid: Uint8Array, { interfaceName }: Dhcp6Socket): void {
    const now = this.#options.clock.monotonic();
    const hex = Buffer.from(duid).toString('hex');
    if (this.#seenServers.take(`${hex} ${interfaceName}`, now) !== 'admitted' || this.#allServers.take('all', now) !== 'admitted') return;
    this.#options.onOtherServer({ duid: hex, interfaceName });
  }

  /** Without a MAC there is no machine to keep the reason for: the log has it. */
  #note({ mac, from }: Task, decision: string, reason: string): void {
    if (mac === undefined) this.#options.log.debug({ from: from.address, decision }, `DHCPv6: ${reason}`);
    else this.#options.note({ mac, decision, reason });
  }
}

const NO_MAC = 'it tells no MAC: neither its address, its DUID nor a relay holds one';

function macField(mac: Mac | undefined): { readonly mac?: Mac } {
  return mac === undefined ? {} : { mac };
}

/** A client that asks for settings takes the first answer: an empty one would keep it from those of a server that has some. */
function saysNothing({ message }: Received6, subnet: Subnet6 | null, boot: BootOffer6 | null): boolean {
  if (messageName6(message.type) !== 'informationRequest' || (boot !== null && !('silent' in boot))) return false;
  return subnet === null || (subnet.dnsServers.length === 0 && subnet.domainSearch.length === 0);
}

function reasonOf({ reason }: Answer6, boot: BootOffer6 | null): string {
  if (boot === null) return reason;
  return 'silent' in boot ? `${reason}; no boot file: ${boot.silent}` : `${reason}; boots ${boot.url}: ${boot.reason}`;
}
