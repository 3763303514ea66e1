// Four-way DHCP exchanges per second of machines never seen before, through a relay, each lease written before its ACK: the whole
// appliance against dnsmasq and Kea, each with a fresh lease file. Loss and the server's CPU time are printed beside, and what perfdhcp
// really offered: it takes one core whole, and can do no more than 28,000 a second.

import type { Bench, Measure } from './harness.ts';
import { type DhcpLab, openDhcpLab, type RunningServer, type ServerKind } from './support/dhcp-lab.ts';
import { cpuSeconds } from './support/programs.ts';

const SECONDS = 2;
const STEADY_RATE = 1000;
/** Offered one after the other, until a server completes less than two thirds: more would only measure its queue. perfdhcp ends at 28,000. */
const RATES = [4000, 12_000, 16_000, 19_000, 22_000, 25_000];
const HOPELESS = 1.5;
const STEADY = `at ${STEADY_RATE}/s`;

let lab: DhcpLab;

export const bench: Bench = {
  name: 'dhcp',
  unit: 'exchanges/s',
  larger: true,
  rounds: 3,
  note:
    'ours is fsynced before the ACK (SQLite, synchronous FULL); the peers write their lease file without fsync. dnsmasq runs with ' +
    '--no-ping, its fastest; perfdhcp has one core to itself; ours probes for address conflicts as it does by default (not beyond its cap on probes at once).',
  async setup() {
    lab = await openDhcpLab();
  },
  async teardown() {
    await lab.remove();
  },
  ours: casesOf('ours'),
  peers: { dnsmasq: casesOf('dnsmasq'), kea: casesOf('kea'), 'kea (threads)': casesOf('keaThreads') },
  promises: [{ case: STEADY, limit: STEADY_RATE * 0.98 }],
};

function casesOf(who: ServerKind): Readonly<Record<string, Measure>> {
  return {
    max: () => withServer(who, (server) => highest(who, server)),
    [STEADY]: () => withServer(who, (server) => completed(who, server, STEADY_RATE)),
  };
}

async function withServer(who: ServerKind, measure: (server: RunningServer) => Promise<number>): Promise<number> {
  const server = await lab.start(who);
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

async function highest(who: ServerKind, server: RunningServer): Promise<number> {
  let best = 0;
  for (const rate of RATES) {
    const figure = await completed(who, server, rate);
    best = Math.max(best, figure);
    if (figure * HOPELESS < rate) break;
  }
  return best;
}

async function completed(who: ServerKind, { child }: RunningServer, rate: number): Promise<number> {
  const before = await cpuOf(child.pid);
  const { completedPerSecond, offeredPerSecond, drops, sent } = await lab.offer(rate, SECONDS);
  const each = ((await cpuOf(child.pid)) - before) / (completedPerSecond * SECONDS);
  process.stdout.write(
    `  ${who} offered ${offeredPerSecond.toFixed(0)} of ${rate}/s: completed ${completedPerSecond.toFixed(0)}/s, ${drops} of ${sent} packets unanswered, ` +
      `${(each * 1e6).toFixed(0)} µs of CPU an exchange\n`,
  );
  return completedPerSecond;
}

/** `ip netns exec` becomes the server: the process is its own. */
function cpuOf(pid: number | undefined): Promise<number> {
  return pid === undefined ? Promise.reject(new Error('the server did not start')) : cpuSeconds(pid);
}
