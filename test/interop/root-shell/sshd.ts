// A real OpenSSH server on loopback that lets root in with a shell, behind a relay which a test may cut or hold. What is asked for is run on
// this machine.

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface RootSshd {
  /** Of the relay. */
  readonly port: number;
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` and `ssh-rsa AAAA…` */
  readonly hostKeys: { readonly ed25519: string; readonly rsa: string };
  /** For files of the test. */
  readonly directory: string;
  /** Connections so far. */
  readonly connections: number;
  /** Every connection is reset. */
  cut(): void;
  /** Nothing passes in either direction on the connections of now, and nobody is told. */
  hold(): void;
  close(): Promise<void>;
}

const run = promisify(execFile);

export async function startRootSshd(more = ''): Promise<RootSshd> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-root-sshd-'));
  const file = (name: string): string => join(directory, name);
  await mkdir('/run/sshd', { recursive: true }); // sshd insists on it; Debian's service makes it
  for (const [name, kind] of [
    ['ed25519', 'ed25519'],
    ['rsa', 'rsa'],
    ['user', 'ed25519'],
  ] as const)
    await run('ssh-keygen', ['-q', '-t', kind, '-N', '', '-f', file(name)]);
  const port = await freeTcpPort();
  await writeFile(
    file('config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${file('ed25519')}
HostKey ${file('rsa')}
AuthorizedKeysFile ${file('user.pub')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
SetEnv SHLVL=5
${more}
`,
  );
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
  const relay = await startRelay(port);
  const lineOf = async (name: string): Promise<string> => (await readFile(file(`${name}.pub`), 'utf8')).trim();
  return {
    port: relay.port,
    privateKey: await readFile(file('user'), 'utf8'),
    hostKeys: { ed25519: await lineOf('ed25519'), rsa: await lineOf('rsa') },
    directory,
    get connections() {
      return relay.connections();
    },
    cut: () => relay.cut(),
    hold: () => relay.hold(),
    close: async () => {
      relay.close();
      sshd.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Relay {
  readonly port: number;
  connections(): number;
  cut(): void;
  hold(): void;
  close(): void;
}

async function startRelay(to: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let count = 0;
  const server = createServer((from) => {
    count += 1;
    const pair = [from, connect(to, '127.0.0.1')] as const;
    pairs.add(pair);
    from.pipe(pair[1]).pipe(from);
    for (const socket of pair) {
      socket.on('error', () => undefined); // the other side sees the end
      socket.on('close', () => {
        pairs.delete(pair);
        for (const one of pair) one.destroy();
      });
    }
  });
  const port = await listening(server);
  const cut = (): void => {
    for (const [from, onward] of pairs) {
      from.resetAndDestroy();
      onward.destroy();
    }
  };
  return {
    port,
    connections: () => count,
    cut,
    hold: () => {
      for (const pair of pairs) for (const socket of pair) socket.unpipe().pause();
    },
    close: () => {
      cut();
      server.close();
    },
  };
}

async function freeTcpPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return port;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}
