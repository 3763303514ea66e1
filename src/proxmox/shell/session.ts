// One SSH connection as root: proves who answers, then carries commands beside each other. Knows neither words nor secrets.

import type { Client, ClientChannel, ConnectConfig } from 'ssh2';
import { type Clock, messageOf, type RackseedError, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { hostKeyFingerprint, type PinnedKeys } from './host-keys-decide.ts';

export interface SessionOptions {
  readonly address: string;
  readonly port: number;
  readonly pinned: PinnedKeys;
  readonly privateKey: string;
  readonly connectMs: number;
  readonly keepAliveMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Exec {
  readonly line: string;
  readonly input: string | Buffer;
  readonly onOut: (chunk: Buffer) => void;
  readonly onErr: (chunk: Buffer) => void;
  /** Ends the waiting for it with the signal's reason, and lets the channel go. */
  readonly signal: AbortSignal;
}

export type Ended =
  | { readonly is: 'ended'; readonly code: number | null; readonly signal: string | null }
  /** sshd has no room for one more: it was not begun. */
  | { readonly is: 'no-room'; readonly said: string }
  /** The connection was gone before: it was not begun. */
  | { readonly is: 'not-begun'; readonly said: string }
  /** It may have been begun, it may go on. */
  | { readonly is: 'broke'; readonly said: string };

export interface Session {
  readonly isOpen: boolean;
  exec(exec: Exec): Promise<Ended>;
  close(): void;
}

/** Three without an answer, and the connection is given up. */
const KEEP_ALIVES = 3;
/** A program that was left in the background holds the channel open after the command's end. */
const LINGER_MS = 5000;
const SILENT = ['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EHOSTDOWN', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED'];

/** Throws proxmox.not_trusted, .shell_denied, .shell_unreachable, or the signal's reason. The library is loaded when it is first needed. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { signal } = options;
  signal.throwIfAborted();
  const { default: ssh2 } = await import('ssh2'); // CommonJS: Node finds no names in it
  const client = new ssh2.Client();
  const state = { isOpen: true, said: 'the connection was closed' };
  await connected(client, options);
  client.on('error', (error) => {
    state.said = messageOf(error);
  });
  client.on('close', () => {
    state.isOpen = false;
  });
  return {
    get isOpen() {
      return state.isOpen;
    },
    exec: (exec) => executed(client, exec, { state, clock: options.clock }),
    close: () => {
      state.isOpen = false;
      client.end();
      client.destroy(); // a machine that lost its power would keep the socket for minutes
    },
  };
}

async function connected(client: Client, options: SessionOptions): Promise<void> {
  const { signal, pinned } = options;
  let shown = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  client.on('ready', resolve);
  client.on('error', (error) => reject(failureOf(error, options, shown)));
  client.on('close', () => reject(failureOf(new Error('the connection was closed'), options, shown)));
  const config: ConnectConfig = {
    host: options.address,
    port: options.port,
    username: 'root',
    privateKey: options.privateKey,
    readyTimeout: options.connectMs,
    keepaliveInterval: options.keepAliveMs,
    keepaliveCountMax: KEEP_ALIVES,
    algorithms: { serverHostKey: [...pinned.algorithms] },
    hostVerifier: (blob: Buffer) => {
      shown = hostKeyFingerprint(blob);
      return pinned.fingerprints.includes(shown);
    },
  };
  try {
    signal.throwIfAborted();
    client.connect(config);
    await promise;
  } catch (thrown) {
    client.on('error', () => undefined); // told already: what comes now is of our own ending it
    client.end();
    client.destroy();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function failureOf(error: Error & { level?: string }, { address, port, pinned }: SessionOptions, shown: string): RackseedError {
  const said = messageOf(error);
  const expected = pinned.fingerprints.join(' or ');
  if ((shown !== '' && !pinned.fingerprints.includes(shown)) || said.includes('no matching host key format')) {
    return fail('proxmox.not_trusted', {
      message: `${address} shows the SSH host key ${shown === '' ? 'of another kind' : shown}, and ${expected} was expected: nothing was sent`,
      hint: 'If the machine was installed anew by somebody else, compare the key on it (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); else somebody stands between.',
    });
  }
  if (error.level === 'client-authentication') {
    return fail('proxmox.shell_denied', {
      message: `${address} does not let the appliance in as root: ${said}`,
      hint: "Is the appliance's public key in /root/.ssh/authorized_keys there, and PermitRootLogin not `no`?",
    });
  }
  const isSilent = error.level === 'client-timeout' || SILENT.includes(systemCode(error) ?? '');
  return fail('proxmox.shell_unreachable', {
    message: `no SSH connection to ${address} port ${port}: ${said}`,
    hint: isSilent
      ? 'Is the machine switched on, and its address right?'
      : 'Is it sshd that listens there? Look at its log: journalctl -u ssh',
    cause: error,
  });
}

interface Around {
  readonly state: { readonly isOpen: boolean; readonly said: string };
  readonly clock: Clock;
}

async function executed(client: Client, exec: Exec, around: Around): Promise<Ended> {
  const opened = await begun(client, exec, around);
  if (!(opened instanceof Error)) return opened;
  const said = messageOf(opened);
  if (systemCode(opened) === NOT_CONNECTED) return { is: 'not-begun', said };
  // RFC 4254 section 5.1: only an answer of the server carries a reason.
  if ('reason' in opened && typeof opened.reason === 'number') return { is: 'no-room', said };
  return { is: 'broke', said: around.state.isOpen ? said : around.state.said };
}

const NOT_CONNECTED = 'NOT_CONNECTED';

function begun(client: Client, exec: Exec, around: Around): Promise<Ended | Error> {
  const { line, signal } = exec;
  const { promise, resolve, reject } = Promise.withResolvers<Ended | Error>();
  let isWanted = true;
  const abort = (): void => {
    isWanted = false;
    reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    client.exec(line, (error, channel) => {
      if (error !== undefined) resolve(error);
      // At once: a quick command's end may be in the same packet as the server's yes.
      else if (isWanted) resolve(ended(channel, exec, around));
      else channel.close();
    });
  } catch (thrown) {
    if (signal.aborted) reject(thrown);
    else resolve(Object.assign(new Error(messageOf(thrown)), { code: NOT_CONNECTED }));
  }
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

/**
 * It listens before it first waits. Ends at the channel's end, when all that was said is here; or some seconds after the command's, where the
 * channel stays open.
 */
async function ended(channel: ClientChannel, exec: Exec, { state, clock }: Around): Promise<Ended> {
  let end: Ended = { is: 'broke', said: '' };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = new AbortController();
  const abort = (): void => reject(exec.signal.reason);
  if (exec.signal.aborted) abort();
  exec.signal.addEventListener('abort', abort, { once: true });
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0) resolve();
  };
  channel.on('data', exec.onOut);
  channel.stderr.on('data', exec.onErr);
  channel.on('error', () => undefined); // input that was not read; the end tells how the command ended
  channel.stderr.on('error', () => undefined);
  channel.on('exit', (code: number | null, signal?: string) => {
    end = { is: 'ended', code, signal: signal ?? null };
    clock.sleep(LINGER_MS, done.signal).then(resolve, () => undefined); // rejects only when it is over
  });
  channel.on('close', closed);
  channel.stderr.on('close', closed);
  channel.end(exec.input);
  try {
    await promise;
  } finally {
    exec.signal.removeEventListener('abort', abort);
    done.abort();
    channel.close();
  }
  return end.is === 'broke' ? { is: 'broke', said: state.isOpen ? 'the channel was closed without an exit code' : state.said } : end;
}
