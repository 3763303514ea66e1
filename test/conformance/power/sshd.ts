// A real OpenSSH server on loopback with keys of its own. Whoever signs in gets no shell: what they asked for is written down, and the test says
// how it ends. Nothing is ever run on this machine.

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Sshd {
  readonly port: number;
  readonly privateKey: string;
  /** SHA256:… of its host key. */
  readonly fingerprint: string;
  /** What was asked for, a line each. */
  asked(): Promise<string>;
  /** Exit code of everything asked from now on. */
  answers(code: number): Promise<void>;
  authorize(line: string): Promise<void>;
  close(): Promise<void>;
}

const run = promisify(execFile);

export async function startSshd(): Promise<Sshd> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-sshd-'));
  const file = (name: string): string => join(directory, name);
  await mkdir('/run/sshd', { recursive: true }); // sshd insists on it; Debian's service makes it
  for (const name of ['host', 'user']) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  const port = await freeTcpPort();
  const publicKey = await readFile(file('user.pub'), 'utf8');
  await writeFile(file('authorized'), publicKey);
  await writeFile(file('asked'), '');
  await writeFile(file('code'), '0');
  await writeFile(file('shell'), `#!/bin/sh\necho "$SSH_ORIGINAL_COMMAND" >>${file('asked')}\nexit "$(cat ${file('code')})"\n`, {
    mode: 0o755,
  });
  await writeFile(file('config'), configOf(port, file));
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    sshd.once('close', () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    sshd.once('error', reject);
    sshd.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Server listening')) resolve();
    });
    void ended.then(() => reject(new Error(`sshd ended: ${said}`)));
  });
  const { stdout } = await run('ssh-keygen', ['-l', '-f', file('host.pub')]);
  return {
    port,
    privateKey: await readFile(file('user'), 'utf8'),
    fingerprint: stdout.split(' ')[1] ?? '',
    asked: () => readFile(file('asked'), 'utf8'),
    answers: (code) => writeFile(file('code'), String(code)),
    authorize: (line) => writeFile(file('authorized'), `${line}\n`),
    close: async () => {
      sshd.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function configOf(port: number, file: (name: string) => string): string {
  return `Port ${port}
ListenAddress 127.0.0.1
HostKey ${file('host')}
AuthorizedKeysFile ${file('authorized')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
ForceCommand ${file('shell')}
`;
}

async function freeTcpPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}
