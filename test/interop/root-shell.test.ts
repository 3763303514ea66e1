// Root's shell over a real OpenSSH server: words arrive as they are, ends and breaks are told apart, nothing is left running.

import { execFile } from 'node:child_process';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RackseedError, Secret, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { type OpenedShell, openShell, type ShellOptions } from '../../src/proxmox/index.ts';
import { type RootSshd, startRootSshd } from './root-shell/sshd.ts';

const execute = promisify(execFile);
const opened: OpenedShell[] = [];
let sshd: RootSshd;

beforeAll(async () => {
  sshd = await startRootSshd();
}, 60_000);
afterEach(async () => {
  for (const shell of opened.splice(0)) await shell.close();
});
afterAll(() => sshd.close());

async function shellOf(more: Partial<ShellOptions> = {}, server = sshd): Promise<OpenedShell> {
  const shell = await openShell({
    address: '127.0.0.1',
    port: server.port,
    hostKeys: [server.hostKeys.ed25519],
    key: () => Promise.resolve(new Secret(server.privateKey)),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: new AbortController().signal,
    ...more,
  });
  opened.push(shell);
  return shell;
}

/** Resolves at the first line. */
function told(): { readonly onLine: (line: string) => void; readonly line: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { onLine: resolve, line: promise };
}

async function failure(promise: Promise<unknown>): Promise<RackseedError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof RackseedError) return thrown;
  throw new Error(`no error of ours: ${String(thrown)}`);
}

async function isRunning(pid: string): Promise<boolean> {
  const { stdout } = await execute('sh', ['-c', 'grep -s "^State:" "/proc/$1/status" || :', 'sh', pid]);
  return stdout !== '' && !stdout.includes('Z');
}

describe('words and scripts', () => {
  it('arrive as they are, whatever they hold', async () => {
    const shell = await shellOf();
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom("'", '"', '\\', '$', '`', '!', '\n', '\r', ' ', '*', '~', '-', '=', ';', '#', '\t', 'a') }),
    );
    const words = fc.array(
      word.filter((one) => !one.includes('\0') && one.isWellFormed()),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (given) => {
        expect((await shell.run(['printf', '%s\\0', ...given])).out.split('\0').slice(0, -1)).toEqual(given);
        expect((await shell.script('printf "%s\\0" "$@"', given)).out.split('\0').slice(0, -1)).toEqual(given);
      }),
      { numRuns: 25 },
    );
  });

  it('are refused with a NUL, without a program, and when there are more than a shell takes', async () => {
    const shell = await shellOf();
    expect((await failure(shell.run(['echo', 'a\0b']))).code).toBe('proxmox.bad_command');
    expect((await failure(shell.run([]))).code).toBe('proxmox.bad_command');
    const most = 'x'.repeat(130_900);
    expect((await shell.run(['printf', '%s', most])).out).toBe(most);
    expect(await failure(shell.run(['printf', '%s', 'x'.repeat(131_072)]))).toMatchObject({
      code: 'proxmox.bad_command',
      message: expect.stringContaining('more words than a shell takes') as string,
    });
  });

  it('have input, an exit code, and a signal that ended them', async () => {
    const shell = await shellOf();
    expect(await shell.run(['cat'], { input: Buffer.from('one\ntwo') })).toEqual({ code: 0, signal: null, out: 'one\ntwo', err: '' });
    expect(await shell.script('# fails\necho no >&2; exit 7', [])).toEqual({ code: 7, signal: null, out: '', err: 'no\n' });
    expect(await shell.script('kill -KILL $$', [])).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect((await shell.run(['no-such-program-here'])).code).toBe(127);
    // Input that nobody reads is no failure.
    expect((await shell.run(['true'], { input: Buffer.alloc(4_000_000) })).code).toBe(0);
  });

  it('speak C.UTF-8', async () => {
    const shell = await shellOf();
    expect((await shell.script('printf %s "$LC_ALL"', [])).out).toBe('C.UTF-8');
  });
});

describe('what a command says', () => {
  it('is told line by line as it comes', async () => {
    const shell = await shellOf();
    const lines: string[] = [];
    const ran = shell.script('echo begun; read -r line; echo "got $line" >&2; printf "20%%\\r40%%\\nlast"', [], {
      input: 'x\n',
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    await ran;
    expect(lines.filter((line) => line.startsWith('out'))).toEqual(['out: begun', 'out: 20%', 'out: 40%', 'out: last']);
    expect(lines).toContain('err: got x');
  });

  it('is kept at its end when there is too much of it, and says so', async () => {
    const shell = await shellOf();
    const ran = await shell.script('head -c 5000000 /dev/zero | tr "\\0" a; echo end; echo small >&2', []);
    expect(ran.out.length).toBe(1024 * 1024);
    expect(ran.out.endsWith('aaaend\n')).toBe(true);
    expect(ran).toMatchObject({ err: 'small\n', isCut: true });
    // In the middle of a character: the half is left out.
    const letters = await shell.script('yes äöü | head -n 200000 | tr -d "\\n"; printf x', []);
    expect(letters.out).not.toContain('\u{fffd}');
  });

  it('names no secrets in errors, lines and the log, in whatever form', async () => {
    const logged: string[] = [];
    const note = (fields: object, message: string): void => void logged.push(JSON.stringify({ fields, message }));
    const shell = await shellOf({ log: { ...silentLog, debug: note, warn: note } });
    const secret = "it's a $ecret/word";
    const lines: string[] = [];
    const secrets = [secret];
    const { message, detail } = await failure(
      shell.must(['sh', '-c', 'echo "$1"; echo "$1" >&2; exit 3', 'sh', secret], { secrets, onLine: (line) => lines.push(line) }),
    );
    expect(message).toContain('******');
    expect(lines).toEqual(['******', '******']);
    for (const text of [message, JSON.stringify(detail), ...logged]) expect(text).not.toContain('ecret');
    expect(logged.some((text) => text.includes('******'))).toBe(true);
  });

  it('comes with an error that names the command, its code and what it said last', async () => {
    const shell = await shellOf();
    expect(await failure(shell.must(['ls', '/no such place']))).toMatchObject({
      code: 'proxmox.command_failed',
      message: expect.stringMatching(/^ls '\/no such place' ended on 127\.0\.0\.1 with code 2: ls: cannot access/) as string,
    });
  });
});

describe('the connection', () => {
  it('is one for all commands, and no more at once than sshd has room for', async () => {
    const before = sshd.connections;
    const shell = await shellOf();
    const all = Array.from({ length: 40 }, (_, at) => shell.script('sleep 0.05; echo "$1"', [String(at)]));
    expect((await Promise.all(all)).map(({ out }) => Number(out))).toEqual(Array.from({ length: 40 }, (_, at) => at));
    expect(sshd.connections - before).toBe(1);
  });

  it('finds out when sshd has less room than usual', async () => {
    const small = await startRootSshd('MaxSessions 2');
    try {
      const shell = await shellOf({}, small);
      const all = Array.from({ length: 12 }, (_, at) => shell.script('sleep 0.05; echo "$1"', [String(at)]));
      expect((await Promise.all(all)).map(({ out }) => Number(out))).toEqual(Array.from({ length: 12 }, (_, at) => at));
      for (const one of opened.splice(0)) await one.close();
    } finally {
      await small.close();
    }
  }, 60_000);

  it('is refused to another host key, and both are named', async () => {
    const other = await startRootSshd();
    try {
      const { code, message } = await failure(shellOf({ hostKeys: [other.hostKeys.ed25519] }));
      expect(code).toBe('proxmox.not_trusted');
      expect(message.match(/SHA256:/g)).toHaveLength(2);
      expect((await failure(shellOf({ hostKeys: ['nothing'] }))).code).toBe('proxmox.not_trusted');
      const nistp = await execute('sh', ['-c', `ssh-keygen -q -t ecdsa -N '' -f "$1/ecdsa" && cat "$1/ecdsa.pub"`, 'sh', other.directory]);
      expect((await failure(shellOf({ hostKeys: [nistp.stdout] }))).code).toBe('proxmox.not_trusted');
    } finally {
      await other.close();
    }
  }, 60_000);

  it('takes a pinned key of a kind that sshd does not prefer', async () => {
    const shell = await shellOf({ hostKeys: [sshd.hostKeys.rsa] });
    expect((await shell.run(['true'])).code).toBe(0);
  });

  it('is denied to another key, and not there where nothing listens or something else does', async () => {
    const other = await startRootSshd();
    try {
      const key = (): Promise<Secret> => Promise.resolve(new Secret(other.privateKey));
      expect((await failure(shellOf({ key }))).code).toBe('proxmox.shell_denied');
    } finally {
      await other.close();
    }
    const deaf = createServer((socket) => socket.resume().end('HTTP/1.0 400 no\r\n'));
    await new Promise<void>((resolve) => {
      deaf.listen(0, '127.0.0.1', resolve);
    });
    const address = deaf.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect((await failure(shellOf({ port }))).code).toBe('proxmox.shell_unreachable');
    await new Promise<void>((resolve) => {
      deaf.close(() => resolve());
    });
    expect((await failure(shellOf({ port }))).code).toBe('proxmox.shell_unreachable');
  }, 60_000);

  it('that breaks while a command is under way leaves its outcome open; the next command has a new one', async () => {
    const shell = await shellOf();
    const begun = told();
    const broken = failure(shell.script('# waits\necho "$$"; exec sleep 600', [], { onLine: begun.onLine }));
    const pid = await begun.line;
    sshd.cut();
    expect(await broken).toMatchObject({ code: 'proxmox.shell_broke', message: expect.stringContaining('waits') as string });
    expect((await shell.run(['echo', 'again'])).out).toBe('again\n');
    await shell.run(['kill', pid]);
  });

  it('that broke between commands is made anew without a word', async () => {
    const shell = await shellOf();
    const before = sshd.connections;
    sshd.cut();
    await vi.waitFor(async () => expect((await shell.run(['echo', 'again'])).out).toBe('again\n'), 10_000);
    expect(sshd.connections).toBe(before + 1);
  });

  it('that does not answer any more is given up by keep-alives', async () => {
    const shell = await shellOf({ keepAliveMs: 100 });
    const begun = told();
    const broken = failure(shell.script('echo "$$"; exec sleep 600', [], { onLine: begun.onLine }));
    const pid = await begun.line;
    sshd.hold();
    expect(await broken).toMatchObject({ code: 'proxmox.shell_broke', message: expect.stringContaining('Keepalive') as string });
    await shell.run(['kill', pid]);
  });

  it('is tried before it is trusted after a long silence', async () => {
    let ahead = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
    const hurried = { ...clock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 5000 ? 200 : ms, signal) };
    const shell = await shellOf({ clock: hurried });
    const before = sshd.connections;
    sshd.hold();
    ahead = 60_000;
    expect((await shell.run(['echo', 'here'])).out).toBe('here\n');
    expect(sshd.connections).toBe(before + 1);
  });
});

describe('a command that runs too long or is not wanted any more', () => {
  const children = '# lingers\ntrap "" TERM; sleep 601 & echo "$$ $!"; wait; sleep 602';

  it('is ended on the machine with all that it started', async () => {
    const shell = await shellOf();
    const begun = told();
    const late = failure(shell.script('# lingers\nsleep 601 & echo "$$ $!"; wait', [], { timeoutMs: 700, onLine: begun.onLine }));
    const pids = (await begun.line).split(' ');
    const { code, message } = await late;
    expect({ code, message }).toMatchObject({ code: 'proxmox.shell_timeout', message: expect.stringContaining('and was ended') as string });
    expect(message).not.toContain('may still run');
    for (const pid of pids) expect(await isRunning(pid)).toBe(false);
    expect((await shell.run(['true'])).code).toBe(0);
  });

  it('is ended by force when it does not listen', async () => {
    const shell = await shellOf();
    const begun = told();
    const late = failure(shell.script(children, [], { timeoutMs: 700, onLine: begun.onLine }));
    const pids = (await begun.line).split(' ');
    expect((await late).message).not.toContain('may still run');
    for (const pid of pids) expect(await isRunning(pid)).toBe(false);
  }, 30_000);

  it('is ended by the signal, which is the reason', async () => {
    const aborting = new AbortController();
    const shell = await shellOf({ signal: aborting.signal });
    const begun = told();
    const waiting = shell.script('echo "$$"; exec sleep 603', [], { onLine: begun.onLine });
    const pid = await begun.line;
    const reason = new Error('somebody said stop');
    aborting.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(shell.run(['true'])).rejects.toBe(reason);
    expect(await isRunning(pid)).toBe(false);
  });

  it('is ended by a signal of its own, and the shell goes on', async () => {
    const shell = await shellOf();
    const [stop, { onLine, line }] = [new AbortController(), told()];
    const run = shell.must(['sh', '-c', 'echo $$; sleep 600'], { onLine, signal: stop.signal });
    const pid = await line;
    stop.abort(new Error('the step took too long'));
    await expect(run).rejects.toThrow('the step took too long');
    expect(await isRunning(pid)).toBe(false);
    expect(await shell.must(['echo', 'still here'])).toBe('still here\n');
  });

  it('is not waited for when it left a program behind that holds its output', async () => {
    const shell = await shellOf();
    const ran = await shell.script('sleep 604 & echo "$!"', []);
    expect(ran.code).toBe(0);
    await shell.run(['kill', ran.out.trim()]);
  }, 30_000);
});

describe('files', () => {
  it('are read whole, are absent, or are longer than expected', async () => {
    const shell = await shellOf();
    const path = join(sshd.directory, "it's a file");
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    await writeFile(path, bytes);
    expect(await shell.readFile(path)).toEqual(bytes);
    expect(await shell.readFile(`${path} not`)).toBeUndefined();
    expect((await failure(shell.readFile(path, 255))).code).toBe('proxmox.file_too_long');
    expect(await shell.readFile(path, 256)).toEqual(bytes);
    expect((await failure(shell.readFile(sshd.directory))).code).toBe('proxmox.command_failed');
  });

  it('are written whole, with their mode, through links, and keep what they had', async () => {
    const shell = await shellOf();
    const path = join(sshd.directory, 'written');
    await shell.writeFile(path, 'one\0two', 0o600);
    expect(await readFile(path, 'utf8')).toBe('one\0two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const link = join(sshd.directory, 'link');
    await symlink(path, link);
    await shell.writeFile(link, Buffer.alloc(3_000_000, 'b'));
    expect((await readFile(path)).equals(Buffer.alloc(3_000_000, 'b'))).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await shell.writeFile(join(sshd.directory, 'fresh'), '');
    expect((await stat(join(sshd.directory, 'fresh'))).mode & 0o777).toBe(0o644);
    expect((await failure(shell.writeFile(join(sshd.directory, 'no', 'where'), 'x'))).code).toBe('proxmox.command_failed');
    expect((await readdir(sshd.directory)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('stay as they were when the connection breaks in between', async () => {
    const shell = await shellOf();
    const path = join(sshd.directory, 'steady');
    await shell.writeFile(path, 'before');
    const connections = sshd.connections;
    const writing = failure(shell.writeFile(path, Buffer.alloc(60_000_000, 'c')));
    await vi.waitFor(
      async () => {
        const names = (await readdir(sshd.directory)).filter((name) => name.startsWith('.steady'));
        expect(names).not.toEqual([]);
      },
      { timeout: 10_000, interval: 5 },
    );
    sshd.cut();
    expect((await writing).code).toBe('proxmox.shell_broke');
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(sshd.connections).toBe(connections);
    await vi.waitFor(async () => expect((await readdir(sshd.directory)).filter((name) => name.startsWith('.'))).toEqual([]), 10_000);
  });
});
