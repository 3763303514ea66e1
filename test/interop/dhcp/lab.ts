// Two network namespaces joined by cables: the server's and the clients'. Names differ for every run; all is deleted at the end of the test.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFailed, onTestFinished } from 'vitest';
import type { ServePlan } from './serve.ts';

const run = promisify(execFile);
const WAIT_MS = 60_000;
const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url));
/** What dhclient and udhcpc call when something happened: it sets the address, so that renewing by unicast works. */
const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case "\${reason:-$1}" in
  BOUND|RENEW|REBIND|REBOOT) ip addr replace "$new_ip_address/16" dev "$interface" ;;
  bound|renew) ip addr replace "$ip/16" dev "$interface" ;;
  PREINIT) ip link set "$interface" up ;;
  deconfig|EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev "$interface" ;;
esac
exit 0
`;

type Line = Readonly<Record<string, unknown>>;

/** A program whose output is lines: wait for the line that matters. */
export interface Program {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** JSON lines so far. */
  said(): Line[];
  until(what: RegExp): Promise<string>;
  /** The exit code. */
  ended(): Promise<number | null>;
}

export interface Lab {
  readonly directory: string;
  readonly script: string;
  inServer(...command: string[]): Promise<string>;
  inClient(...command: string[]): Promise<string>;
  startInServer(...command: string[]): Program;
  startInClient(...command: string[]): Program;
  /** A further namespace behind the clients': r0 (10.77.0.1/16) there, l0 here. */
  openLeaf(): Promise<Leaf>;
  /** Started and ready, or ended. */
  serve(plan?: Partial<ServePlan>, prefix?: readonly string[]): Promise<Program>;
}

export interface Leaf {
  inLeaf(...command: string[]): Promise<string>;
  startInLeaf(...command: string[]): Program;
}

/** Cable i joins s{i} (10.{i}.0.1/16) and c{i} (no address). */
export async function openLab(cables = 1): Promise<Lab> {
  const id = randomBytes(4).toString('hex');
  const [server, client] = [`rs-${id}-s`, `rs-${id}-c`];
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-dhcp-'));
  onTestFinished(async () => {
    for (const name of [server, client]) await run('ip', ['netns', 'del', name]);
    await rm(directory, { recursive: true, force: true });
  });
  for (const name of [server, client]) await run('ip', ['netns', 'add', name]);
  for (const name of [server, client]) await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  for (let cable = 0; cable < cables; cable += 1) {
    await run('ip', ['-n', server, 'link', 'add', `s${cable}`, 'type', 'veth', 'peer', 'name', `c${cable}`, 'netns', client]);
    await run('ip', ['-n', server, 'addr', 'add', `10.${cable}.0.1/16`, 'dev', `s${cable}`]);
    await run('ip', ['-n', server, 'link', 'set', `s${cable}`, 'up']);
    await run('ip', ['-n', client, 'link', 'set', `c${cable}`, 'up']);
  }
  const script = join(directory, 'script');
  await writeFile(script, SCRIPT);
  await chmod(script, 0o755);
  await chmod(directory, 0o777);
  const within = (name: string, command: string[]): string[] => ['netns', 'exec', name, ...command];
  const start = (name: string, command: string[]): Program => program('ip', within(name, command));
  const serve = async (plan: Partial<ServePlan> = {}, prefix: readonly string[] = []): Promise<Program> => {
    const pools = Array.from({ length: cables }, (_, cable) => [`10.${cable}.1.0`, `10.${cable}.9.255`] as const);
    const interfaces = Array.from({ length: cables }, (_, cable) => `s${cable}`);
    const whole: ServePlan = { mode: 'full', interfaces, database: join(directory, 'leases.sqlite'), pools, leaseSeconds: 3600, ...plan };
    const started = start(server, [...prefix, process.execPath, SERVE, JSON.stringify(whole)]);
    await started.until(/"ready"|"failed"/);
    return started;
  };
  const openLeaf = async (): Promise<Leaf> => {
    const leaf = `rs-${id}-l`;
    await run('ip', ['netns', 'add', leaf]);
    onTestFinished(async () => {
      await run('ip', ['netns', 'del', leaf]);
    });
    await run('ip', ['-n', client, 'link', 'add', 'r0', 'type', 'veth', 'peer', 'name', 'l0', 'netns', leaf]);
    await run('ip', ['-n', client, 'addr', 'add', '10.77.0.1/16', 'dev', 'r0']);
    for (const [name, link] of [
      [client, 'r0'],
      [leaf, 'l0'],
      [leaf, 'lo'],
    ] as const)
      await run('ip', ['-n', name, 'link', 'set', link, 'up']);
    return {
      inLeaf: async (...command) => (await run('ip', within(leaf, command), { timeout: WAIT_MS })).stdout,
      startInLeaf: (...command) => start(leaf, command),
    };
  };
  return {
    directory,
    script,
    openLeaf,
    inServer: async (...command) => (await run('ip', within(server, command), { timeout: WAIT_MS })).stdout,
    inClient: async (...command) => (await run('ip', within(client, command), { timeout: WAIT_MS })).stdout,
    startInServer: (...command) => start(server, command),
    startInClient: (...command) => start(client, command),
    serve,
  };
}

function program(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const seen = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const look of seen) look();
    });
  }
  const over = once(child, 'close');
  onTestFailed(() => {
    process.stderr.write([`what ${[command, ...args].join(' ').slice(0, 120)} said at last:`, ...lines.slice(-30), ''].join('\n  '));
  });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await over;
  });
  const until = (what: RegExp): Promise<string> =>
    expect
      .poll(() => lines.find((line) => what.test(line)) ?? '', { timeout: WAIT_MS, interval: 20, message: `waiting for ${what}` })
      .toMatch(what)
      .then(() => lines.find((line) => what.test(line)) ?? '');
  return {
    child,
    lines,
    said: () => lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line), // JSON objects, printed by our own scripts
    until,
    ended: async () => {
      await over;
      return child.exitCode;
    },
  };
}
