// Asks the network whether an address is in use before it is offered, without raw sockets: one UDP datagram to it makes the kernel ask by
// ARP; behind a relay an ICMP answer tells. Knows no leases (docs/decisions/0015-leases-under-load.md).

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type Clock, type Ipv4, messageOf, systemCode } from '../../../lib/index.ts';
import { TokenBuckets } from '../../token-buckets.ts';
import { type Finding, judgeTraces, macInArpTable } from './conflict-decide.ts';

export interface ConflictProbe {
  /** Never rejects. Not a promise when there is nothing to wait for. */
  check(address: Ipv4): Finding | Promise<Finding>;
}

export interface ProbeLimits {
  /** Each leaves an entry in the kernel's neighbour table for some seconds, which holds 1024 by default. */
  readonly maxAtOnce: number;
  readonly perSecond: number;
  readonly burst: number;
  readonly waitMs: number;
  /** So long a found address counts as free without being asked for again: a client repeats its DISCOVER. */
  readonly rememberMs: number;
  readonly maxRemembered: number;
}

export const PROBE_LIMITS: ProbeLimits = {
  maxAtOnce: 32,
  perSecond: 50,
  burst: 100,
  // An answer takes less than 1 ms on a wire. dnsmasq and ISC wait 1 to 3 s, which firmware pays for with each first boot.
  waitMs: 250,
  rememberMs: 60_000,
  maxRemembered: 1024,
};

export interface ProbeOptions {
  readonly clock: Clock;
  readonly limits?: Partial<ProbeLimits>;
  /** The kernel's table as text; /proc/net/arp. */
  readonly readArpTable?: () => Promise<string>;
}

/** "discard" (RFC 863): nobody listens there, and who does says nothing. */
const PORT = 9;
const SAME_MOMENT_MS = 20;

export function createConflictProbe(options: ProbeOptions): ConflictProbe {
  return new UdpProbe(options);
}

class UdpProbe implements ConflictProbe {
  readonly #clock: Clock;
  readonly #limits: ProbeLimits;
  readonly #readArpTable: () => Promise<string>;
  readonly #bucket: TokenBuckets<'all'>;
  #table: { readonly at: number; readonly text: Promise<string> } | undefined;
  readonly #running = new Map<Ipv4, Promise<Finding>>();
  /** Addresses found free, and until when that is believed. */
  readonly #free = new Map<Ipv4, number>();

  constructor({ clock, limits, readArpTable }: ProbeOptions) {
    this.#clock = clock;
    this.#limits = { ...PROBE_LIMITS, ...limits };
    this.#readArpTable = readArpTable ?? (() => readFile('/proc/net/arp', 'utf8'));
    this.#bucket = new TokenBuckets({ burst: this.#limits.burst, perSecond: this.#limits.perSecond, maxKeys: 1 });
  }

  check(address: Ipv4): Finding | Promise<Finding> {
    const running = this.#running.get(address);
    if (running !== undefined) return running;
    const now = this.#clock.monotonic();
    if ((this.#free.get(address) ?? Number.NEGATIVE_INFINITY) > now) return { kind: 'free' };
    // Too many at once is no reason to make machines wait: the address is offered as it is, as dnsmasq does.
    if (this.#running.size >= this.#limits.maxAtOnce || this.#bucket.take('all', now) !== 'admitted')
      return { kind: 'unchecked', why: 'too many addresses were being asked for at once' };
    const probe = this.#probe(address).finally(() => this.#running.delete(address));
    this.#running.set(address, probe);
    return probe;
  }

  async #probe(address: Ipv4): Promise<Finding> {
    try {
      const before = macInArpTable(await this.#arpTable(this.#clock.monotonic() - SAME_MOMENT_MS), address);
      const isRefused = await this.#knock(address);
      const finding = judgeTraces({ before, after: macInArpTable(await this.#arpTable(this.#clock.monotonic()), address), isRefused });
      if (finding.kind === 'free') this.#remember(address);
      return finding;
    } catch (thrown) {
      return { kind: 'unchecked', why: messageOf(thrown) };
    }
  }

  /** As of that time or later; read once for all that ask in the same moment. */
  #arpTable(notBefore: number): Promise<string> {
    if (this.#table === undefined || this.#table.at < notBefore) this.#table = { at: this.#clock.monotonic(), text: this.#readArpTable() };
    return this.#table.text;
  }

  /** True when the port was refused: somebody lives there. */
  async #knock(address: Ipv4): Promise<boolean> {
    const socket = createSocket('udp4');
    const quiet = new AbortController();
    try {
      await connected(socket, address);
      const refused = once(socket, 'error', { signal: quiet.signal }).then(
        ([error]) => isUnreachable(error),
        () => false, // called off
      );
      await new Promise<void>((resolve, reject) =>
        socket.send(new Uint8Array(1), (error) => (error === null || isUnreachable(error) ? resolve() : reject(error))),
      );
      return await Promise.race([
        refused,
        this.#clock.sleep(this.#limits.waitMs, quiet.signal).then(
          () => false,
          () => false,
        ),
      ]);
    } finally {
      quiet.abort();
      socket.on('error', ignore); // a late ICMP answer is no news any more
      socket.close();
    }
  }

  #remember(address: Ipv4): void {
    const now = this.#clock.monotonic();
    this.#free.delete(address);
    this.#free.set(address, now + this.#limits.rememberMs);
    if (this.#free.size <= this.#limits.maxRemembered) return;
    for (const oldest of this.#free.keys()) {
      this.#free.delete(oldest);
      return;
    }
  }
}

function connected(socket: Socket, address: Ipv4): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(PORT, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

/** EHOSTUNREACH is the contrary: nobody answered. */
function isUnreachable(error: unknown): boolean {
  return systemCode(error) === 'ECONNREFUSED';
}

function ignore(): void {
  // nothing is waiting for it
}
