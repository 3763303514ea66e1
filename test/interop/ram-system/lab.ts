// The RAM system's own scripts beside two DHCP servers: a root directory with busybox and the scripts of images/agent/files, in a namespace
// whose only port is cabled to one of two bridges, each with a dnsmasq of its own. All goes at the end of the test.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { runProgram } from '../../../src/lib/index.ts';

const FILES = new URL('../../../images/agent/files/', import.meta.url).pathname;
const WAIT_MS = 60_000;
const MAC = '02:00:00:00:0c:05';

export type Net = 'a' | 'b';

export interface RamSystem {
  /** Plugs the cable of its port into the bridge of that net. */
  plug(net: Net): Promise<void>;
  unplug(): Promise<void>;
  /** From now on that net's server gives this address, and no longer the one before: it says no to who asks for that. */
  reserve(net: Net, host: number): Promise<void>;
  /** As when half of the lease is over. */
  renew(): Promise<void>;
  removePort(): Promise<void>;
  addPort(): Promise<void>;
  readonly addresses: () => Promise<string>;
  readonly defaultRoute: () => Promise<string>;
  readonly resolvConf: () => Promise<string>;
  /** Waits until it is so. */
  until(what: () => Promise<string>, holds: RegExp): Promise<void>;
  /** "settled" when its scripts know of the link and of the lease. */
  readonly settled: () => Promise<string>;
  /** What it said on its console. */
  readonly said: () => Promise<string>;
  /** Process ids of DHCP clients, from the inside of its namespace. */
  clients(): Promise<readonly number[]>;
  kill(process: number): void;
}

export async function openRamSystem(): Promise<RamSystem> {
  const id = randomBytes(3).toString('hex');
  const [machine, wires] = [`rs-m-${id}`, `rs-w-${id}`];
  const root = await mkdtemp(join(tmpdir(), 'rackseed-ram-system-'));
  const ends: (() => unknown)[] = [];
  onTestFinished(async () => {
    for (const end of ends.reverse()) await end();
    await rm(root, { recursive: true, force: true });
  }, WAIT_MS);
  const ip = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runProgram('ip', args);
    if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  for (const name of [machine, wires]) {
    await ip('netns', 'add', name);
    ends.push(() => ip('netns', 'del', name));
  }
  const start = (namespace: string, ...command: string[]): (() => Promise<void>) => {
    const child = spawn('ip', ['netns', 'exec', namespace, ...command], { stdio: 'ignore' });
    const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    return async () => {
      child.kill('SIGTERM');
      await gone;
    };
  };
  const servers = new Map<Net, () => Promise<void>>();
  const reserve = async (net: Net, host: number): Promise<void> => {
    await servers.get(net)?.();
    const subnet = net === 'a' ? '10.81.1' : '10.81.2';
    const range = [`--dhcp-range=${subnet}.100,${subnet}.200,255.255.255.0,2m`, `--dhcp-host=${MAC},${subnet}.${host}`];
    const options = [`--dhcp-option=3,${subnet}.1`, `--dhcp-option=6,${subnet}.53`, '--dhcp-authoritative', '--no-ping'];
    const alone = ['--no-daemon', '--conf-file=/dev/null', '--port=0', '--bind-interfaces', '--except-interface=lo', '--user=root'];
    const files = [`--dhcp-leasefile=${join(root, `leases-${net}-${host}`)}`, `--interface=br-${net}`];
    servers.set(net, start(wires, 'dnsmasq', ...alone, ...files, ...range, ...options));
  };
  ends.push(async () => {
    for (const end of servers.values()) await end();
  });
  for (const [net, address] of [
    ['a', '10.81.1.1/24'],
    ['b', '10.81.2.1/24'],
  ] as const) {
    await ip('-n', wires, 'link', 'add', `br-${net}`, 'type', 'bridge');
    await ip('-n', wires, 'addr', 'add', address, 'dev', `br-${net}`);
    await ip('-n', wires, 'link', 'set', `br-${net}`, 'up');
    await reserve(net, 100);
  }
  const addPort = async (): Promise<void> => {
    await ip('-n', machine, 'link', 'add', 'eth0', 'address', MAC, 'type', 'veth', 'peer', 'name', 'cable', 'netns', wires);
  };
  await addPort();
  await makeRoot(root);
  const inside = `mount -t proc proc ${root}/proc && mount -t sysfs sysfs ${root}/sys && mount --bind /dev/null ${root}/dev/null && exec chroot ${root} /bin/busybox sh -c 'export PATH=/run/applets; exec /usr/lib/rackseed/ports eth0'`;
  const end = start(machine, 'sh', '-c', inside);
  const clients = async (): Promise<readonly number[]> => {
    const pids = (await ip('netns', 'pids', machine)).split('\n').filter((line) => line !== '');
    const named = await Promise.all(
      pids.map(async (pid) => ({ pid: Number(pid), name: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
    );
    return named.filter(({ name }) => name.startsWith('udhcpc')).map(({ pid }) => pid);
  };
  ends.push(async () => {
    await end();
    for (const pid of (await ip('netns', 'pids', machine)).split('\n')) if (pid !== '') process.kill(Number(pid), 'SIGKILL');
  });
  const text = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  return {
    async plug(net) {
      await ip('-n', wires, 'link', 'set', 'cable', 'master', `br-${net}`);
      await ip('-n', wires, 'link', 'set', 'cable', 'up');
    },
    unplug: async () => void (await ip('-n', wires, 'link', 'set', 'cable', 'down')),
    reserve,
    renew: async () => {
      for (const pid of await clients()) process.kill(pid, 'SIGUSR1');
    },
    removePort: async () => void (await ip('-n', machine, 'link', 'del', 'eth0')),
    addPort,
    addresses: () => ip('-n', machine, '-4', 'addr', 'show').catch(() => ''),
    defaultRoute: () => ip('-n', machine, 'route', 'show', 'default'),
    resolvConf: () => text('run/rackseed/resolv.conf'),
    until: async (what, holds) => {
      await expect.poll(what, { timeout: WAIT_MS, interval: 100 }).toMatch(holds);
    },
    settled: async () => {
      const known = await Promise.all(['changes', 'bound'].map((name) => text(`run/rackseed/ports/eth0/${name}`)));
      return known.includes('') ? '' : 'settled';
    },
    said: () => text('run/rackseed/console'),
    clients,
    kill: (pid) => void process.kill(pid, 'SIGKILL'),
  };
}

async function makeRoot(root: string): Promise<void> {
  for (const name of ['bin', 'proc', 'sys', 'dev', 'run/applets', 'run/rackseed/ports']) await mkdir(join(root, name), { recursive: true });
  await cp(FILES, root, { recursive: true });
  const { stdout } = await runProgram('sh', ['-c', 'command -v busybox']);
  await cp(stdout.trim(), join(root, 'bin/busybox'), { dereference: true });
  // A console keeps what is written to it with `>`, a file does not: here each line is its own file's last word.
  await writeFile(join(root, 'dev/null'), '');
  await writeFile(join(root, 'run/rackseed/consoles'), '/run/rackseed/console\n');
  await runProgram('chroot', [root, '/bin/busybox', '--install', '-s', '/run/applets']);
}
