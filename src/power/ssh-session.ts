// One SSH connection: proves who answers, runs one fixed command or none, and tells silence from refusal. Knows no nodes.

import { createHash } from 'node:crypto';
import type { Client, ConnectConfig } from 'ssh2';
import { messageOf, systemCode } from '../lib/index.ts';

export interface SshAsk {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly privateKey: string | undefined;
  readonly password: string | undefined;
  /** Several: who has one of them is believed. Undefined: whoever answers is, and named in the result. */
  readonly hostKey: string | readonly string[] | undefined;
  readonly command: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type SshEnd =
  /** The connection may break before the exit code comes: the system goes down. */
  | { readonly is: 'done'; readonly hostKey: string; readonly code: number | null; readonly said: string }
  | { readonly is: 'denied'; readonly hostKey: string; readonly said: string }
  | { readonly is: 'other-key'; readonly hostKey: string }
  /** The address answered, but not with SSH. */
  | { readonly is: 'refused'; readonly said: string }
  | { readonly is: 'silent'; readonly said: string };

export type AskSsh = (ask: SshAsk) => Promise<SshEnd>;

const SAID_MAX = 2000;
const LINE = /^(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60} ([A-Za-z0-9+/]{16,8192}={0,2})(?: |$)/;
const SILENT = ['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EHOSTDOWN', 'ENOTFOUND', 'EAI_AGAIN'];

/** As ssh-keygen -l shows it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Of a line as known_hosts has it behind the name; undefined: it is none. */
export function fingerprintOfLine(line: string): string | undefined {
  const [, blob] = LINE.exec(line) ?? [];
  return blob === undefined ? undefined : fingerprintOf(Buffer.from(blob, 'base64'));
}

/** Rejects only with the signal's reason. The library is loaded when it is first needed: it takes 9 MB that most appliances have no use for. */
export const askSsh: AskSsh = async (ask) => {
  ask.signal.throwIfAborted();
  const { default: ssh2 } = await import('ssh2'); // CommonJS: Node finds no names in it
  return converse(new ssh2.Client(), ask);
};

function converse(client: Client, ask: SshAsk): Promise<SshEnd> {
  return new Promise((resolve, reject) => {
    const { signal } = ask;
    if (signal.aborted) {
      reject(asError(signal.reason));
      return;
    }
    let hostKey = '';
    let isReady = false;
    let isVerified = false;
    let said = '';
    const over = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      settle();
      client.end();
      client.destroy();
    };
    const abort = (): void => over(() => reject(asError(signal.reason)));
    signal.addEventListener('abort', abort, { once: true });
    const end = (result: SshEnd): void => over(() => resolve(result));
    const done = (code: number | null): void => end({ is: 'done', hostKey, code, said });
    client.on('error', (error) => {
      if (isReady) done(null);
      else end(failureOf(error, { hostKey, isVerified }));
    });
    client.on('close', () => (isReady ? done(null) : end({ is: 'refused', said: 'the connection was closed' })));
    client.on('ready', () => {
      isReady = true;
      if (ask.command === undefined) {
        done(0);
        return;
      }
      client.exec(ask.command, (error, stream) => {
        if (error !== undefined) {
          end({ is: 'denied', hostKey, said: messageOf(error) });
          return;
        }
        const collect = (chunk: Buffer): void => {
          if (said.length < SAID_MAX) said += chunk.toString('utf8');
        };
        stream.on('data', collect);
        stream.stderr.on('data', collect);
        stream.on('exit', (code: number | null) => done(code));
      });
    });
    const config: ConnectConfig = {
      host: ask.host,
      port: ask.port,
      username: ask.username,
      readyTimeout: ask.timeoutMs,
      hostVerifier: (key: Buffer) => {
        hostKey = fingerprintOf(key);
        isVerified = ask.hostKey === undefined || [ask.hostKey].flat().includes(hostKey);
        return isVerified;
      },
      ...(ask.privateKey === undefined ? {} : { privateKey: ask.privateKey }),
      ...(ask.password === undefined ? {} : { password: ask.password }),
    };
    try {
      client.connect(config);
    } catch (thrown) {
      end({ is: 'denied', hostKey, said: messageOf(thrown) }); // a key that is none
    }
  });
}

function failureOf(error: Error & { level?: string }, { hostKey, isVerified }: { hostKey: string; isVerified: boolean }): SshEnd {
  const said = messageOf(error);
  if (hostKey !== '' && !isVerified) return { is: 'other-key', hostKey };
  if (error.level === 'client-authentication') return { is: 'denied', hostKey, said };
  if (error.level === 'client-timeout' || SILENT.includes(systemCode(error) ?? '')) return { is: 'silent', said };
  return { is: 'refused', said };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
