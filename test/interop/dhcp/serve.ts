// The DHCP server as a program of its own, for tests inside network namespaces. Its one argument is a plan in JSON; it prints JSON lines.

import { readFileSync } from 'node:fs';
import {
  type Ipv4,
  type Log,
  messageOf,
  parseIpv4,
  parseSubnet,
  RackseedError,
  silentLog,
  systemClock,
  systemRandom,
} from '../../../src/lib/index.ts';
import {
  adoptSockets,
  createConflictProbe,
  createDhcpServer,
  createStoreLeaseBook,
  createWatchHost,
  type DhcpSocket,
  type DhcpSubnet,
  openSingleInterface,
  reexecThroughLauncher,
  takeInheritedSockets,
  type WatchTimes,
} from '../../../src/net/dhcp/index.ts';
import { openStore } from '../../../src/store/index.ts';

export interface ServePlan {
  readonly mode: 'full' | 'proxy';
  readonly interfaces: readonly string[];
  readonly database: string;
  /** First and last address of each /24. */
  readonly pools: readonly (readonly [first: string, last: string])[];
  readonly leaseSeconds: number;
  /** Without the launcher, on the first interface alone. */
  readonly isSingle?: boolean;
  /** Ask the network before an address is offered. */
  readonly isProbing?: boolean;
  /** Machines that are to be left alone. */
  readonly leftAlone?: readonly string[];
  /** Look for other servers, in these times. */
  readonly watch?: { readonly allowOtherServers?: boolean; readonly times?: Partial<WatchTimes> };
}

const PORTS = { full: [67], proxy: [67, 4011] } as const;
/** On a machine that is busy with other tests even a neighbour answers late. */
const PROBE_WAIT_MS = 3000;
const KEY = { id: 'test', bytes: Buffer.alloc(32, 7) };

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function socketsFor(plan: ServePlan): Promise<DhcpSocket[]> {
  const ports = PORTS[plan.mode];
  if (plan.isSingle === true) return openSingleInterface(plan.interfaces[0] ?? '', ports, [], 68);
  const { sockets: inherited, missing } = takeInheritedSockets(process.env, process.pid);
  for (const { code, message } of missing) say({ missing: code, message });
  if (inherited.length > 0) return adoptSockets(inherited);
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return reexecThroughLauncher({ interfaces: plan.interfaces, ports, clientPort: 68, command, env: process.env }, (file, args, env) =>
    process.execve?.(file, args, env),
  );
}

function subnetOf([first, last]: readonly [string, string], leaseSeconds: number): DhcpSubnet {
  const cidr = first.replace(/\.\d+\.\d+$/, '.0.0/16');
  const subnet = parseSubnet(cidr);
  if (subnet === undefined) throw new Error(`${cidr} is no subnet`);
  const pools = [{ first: address(first), last: address(last) }];
  return {
    cidr,
    subnet,
    pools,
    reservations: [],
    leaseSeconds,
    routers: [],
    dnsServers: [],
    domainName: null,
    ntpServers: [],
    options: new Map(),
    sharedNetwork: null,
  };
}

function address(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** Is descriptor 3 closed when this process starts others? Else a child would keep the port open. */
function isCloseOnExec(fd: number): boolean {
  const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & 0o2000000) !== 0;
}

async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? '{}') as ServePlan; // written by the test
  const sockets = await socketsFor(plan);
  const log: Log = {
    ...silentLog,
    warn: (fields, text) => say({ warn: text, ...fields }),
    error: (fields, text) => say({ error: text, ...fields }),
  };
  const store = await openStore({ url: `sqlite://${plan.database}`, keys: [KEY], clock: systemClock, random: systemRandom, log });
  const leases = createStoreLeaseBook(store, 100_000);
  const server = createDhcpServer({
    mode: plan.mode,
    sockets,
    subnets: plan.pools.map((pool) => subnetOf(pool, plan.leaseSeconds)),
    decideBoot: ({ mac, kind, serverAddress }) =>
      Promise.resolve(
        kind === 'other' || plan.leftAlone?.includes(mac) === true
          ? { silent: 'does not boot from the network' }
          : { boot: { fileName: 'loader.efi', nextServer: serverAddress }, reason: 'test' },
      ),
    leases,
    ...(plan.isProbing === true ? { probe: createConflictProbe({ clock: systemClock, limits: { waitMs: PROBE_WAIT_MS } }) } : {}),
    clock: systemClock,
    log,
    note: (note) => say({ ...note }),
    ...(plan.watch === undefined
      ? {}
      : {
          watch: {
            allowOtherServers: plan.watch.allowOtherServers ?? false,
            random: systemRandom,
            host: createWatchHost([]),
            times: plan.watch.times ?? {},
          },
        }),
    onNews: ({ event, interfaceName, message }) => say({ news: event, interfaceName, message }),
  });
  await server.start(AbortSignal.timeout(10_000));
  say({
    ready: true,
    isCloseOnExec: plan.isSingle === true || isCloseOnExec(3),
    uid: process.getuid?.(),
    hearsClientPort: server.status().interfaces.map((one) => one.hearsClientPort),
  });
  // What the book holds, for whoever asks: by address.
  process.on('SIGUSR2', () => {
    void leases.load().then((all) => say({ book: Object.fromEntries(all.map((one) => [one.address, one.state])) }));
  });
  process.once('SIGTERM', () => {
    void server.stop().then(() => store.close());
  });
}

main().catch((thrown: unknown) => {
  say(
    thrown instanceof RackseedError
      ? { failed: thrown.code, message: thrown.message, hint: thrown.hint }
      : { failed: 'bug', message: messageOf(thrown) },
  );
  process.exitCode = 1;
});
