// Other DHCP servers on a wire: what was heard of them, and whether we answer beside them. Pure: the caller brings the time and carries it out.

import type { Ipv4, Mac } from '../../../lib/index.ts';

export type WatchMode = 'proxy' | 'full';

/** What an interface does: watching = not answering yet, since it first looks for others. */
export const WATCH_STATES = ['watching', 'answering', 'standing-aside'] as const;
export type WatchState = (typeof WATCH_STATES)[number];

/** probe: it answered our own search. heard: it answered somebody else in our hearing. named: a client named it as its server. */
export type Evidence = 'probe' | 'heard' | 'named';

/** addresses: it leases addresses. boot: its offers have none, as a proxyDHCP server's. */
export type ServerRole = 'addresses' | 'boot';

export interface SeenServer {
  readonly address: Ipv4;
  readonly mac: Mac | null;
  readonly role: ServerRole;
  /** The strongest so far. */
  readonly evidence: Evidence;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Searches since then that it did not answer. */
  readonly missed: number;
}

export interface Sighting {
  readonly address: Ipv4;
  readonly role: ServerRole;
  readonly evidence: Evidence;
}

/** What is wrong with the interface itself. */
export type LinkProblem = 'missing' | 'down' | 'no-address' | 'send-failed';

export interface WatchTimes {
  /** How long offers are collected. dnsmasq pings an address for 3 s before it offers it. */
  readonly windowMs: number;
  /** The search is sent a second time, since datagrams get lost. */
  readonly repeatMs: number;
  readonly everyMs: number;
  /** More often while standing aside: somebody waits for us to take up. */
  readonly asideEveryMs: number;
  /** Switch ports with spanning tree pass nothing for 30 s after the link came up: what is found this early was there before us. */
  readonly settleMs: number;
  readonly settleEveryMs: number;
  readonly retryMs: number;
  readonly missesUntilGone: number;
}

export const WATCH_TIMES: WatchTimes = {
  windowMs: 5000,
  repeatMs: 1500,
  everyMs: 300_000,
  asideEveryMs: 60_000,
  settleMs: 90_000,
  settleEveryMs: 25_000,
  retryMs: 10_000,
  missesUntilGone: 3,
};

export interface WatchFacts {
  readonly mode: WatchMode;
  readonly allowOtherServers: boolean;
  readonly interfaceName: string;
  readonly state: WatchState;
  readonly problem: LinkProblem | null;
  /** Searches that could be sent and heard out. */
  readonly searches: number;
  /** Since the first good search, or the first one after the link was down. */
  readonly sinceLinkMs: number;
  readonly servers: readonly SeenServer[];
}

export interface Standing {
  readonly state: WatchState;
  readonly reason: string;
  /** The next step; null when nothing needs a person. */
  readonly hint: string | null;
  /** Nobody gives addresses where somebody else should. */
  readonly isWithoutServer?: boolean;
}

const MAX_SERVERS = 16;
const WEIGHT: Readonly<Record<Evidence, number>> = { named: 0, heard: 1, probe: 2 };

/** At the cap the weakest and oldest makes room: replies and names can be made up, the answer to our own search can't be from afar. */
export function withSighting(servers: readonly SeenServer[], seen: Sighting, now: number): SeenServer[] {
  const known = servers.find((one) => one.address === seen.address);
  if (known !== undefined) return servers.map((one) => (one === known ? seenAgain(known, seen, now) : one));
  const entry: SeenServer = { ...seen, mac: null, firstSeenAt: now, lastSeenAt: now, missed: 0 };
  if (servers.length < MAX_SERVERS) return [...servers, entry];
  const weakest = servers.reduce((least, one) => (isWeaker(one, least) ? one : least));
  if (WEIGHT[weakest.evidence] > WEIGHT[seen.evidence]) return [...servers];
  return [...servers.filter((one) => one !== weakest), entry];
}

function seenAgain(known: SeenServer, seen: Sighting, now: number): SeenServer {
  const isStronger = WEIGHT[seen.evidence] > WEIGHT[known.evidence];
  // A client that names a server remembers it, perhaps from yesterday: that does not keep a silent one alive.
  const isAlive = seen.evidence !== 'named' || known.evidence === 'named';
  return {
    ...known,
    // A server that leases addresses may send offers without one too (dnsmasq does, to PXE clients).
    role: known.role === 'addresses' || seen.role === 'addresses' ? 'addresses' : 'boot',
    evidence: isStronger ? seen.evidence : known.evidence,
    ...(isAlive ? { lastSeenAt: now, missed: 0 } : {}),
  };
}

function isWeaker(one: SeenServer, other: SeenServer): boolean {
  const difference = WEIGHT[one.evidence] - WEIGHT[other.evidence];
  return difference < 0 || (difference === 0 && one.lastSeenAt < other.lastSeenAt);
}

/** After a search that began at `since`: whoever was not heard from then on has missed it; who missed too many is gone. */
export function afterSearch(
  servers: readonly SeenServer[],
  since: number,
  missesUntilGone: number,
): { readonly servers: SeenServer[]; readonly gone: SeenServer[] } {
  const counted = servers.map((one) => (one.lastSeenAt >= since ? one : { ...one, missed: one.missed + 1 }));
  return { servers: counted.filter((one) => one.missed < missesUntilGone), gone: counted.filter((one) => one.missed >= missesUntilGone) };
}

export function decideStanding(facts: WatchFacts, times: WatchTimes): Standing {
  return facts.mode === 'proxy' ? besideRouter(facts) : inFull(facts, times);
}

/** Proxy mode gives no addresses, so it always answers; somebody else must give them. */
function besideRouter({ interfaceName, servers, searches, problem }: WatchFacts): Standing {
  if (problem !== null) return { state: 'answering', ...problemWords(problem, interfaceName) };
  const routers = servers.filter(isRival);
  const bootServers = servers.filter((one) => one.role === 'boot' && one.evidence !== 'named');
  if (bootServers.length > 0)
    return {
      state: 'answering',
      reason: `another network-boot server, ${names(bootServers)}, answers on ${interfaceName}: machines may boot from either`,
      hint: 'Switch the other one off, so that it is certain who boots a machine.',
    };
  if (routers.length > 0)
    return { state: 'answering', reason: `beside ${names(routers)}, which gives the addresses on ${interfaceName}`, hint: null };
  if (searches < 2)
    return { state: 'answering', reason: `looking for the DHCP server that gives the addresses on ${interfaceName}`, hint: null };
  return {
    state: 'answering',
    reason: `no DHCP server answered on ${interfaceName}: machines will get no address there, and so cannot boot`,
    hint: 'Switch the router’s DHCP server on, or give the addresses from here: [dhcp] mode = "full" with a [[dhcp.subnet]].',
    isWithoutServer: true,
  };
}

/**
 * Beside another server we do not begin, but having begun we go on: a machine plugged in with a DHCP server of its own, or one forged
 * offer, must not switch ours off (docs/decisions/0016-other-dhcp-servers.md).
 */
function inFull(facts: WatchFacts, times: WatchTimes): Standing {
  const { interfaceName, servers, state, problem } = facts;
  const rivals = servers.filter(isRival);
  if (facts.allowOtherServers) return answering(facts, rivals, 'told to answer beside other servers ([dhcp] allow_other_servers)');
  if (problem !== null) return { state, ...problemWords(problem, interfaceName) };
  if (state === 'watching' && facts.searches === 0 && rivals.length === 0)
    return { state, reason: `looking for other DHCP servers on ${interfaceName} before the first answer`, hint: null };
  const isStart = state === 'watching' || (state === 'answering' && facts.sinceLinkMs < times.settleMs);
  const isThereBefore = isStart && rivals.some((one) => one.evidence === 'probe' || state === 'watching');
  if (isThereBefore || (state === 'standing-aside' && rivals.length > 0)) return standingAside(interfaceName, rivals, times);
  return answering(facts, rivals, `no other DHCP server answered on ${interfaceName}`);
}

function standingAside(interfaceName: string, rivals: readonly SeenServer[], times: WatchTimes): Standing {
  const minutes = Math.ceil(((times.asideEveryMs + times.windowMs) * times.missesUntilGone) / 60_000);
  return {
    state: 'standing-aside',
    reason: `another DHCP server, ${names(rivals)}, gives addresses on ${interfaceName}: two of them would give clashing answers`,
    hint: `Switch that server off (this one takes up by itself within ${minutes} minutes), work beside it with [dhcp] mode = "proxy", or answer all the same with allow_other_servers = true.`,
  };
}

function answering({ interfaceName, problem, allowOtherServers }: WatchFacts, rivals: readonly SeenServer[], reason: string): Standing {
  if (problem !== null) return { state: 'answering', ...problemWords(problem, interfaceName) };
  if (rivals.length === 0) return { state: 'answering', reason, hint: null };
  if (allowOtherServers) return { state: 'answering', reason: `${reason}; ${names(rivals)} answers on ${interfaceName} too`, hint: null };
  return {
    state: 'answering',
    reason: `another DHCP server, ${names(rivals)}, turned up on ${interfaceName} while this one was answering: both answer now`,
    hint: 'Switch one of them off. After a restart this one would stand aside, unless allow_other_servers = true.',
  };
}

/** A client's word alone may be yesterday's: it is shown, and decides nothing. */
function isRival(one: SeenServer): boolean {
  return one.role === 'addresses' && one.evidence !== 'named';
}

function names(servers: readonly SeenServer[]): string {
  return servers.map(({ address, mac }) => (mac === null ? address : `${address} (${mac})`)).join(', ');
}

function problemWords(problem: LinkProblem, interfaceName: string): { reason: string; hint: string } {
  const words: Readonly<Record<LinkProblem, { reason: string; hint: string }>> = {
    missing: {
      reason: `there is no interface ${interfaceName} any more: nothing is heard there`,
      hint: 'List the interfaces with: ip -br link. An interface that comes back needs a restart.',
    },
    down: {
      reason: `${interfaceName} has no link: nothing is heard there`,
      hint: `Plug the cable in, or bring the interface up: ip link set ${interfaceName} up`,
    },
    'no-address': {
      reason: `${interfaceName} has no IPv4 address: nothing is answered there until it has one`,
      hint: `Give it one: ip addr add 10.0.0.1/24 dev ${interfaceName}`,
    },
    'send-failed': {
      reason: `nothing could be sent on ${interfaceName}`,
      hint: `See what the system says of it: ip addr show ${interfaceName}`,
    },
  };
  return words[problem];
}

/** When to search next. */
export function nextSearchMs({ mode, state, problem, searches, sinceLinkMs }: WatchFacts, times: WatchTimes): number {
  if (problem !== null) return times.retryMs;
  if (state === 'standing-aside') return times.asideEveryMs;
  const isSettling = sinceLinkMs < times.settleMs && (mode === 'full' || searches < 2);
  return isSettling ? times.settleEveryMs : times.everyMs;
}
