// Votes as real corosync tells them: three of them in namespaces, one after another, as machines join; and how they are waited for.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/index.ts';
import { type CorosyncConfig, parseCorosync } from '../../src/pipeline/cluster/corosync-codec.ts';
import { quorumOf } from '../../src/pipeline/cluster/corosync-conf.ts';
import { missingVotes } from '../../src/pipeline/cluster/join-decide.ts';
import { waitForQuorum } from '../../src/pipeline/cluster/quorum.ts';
import type { Ran, RootShell } from '../../src/proxmox/index.ts';

const PREFIX = `rscs${process.pid % 100_000}`;
const LIMIT_MS = 90_000;
/** Private places for what corosyncs of one machine would share; then the program, which ends with its namespace's first process. */
const START = `for place in /dev/shm /run /var/lib/corosync; do mount -t tmpfs -o mode=0755 tmpfs "$place"; done
exec corosync -f -c "$1"`;

const directory = mkdtempSync(join(tmpdir(), 'rackseed-corosync-'));
const running = new Map<number, ChildProcess>();
const logs: string[] = [];

const ip = (...words: string[]): Buffer => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
const addressOf = (at: number): string => `10.99.7.${at}`;

beforeAll(() => {
  writeFileSync(join(directory, 'authkey'), randomBytes(256), { mode: 0o400 });
  ip('netns', 'add', `${PREFIX}b`);
  ip('-n', `${PREFIX}b`, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', `${PREFIX}b`, 'link', 'set', 'br0', 'up');
  for (const at of [1, 2, 3]) {
    const own = `${PREFIX}n${at}`;
    ip('netns', 'add', own);
    ip('-n', own, 'link', 'set', 'lo', 'up');
    ip('-n', own, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `p${at}`, 'netns', `${PREFIX}b`);
    ip('-n', `${PREFIX}b`, 'link', 'set', `p${at}`, 'master', 'br0', 'up');
    ip('-n', own, 'addr', 'add', `${addressOf(at)}/24`, 'dev', 'eth0');
    ip('-n', own, 'link', 'set', 'eth0', 'up');
  }
});

afterAll(async () => {
  for (const at of running.keys()) await stop(at);
  for (const name of ['n1', 'n2', 'n3', 'b']) ip('netns', 'del', `${PREFIX}${name}`);
  rmSync(directory, { recursive: true, force: true });
});

/** As Proxmox VE writes it, and where this corosync finds its key. */
function confOf(members: readonly number[]): string {
  const nodes = members.map(
    (at) => `  node {\n    name: pve${at}\n    nodeid: ${at}\n    quorum_votes: 1\n    ring0_addr: ${addressOf(at)}\n  }\n`,
  );
  return `logging {
  debug: off
  to_syslog: no
  to_stderr: yes
}

nodelist {
${nodes.join('\n')}}

quorum {
  provider: corosync_votequorum
}

totem {
  cluster_name: home
  config_version: ${members.length}
  interface {
    linknumber: 0
  }
  ip_version: ipv4-6
  keyfile: ${join(directory, 'authkey')}
  link_mode: passive
  secauth: on
  token_coefficient: 125
  version: 2
}
`;
}

function configured(at: number, members: readonly number[]): CorosyncConfig {
  const text = confOf(members);
  writeFileSync(join(directory, `${at}.conf`), text);
  const parsed = parseCorosync(text);
  if (parsed === undefined) throw new Error('it names a cluster');
  return parsed;
}

function start(at: number): void {
  const words = ['netns', 'exec', `${PREFIX}n${at}`, 'unshare', '--mount', 'sh', '-eu', '-c', START, 'sh', join(directory, `${at}.conf`)];
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (chunk: Buffer) => logs.push(`${at}: ${chunk.toString()}`));
  running.set(at, child);
}

/** As a machine that lost its power. */
async function stop(at: number): Promise<void> {
  const child = running.get(at);
  running.delete(at);
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGKILL');
  await ended;
}

/** ip, unshare and sh each became the next: the process of the child is corosync's. */
function shellOf(at: number): RootShell {
  const run = (command: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const pid = String(running.get(at)?.pid ?? 0);
      execFile('nsenter', ['-t', pid, '-n', '-m', ...command], (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), signal: null, out, err });
      });
    });
  const none = (): Promise<never> => Promise.reject(new Error('only commands are run here'));
  return { address: addressOf(at), run, must: none, script: none, readFile: none, writeFile: none };
}

function waiting(at: number, signal = new AbortController().signal): { readonly done: Promise<void>; readonly said: string[] } {
  const said: string[] = [];
  const waiter = { clock: systemClock, signal, log: (line: string) => void said.push(line) };
  return { done: waitForQuorum(waiter, () => Promise.resolve(shellOf(at)), LIMIT_MS), said };
}

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}\n${logs.slice(-20).join('')}`);
    await systemClock.sleep(200);
  }
}

it('is asked for votes while machines join, wait for each other, and one goes', async () => {
  expect(
    await quorumOf({ ...shellOf(1), run: async () => ({ code: 1, signal: null, out: '', err: 'Cannot initialize QUORUM service\n' }) }),
  ).toBe(null);

  expect(configured(1, [1])).toEqual({
    name: 'home',
    members: [{ name: 'pve1', nodeid: 1, votes: 1, links: { '0': '10.99.7.1' } }],
    qdevice: null,
  });
  start(1);
  await waiting(1).done;
  expect(await quorumOf(shellOf(1))).toEqual({ isQuorate: true, expected: 1, total: 1, needed: 1, nodes: 1 });

  // The second is listed and has not come: the first alone is no quorum any more.
  configured(1, [1, 2]);
  await shellOf(1).run(['corosync-cfgtool', '-R']);
  await until('the first has heard of the second', async () => (await quorumOf(shellOf(1)))?.expected === 2);
  expect(await quorumOf(shellOf(1))).toEqual({ isQuorate: false, expected: 2, total: 1, needed: 2, nodes: 1 });
  const second = waiting(1);
  await until('the wait has begun', () => Promise.resolve(second.said.length > 0));
  expect(second.said[0]).toBe('waits for a quorum: no quorum: 1 of 2 votes, 2 are needed');
  configured(2, [1, 2]);
  start(2);
  await second.done;
  expect(await quorumOf(shellOf(2))).toEqual({ isQuorate: true, expected: 2, total: 2, needed: 2, nodes: 2 });

  for (const at of [1, 2]) configured(at, [1, 2, 3]);
  await shellOf(1).run(['corosync-cfgtool', '-R']);
  const three = configured(3, [1, 2, 3]);
  start(3);
  await until('all three are in', async () => (await quorumOf(shellOf(3)))?.total === 3);
  expect(missingVotes('pve4', three, await quorumOf(shellOf(1)))).toBe(null);

  await stop(3);
  await until('the third is missed', async () => (await quorumOf(shellOf(1)))?.total === 2);
  const left = await quorumOf(shellOf(1));
  expect(left).toEqual({ isQuorate: true, expected: 3, total: 2, needed: 2, nodes: 2 });
  expect(missingVotes('pve4', three, left)).toBe('2 of 3 members are there, and with pve4 3 votes are needed');

  // A lone member is told to go on alone, as a join that broke off asks for.
  await stop(2);
  await until('it is alone', async () => (await quorumOf(shellOf(1)))?.isQuorate === false);
  await shellOf(1).run(['corosync-quorumtool', '-e', '1']);
  await waiting(1).done;
});
