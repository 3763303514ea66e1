// What surrounds a join, by the real programs: the key of one attempt with OpenSSH's own sshd, ssh, ssh-copy-id and rsync as `pvecm add --use_ssh`
// calls them; a command that outlives whoever began it; what a machine says of itself. In namespaces, with an /etc/ssh and a /root/.ssh of their own.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/index.ts';
import { closeAttempt, openAttempt } from '../../src/pipeline/cluster/attempt.ts';
import { beginJob, forgetJob, type Job, lookAtJob } from '../../src/pipeline/cluster/job.ts';
import { CLUSTER_KEYS } from '../../src/pipeline/cluster/look.ts';
import { MACHINE_FACTS, parseMachine } from '../../src/pipeline/cluster/machine-codec.ts';
import { step } from '../../src/pipeline/steps/cluster-join.ts';
import type { Ran, RootShell, RunOptions } from '../../src/proxmox/index.ts';
import { containing } from '../support/containing.ts';
import { stepWorld } from '../support/pipeline.ts';

const LIMIT_MS = 60_000;
const PEER = '127.0.0.1';
const directory = mkdtempSync(join(tmpdir(), 'rackseed-join-ssh-'));

/** /etc/ssh/ssh_config is Debian's own; the keys of root lie where Proxmox VE has them. */
const START = `ip link set lo up
cp /etc/ssh/ssh_config "$1/ssh_config"
for place in /etc/ssh /root /run /mnt; do mount -t tmpfs -o mode=0755 tmpfs "$place"; done
mkdir -p /etc/ssh/ssh_config.d /run/sshd /mnt/pve/priv /root/.ssh
mkdir -p /etc/pve && mount --bind /mnt/pve /etc/pve
cp "$1/ssh_config" /etc/ssh/ssh_config
for kind in ed25519 ecdsa rsa; do ssh-keygen -q -t "$kind" -N '' -f "/etc/ssh/ssh_host_\${kind}_key"; done
ssh-keygen -q -t rsa -b 3072 -N '' -f /root/.ssh/id_rsa
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh rackseed' >/etc/pve/priv/authorized_keys
ln -s /etc/pve/priv/authorized_keys /root/.ssh/authorized_keys
exec /usr/sbin/sshd -D -e -f /dev/null -o AuthorizedKeysFile=/root/.ssh/authorized_keys -o StrictModes=no -o UsePAM=no -o PasswordAuthentication=no -o PermitRootLogin=yes -o ListenAddress=127.0.0.1`;

let holder: ChildProcess;
let said = '';

const within = (command: readonly string[]): string[] => [
  '-t',
  String(holder.pid),
  '-n',
  '-m',
  '--',
  'env',
  'HOME=/root',
  'LC_ALL=C.UTF-8',
  ...command,
];

function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile('nsenter', within(command), { cwd: '/' }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, signal: error?.signal ?? null, out, err });
    });
    child.stdin?.on('error', () => undefined); // it reads nothing
    child.stdin?.end(options.input ?? '');
  });
}

const shell: RootShell & { readonly name: string } = {
  name: 'pve1',
  address: PEER,
  run,
  must: async (command, options) => {
    const ran = await run(command, options);
    if (ran.code !== 0) throw new Error(`${command.join(' ')}: ${ran.err}${said}`);
    return ran.out;
  },
  script: (text, words, options) => run(['sh', '-eu', '-c', text, 'sh', ...words], options),
  readFile: async (path) => {
    const { code, out } = await run(['cat', path]);
    return code === 0 ? Buffer.from(out) : undefined;
  },
  writeFile: async (path, content) => {
    await run(['sh', '-c', 'cat >"$1"', 'sh', path], { input: content });
  },
};

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}\n${said}`);
    await systemClock.sleep(100);
  }
}

beforeAll(async () => {
  execFileSync('mkdir', ['-p', '/etc/pve']); // a mount point, on a machine that is no Proxmox VE
  holder = spawn('unshare', ['-n', '-m', 'sh', '-eu', '-c', START, 'sh', directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [holder.stdout, holder.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('sshd listens', () => Promise.resolve(said.includes('Server listening')));
});

afterAll(async () => {
  const ended = new Promise((resolve) => {
    holder.once('exit', resolve);
  });
  if (holder.exitCode === null) {
    holder.kill('SIGTERM');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
  // Where no Proxmox VE is, it was the mount point alone.
  if (readdirSync('/etc/pve').length === 0) rmdirSync('/etc/pve');
});

describe('the key of one attempt to join', () => {
  const context = () => ({ ...stepWorld({ machine: { name: 'pve2' } }).context(step, {}), shell, clock: systemClock });
  const attempt = { node: 'pve2', peer: PEER, from: ['127.0.0.1'] };
  const signIn = (...more: string[]): Promise<Ran> =>
    run(['ssh', PEER, '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', ...more, 'echo', 'in']);

  it('lets ssh-copy-id, ssh and rsync in as pvecm calls them, nobody asks a question, and nothing of it is left', async () => {
    const before = await shell.must(['cat', CLUSTER_KEYS]);
    expect((await signIn()).code).toBe(255);

    await openAttempt(context(), shell, attempt);
    const copied = await run(['ssh-copy-id', '-i', '/root/.ssh/id_rsa', `root@${PEER}`]);
    expect(copied, copied.err).toMatchObject({ code: 0 });
    expect(await signIn()).toMatchObject({ code: 0, out: 'in\n' });
    await shell.must(['mkdir', '-p', '/run/got']);
    await shell.must(['rsync', '--rsh=ssh -l root -o BatchMode=yes', '-lpgoq', `[${PEER}]:/etc/ssh/ssh_config`, '/run/got']);
    // The node's own key was not put beside it: Proxmox VE does that itself.
    const now = (await shell.must(['cat', CLUSTER_KEYS])).trim().split('\n');
    expect(now).toHaveLength(2);
    expect(now[1]).toMatch(/^from="127\.0\.0\.1",expiry-time="\d{8}",restrict ssh-ed25519 \S+ rackseed-join-pve2$/);
    expect(await signIn('-tt')).toMatchObject({ code: 255, err: containing('PTY allocation request failed') });

    await closeAttempt(context(), shell);
    expect(await shell.must(['cat', CLUSTER_KEYS])).toBe(before);
    expect((await signIn()).code).toBe(255);
    expect((await shell.must(['ls', '/root/.ssh', '/etc/ssh/ssh_config.d'])).includes('rackseed')).toBe(false);
  });

  it('lets nobody in from elsewhere, nor after its day', async () => {
    await openAttempt(context(), shell, { ...attempt, from: ['192.0.2.12'] });
    expect(await signIn()).toMatchObject({ code: 255, err: containing('Permission denied') });
    const past = { ...systemClock, now: () => Date.now() - 5 * 86_400_000 };
    await openAttempt({ ...context(), clock: past }, shell, attempt);
    expect(await signIn()).toMatchObject({ code: 255, err: containing('Permission denied') });
    await closeAttempt(context(), shell);
  });

  it('does not go to a server with another host key', async () => {
    const key = await shell.must(['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
    const hosts = ['ed25519', 'ecdsa', 'rsa'].map((kind) => `/etc/ssh/ssh_host_${kind}_key.pub`);
    const kept = await Promise.all(hosts.map((path) => shell.must(['cat', path])));
    const other = key.replace(/AAAAC3NzaC1lZDI1NTE5AAAAI.{43}/, 'AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh');
    for (const path of hosts) await shell.writeFile(path, other);
    await openAttempt(context(), shell, attempt);
    expect(await signIn()).toMatchObject({ code: 255, err: containing('Host key verification failed') });
    for (const [at, path] of hosts.entries()) await shell.writeFile(path, kept[at] ?? '');
    await closeAttempt(context(), shell);
  });
});

describe('a command that goes on without us', () => {
  const dir = '/run/rackseed/test-job';

  it('is begun once, seen running, and its end and words are there for whoever comes', async () => {
    expect(await lookAtJob(shell, dir)).toEqual({ is: 'none' });
    await shell.must(['mkfifo', '/run/gate']);
    const script = 'read -r word; echo "read $word"; echo "marked $(printenv RACKSEED_COMMAND || echo not)"; read -r _ </run/gate; exit 7';
    const marked: RootShell = {
      ...shell,
      script: (text, words, options) => run(['env', 'RACKSEED_COMMAND=x', 'sh', '-eu', '-c', text, 'sh', ...words], options),
    };
    await beginJob(marked, dir, ['sh', '-c', script], 'a secret');
    await beginJob(shell, dir, ['sh', '-c', 'echo again']); // it is there already
    let job: Job = { is: 'none' };
    await until('its words are there', async () => {
      job = await lookAtJob(shell, dir);
      return 'log' in job && job.log.includes('marked');
    });
    expect(job).toEqual({ is: 'running', log: 'read a secret\nmarked not\n' });
    await run(['sh', '-c', 'echo >/run/gate']);
    await until('it has ended', async () => (await lookAtJob(shell, dir)).is === 'ended');
    expect(await lookAtJob(shell, dir)).toEqual({ is: 'ended', code: 7, log: 'read a secret\nmarked not\n' });
    expect(await shell.must(['stat', '-c', '%a', dir])).toBe('700\n');
    await forgetJob(shell, dir);
    expect(await lookAtJob(shell, dir)).toEqual({ is: 'none' });
  });

  it('that is killed is known to have died, not taken for running', async () => {
    await beginJob(shell, dir, ['sh', '-c', 'echo $$; exec sleep 1000']);
    let pid = '';
    await until('it runs', async () => {
      const job = await lookAtJob(shell, dir);
      pid = job.is === 'running' ? job.log.trim() : '';
      return pid !== '';
    });
    const parent = (await shell.must(['ps', '-o', 'ppid=', '-p', pid])).trim();
    await shell.must(['kill', '-9', parent, pid]);
    await until('its end is seen', async () => (await lookAtJob(shell, dir)).is === 'died');
    await forgetJob(shell, dir);
  });
});

describe('what a machine says of itself', () => {
  it('is read from its files by the real sh', async () => {
    const root = join(directory, 'root');
    for (const path of ['etc/pve/nodes/pve1/qemu-server', 'etc/pve/nodes/pve1/lxc', 'etc/corosync', 'var/lib/pve-cluster'])
      mkdirSync(join(root, path), { recursive: true });
    const look = async () => parseMachine((await shell.script(MACHINE_FACTS, [root])).out, PEER);
    expect(await look()).toMatchObject({
      cluster: null,
      localCluster: null,
      hasAuthkey: false,
      hasDatabase: false,
      guests: [],
      begun: null,
      release: null,
    });
    const conf = 'nodelist {\n}\ntotem {\n  cluster_name: home\n  version: 2\n}\n';
    for (const [path, text] of [
      ['etc/pve/corosync.conf', conf],
      ['etc/corosync/corosync.conf', conf],
      ['etc/corosync/authkey', 'x'],
      ['var/lib/pve-cluster/config.db', 'x'],
      ['etc/pve/nodes/pve1/qemu-server/100.conf', ''],
      ['etc/pve/nodes/pve1/lxc/101.conf', ''],
    ] as const)
      writeFileSync(join(root, path), text);
    mkdirSync(join(root, 'var/lib/rackseed'), { recursive: true });
    writeFileSync(join(root, 'var/lib/rackseed/cluster-join'), 'home');
    const facts = await look();
    expect(facts).toMatchObject({
      cluster: 'home',
      localCluster: 'home',
      hasAuthkey: true,
      hasDatabase: true,
      guests: ['100', '101'],
      begun: 'home',
    });
    expect(Math.abs(facts.now - Date.now())).toBeLessThan(LIMIT_MS);
    await shell.must(['ip', 'addr', 'add', '192.0.2.77/32', 'dev', 'lo', 'scope', 'global']);
    expect((await look()).addresses).toEqual(['192.0.2.77']);
  });
});
