// Dropbear on the real machine: its files in memory, its process, the processes of its sessions. The edge: decides nothing.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Run } from '../../lib/index.ts';
import type { Address } from './rescue-decide.ts';

const PROGRAMS = '/usr/lib/rackseed/rescue';
/** Root's home in the RAM system's passwd: dropbear looks for authorized_keys there. */
const HOME = '/run/rescue';
const HOST_KEY = '/run/rackseed/rescue-host-key';
const KEY_MS = 60_000;
const START_MS = 20_000;

export interface SshServer {
  /** Resolves when it no longer runs, with what it said last. */
  readonly ended: Promise<string>;
}

export interface RescueMachine {
  /** Makes a new host key, and gives its public half as one line: type and base64. */
  makeHostKey(run: Run): Promise<string>;
  writeAccess(shadow: string, keys: readonly string[]): Promise<void>;
  removeAccess(): Promise<void>;
  /** Resolves when it listens; rejects with its words when it ends before that. */
  start(options: { readonly allowsPasswords: boolean; readonly onLine: (line: string) => void }): Promise<SshServer>;
  /** The server and its sessions, whoever started them. */
  processes(): Promise<readonly number[]>;
  signal(process: number, name: 'SIGTERM' | 'SIGKILL'): void;
  addresses(): readonly Address[];
  mounts(): Promise<string>;
}

export const rescueMachine: RescueMachine = {
  async makeHostKey(run) {
    await rm(HOST_KEY, { force: true });
    const { code, stdout, stderr } = await run(join(PROGRAMS, 'dropbearkey'), ['-t', 'ed25519', '-f', HOST_KEY], { timeoutMs: KEY_MS });
    const line = /^(ssh-ed25519 \S+)/m.exec(stdout)?.[1];
    if (code !== 0 || line === undefined) throw new Error(`dropbearkey ended with code ${code}: ${stderr.trim()}`);
    return line;
  },
  async writeAccess(shadow, keys) {
    await mkdir(join(HOME, '.ssh'), { recursive: true, mode: 0o700 });
    await writeFile('/etc/shadow', shadow, { mode: 0o600 });
    await writeFile(join(HOME, '.ssh/authorized_keys'), keys.map((key) => `${key}\n`).join(''), { mode: 0o600 });
  },
  async removeAccess() {
    await rm('/etc/shadow', { force: true });
    await rm(join(HOME, '.ssh'), { recursive: true, force: true });
    await rm(HOST_KEY, { force: true });
  },
  start,
  async processes() {
    const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      names.map(async (name) =>
        (await readlink(`/proc/${name}/exe`).catch(() => '')) === join(PROGRAMS, 'dropbear') ? [Number(name)] : [],
      ),
    );
    return found.flat();
  },
  signal(pid, name) {
    try {
      process.kill(pid, name);
    } catch {
      // ESRCH: it has ended by itself
    }
  },
  addresses: () => Object.values(networkInterfaces()).flatMap((list) => list ?? []),
  mounts: () => readFile('/proc/self/mounts', 'utf8'),
};

/** -F -E: in the foreground, log to stderr; -j -k: no port forwarding; -s: no passwords; -W: a window that a gigabit fills; -K: dead peers end. */
function start({ allowsPasswords, onLine }: Parameters<RescueMachine['start']>[0]): Promise<SshServer> {
  const options = ['-F', '-E', '-p', '22', '-r', HOST_KEY, '-P', '', '-j', '-k', '-W', '1048576', '-K', '60', '-T', '5'];
  const child = spawn(join(PROGRAMS, 'dropbear'), [...options, ...(allowsPasswords ? [] : ['-s'])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let last = '';
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`${last} (${signal ?? `code ${code}`})`.trim()));
  });
  return new Promise((resolve, reject) => {
    listen(child, (line) => {
      last = line;
      // Its word when it listens and stays where it was started.
      if (line.includes('Not backgrounding')) resolve({ ended });
      else onLine(line);
    });
    void ended.then((said) => reject(new Error(`the SSH server ended: ${said}`)));
    AbortSignal.timeout(START_MS).addEventListener(
      'abort',
      () => reject(new Error(`the SSH server does not listen after ${START_MS / 1000} s: ${last}`)),
      {
        once: true,
      },
    );
  });
}

function listen(child: ChildProcess, onLine: (line: string) => void): void {
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', onLine);
}
