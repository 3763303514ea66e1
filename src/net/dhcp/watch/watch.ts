// The watch for other DHCP servers: searches each wire again and again, remembers who was heard, says when that changes what we do.
// What it means is decided in watch-decide.ts. Knows nothing of leases.

import type { Clock, Ipv4, Log, Mac, Random } from '../../../lib/index.ts';
import { messageOf } from '../../../lib/index.ts';
import { TokenBuckets } from '../../token-buckets.ts';
import { type DhcpPacket, encode, macOf } from '../codec.ts';
import { type DhcpPorts, LIMITED_BROADCAST } from '../reply.ts';
import type { DhcpInterfaceStatus, DhcpNews } from '../status.ts';
import {
  afterSearch,
  decideStanding,
  type LinkProblem,
  nextSearchMs,
  type SeenServer,
  type Sighting,
  type Standing,
  WATCH_TIMES,
  type WatchFacts,
  type WatchMode,
  type WatchTimes,
  withSighting,
} from './watch-decide.ts';
import type { WatchHost } from './watch-host.ts';
import { searchMac, searchPacket, sightingOf } from './watch-packet.ts';
import { goneNews, newServerNews, otherServer, problemNews, standingNews } from './watch-render.ts';

export interface WatchSetup {
  readonly allowOtherServers: boolean;
  readonly random: Random;
  readonly host: WatchHost;
  readonly times?: Partial<WatchTimes>;
}

/** One interface as the watch needs it. `send` rejects when the system refuses. */
export interface WireSpec {
  readonly interfaceName: string;
  /** Null: the interface has none yet. */
  readonly address: Ipv4 | null;
  readonly hearsClientPort: boolean;
  send(bytes: Uint8Array, port: number, address: Ipv4): Promise<void>;
  /** The interface got its address, or another one. */
  onAddress(address: Ipv4): void;
}

export interface WatchDeps extends WatchSetup {
  readonly mode: WatchMode;
  readonly wires: readonly WireSpec[];
  readonly ports: DhcpPorts;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNews: (news: DhcpNews) => void;
}

interface Wire {
  readonly spec: WireSpec;
  address: Ipv4 | null;
  mac: Mac | null;
  problem: LinkProblem | null;
  servers: readonly SeenServer[];
  searches: number;
  lastSearchAt: number | null;
  linkSince: number | null;
  xid: number;
  standing: Standing;
  search: Promise<void> | undefined;
}

const DISCARD_PORT = 9;
const ARP_WAIT_MS = 300;
const MIN_JITTER = 0.9;
const JITTER = 0.2;

export class Watch {
  readonly #deps: WatchDeps;
  readonly #times: WatchTimes;
  readonly #wires: ReadonlyMap<string, Wire>;
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<void>>();
  /** Made-up servers must not fill the event log. */
  readonly #news = new TokenBuckets<'all'>({ burst: 10, perSecond: 1 / 6, maxKeys: 1 });
  #searchMacs: ReadonlySet<Mac> = new Set();

  constructor(deps: WatchDeps) {
    this.#deps = deps;
    this.#times = { ...WATCH_TIMES, ...deps.times };
    this.#wires = new Map(deps.wires.map((spec) => [spec.interfaceName, this.#newWire(spec)]));
  }

  #newWire(spec: WireSpec): Wire {
    const { address } = spec;
    const empty = { mac: null, problem: null, servers: [], searches: 0, lastSearchAt: null, linkSince: null, xid: -1, search: undefined };
    const state = this.#deps.mode === 'proxy' || this.#deps.allowOtherServers ? 'answering' : 'watching';
    const wire: Wire = { ...empty, spec, address, standing: { state, reason: '', hint: null } };
    wire.standing = decideStanding(this.#facts(wire), this.#times);
    return wire;
  }

  start(): void {
    for (const wire of this.#wires.values()) this.#track(this.#watch(wire));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#work);
  }

  /** Searches every wire at once; resolves when the time for answers is over. */
  async searchNow(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => this.#search(wire)));
  }

  standingOf(interfaceName: string): Standing {
    return this.#wires.get(interfaceName)?.standing ?? NOT_WATCHED;
  }

  /** Our own searches come back to us as broadcasts do: they are nobody's. */
  isOwnSearch(mac: Mac): boolean {
    return this.#searchMacs.has(mac);
  }

  heardReply(reply: DhcpPacket, from: Ipv4, interfaceName: string): void {
    const wire = this.#wires.get(interfaceName);
    if (wire === undefined) return;
    const isToUs = reply.xid === wire.xid && wire.mac !== null && macOf(reply) === searchMac(wire.mac);
    const sighting = sightingOf(reply, from, isToUs);
    if (sighting !== undefined) this.#sighted(wire, sighting, from);
  }

  heardNamed(address: Ipv4, interfaceName: string): void {
    const wire = this.#wires.get(interfaceName);
    if (wire !== undefined) this.#sighted(wire, { address, role: 'addresses', evidence: 'named' }, null);
  }

  status(): DhcpInterfaceStatus[] {
    return [...this.#wires.values()].map((wire) => ({
      name: wire.spec.interfaceName,
      address: wire.address,
      ...wire.standing,
      problem: wire.problem,
      hearsClientPort: wire.spec.hearsClientPort,
      lastSearchAt: wire.lastSearchAt,
      otherServers: wire.servers.toSorted((one, other) => other.lastSeenAt - one.lastSeenAt).map(otherServer),
    }));
  }

  #sighted(wire: Wire, sighting: Sighting, from: Ipv4 | null): void {
    const now = this.#deps.clock.now();
    const isNew = !wire.servers.some((one) => one.address === sighting.address);
    wire.servers = withSighting(wire.servers, sighting, now);
    this.#decide(wire);
    if (isNew && this.#news.take('all', this.#deps.clock.monotonic()) === 'admitted')
      this.#track(this.#introduce(wire, sighting.address, from));
  }

  /** Asks the kernel for its MAC first, so that a person finds the box. `from` is null when nobody was heard but its client. */
  async #introduce(wire: Wire, address: Ipv4, from: Ipv4 | null): Promise<void> {
    const mac = from === null ? null : await this.#macOf(wire, from);
    const known = wire.servers.find((one) => one.address === address);
    if (known === undefined) return;
    const server = { ...known, mac };
    wire.servers = wire.servers.map((one) => (one === known ? server : one));
    this.#decide(wire);
    this.#deps.onNews(newServerNews(server, wire.standing, this.#context(wire)));
  }

  /** The kernel resolves whom we send to; the discard port is there for that (RFC 863). */
  async #macOf(wire: Wire, address: Ipv4): Promise<Mac | null> {
    const { clock, host, log } = this.#deps;
    const { interfaceName } = wire.spec;
    try {
      await wire.spec.send(new Uint8Array(1), DISCARD_PORT, address);
      await clock.sleep(ARP_WAIT_MS, this.#stop.signal);
      return await host.neighbour(interfaceName, address);
    } catch (thrown) {
      log.debug({ interface: interfaceName, server: address }, `its MAC address is not known: ${messageOf(thrown)}`);
      return null; // the address alone must do
    }
  }

  async #watch(wire: Wire): Promise<void> {
    const { clock, random } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#search(wire);
      const pause = nextSearchMs(this.#facts(wire), this.#times) * (MIN_JITTER + JITTER * random.float());
      await clock.sleep(pause, signal).catch(() => undefined); // only called off by stop(), which the loop sees
    }
  }

  /** One at a time for each wire: who asks meanwhile gets the one under way. Never rejects. */
  #search(wire: Wire): Promise<void> {
    wire.search ??= this.#searchOnce(wire)
      .catch((thrown: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#deps.log.error(
            { interface: wire.spec.interfaceName, error: thrown },
            `the search for other DHCP servers failed: ${messageOf(thrown)}`,
          );
      })
      .finally(() => {
        wire.search = undefined;
      });
    return wire.search;
  }

  async #searchOnce(wire: Wire): Promise<void> {
    const { clock, random } = this.#deps;
    const { signal } = this.#stop;
    const packet = await this.#prepare(wire);
    if (packet === undefined) return;
    const since = clock.now();
    wire.xid = random.bytes(4).readUInt32BE();
    if (!(await this.#sendSearch(wire, packet))) return;
    this.#setProblem(wire, null);
    await clock.sleep(this.#times.repeatMs, signal);
    if (!(await this.#sendSearch(wire, packet))) return;
    await clock.sleep(this.#times.windowMs - this.#times.repeatMs, signal);
    this.#conclude(wire, since);
  }

  /** Undefined when the interface can't search now. */
  async #prepare(wire: Wire): Promise<{ readonly mac: Mac; readonly giaddr: Ipv4 | null } | undefined> {
    const { host } = this.#deps;
    const { interfaceName, hearsClientPort } = wire.spec;
    const link = await host.linkOf(interfaceName);
    if (link !== 'up') {
      this.#setProblem(wire, link);
      return undefined;
    }
    const own = host.identityOf(interfaceName, wire.address);
    if (own === undefined) {
      this.#setProblem(wire, 'no-address');
      return undefined;
    }
    if (own.address !== wire.address) {
      wire.address = own.address;
      wire.spec.onAddress(own.address);
    }
    wire.mac = own.mac;
    const mac = searchMac(own.mac);
    this.#searchMacs = new Set([...this.#searchMacs, mac].slice(-MAX_SEARCH_MACS));
    return { mac, giaddr: hearsClientPort ? null : own.address };
  }

  async #sendSearch(wire: Wire, search: { readonly mac: Mac; readonly giaddr: Ipv4 | null }): Promise<boolean> {
    try {
      await wire.spec.send(encode(searchPacket({ ...search, xid: wire.xid })), this.#deps.ports.server, LIMITED_BROADCAST);
      return true;
    } catch (thrown) {
      this.#deps.log.debug({ interface: wire.spec.interfaceName }, `the search for other DHCP servers was not sent: ${messageOf(thrown)}`);
      this.#setProblem(wire, 'send-failed');
      return false;
    }
  }

  #conclude(wire: Wire, since: number): void {
    const { clock, onNews } = this.#deps;
    const { missesUntilGone } = this.#times;
    const { servers, gone } = afterSearch(wire.servers, since, missesUntilGone);
    wire.servers = servers;
    wire.searches += 1;
    wire.lastSearchAt = clock.now();
    wire.linkSince ??= clock.monotonic();
    this.#decide(wire);
    for (const server of gone) onNews(goneNews(server, wire.spec.interfaceName, missesUntilGone));
  }

  #setProblem(wire: Wire, problem: LinkProblem | null): void {
    if (problem !== null) wire.linkSince = null;
    if (problem === wire.problem) return;
    wire.problem = problem;
    this.#decide(wire);
    this.#deps.onNews(problemNews(wire.spec.interfaceName, problem, wire.standing));
  }

  #decide(wire: Wire): void {
    const before = wire.standing;
    wire.standing = decideStanding(this.#facts(wire), this.#times);
    const news = standingNews(before, wire.standing, wire.spec.interfaceName);
    if (news !== null) this.#deps.onNews(news);
  }

  #facts(wire: Wire): WatchFacts {
    const { clock } = this.#deps;
    return {
      ...this.#context(wire),
      state: wire.standing.state,
      problem: wire.problem,
      searches: wire.searches,
      sinceLinkMs: wire.linkSince === null ? 0 : clock.monotonic() - wire.linkSince,
      servers: wire.servers,
    };
  }

  #context({ spec }: Wire): Pick<WatchFacts, 'mode' | 'allowOtherServers' | 'interfaceName'> {
    const { mode, allowOtherServers } = this.#deps;
    return { mode, allowOtherServers, interfaceName: spec.interfaceName };
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}

const MAX_SEARCH_MACS = 1024;
const NOT_WATCHED: Standing = { state: 'answering', reason: 'no search for other servers was asked for', hint: null };
