// One HTTP request to a device in the network: no redirects, bounded in time and size, never to ourselves, and to nobody before the
// certificate is the one that was pinned. Never puts a URL or an answer into an error: both may hold secrets.

import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { messageOf, type RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface HttpAsk {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** SHA-256 of the certificate in lower-case hex: believed instead of any authority. */
  readonly pin: string | undefined;
  readonly signal: AbortSignal;
  readonly mayReach: (address: string) => boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 15_000;

const OFF_LIMITS = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  OFF_LIMITS.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 127],
  ['::ffff:0:0', 96],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  OFF_LIMITS.addSubnet(net, bits, 'ipv6');

/** Not the appliance itself, not a cloud's metadata service, nothing that is not one machine. */
export function isOfTheNetwork(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && !OFF_LIMITS.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

export async function askHttp(ask: HttpAsk): Promise<HttpAnswer> {
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const signal = AbortSignal.any([ask.signal, late]);
  try {
    ask.signal.throwIfAborted();
    const address = await addressOf(ask);
    signal.throwIfAborted();
    const socket = await connected(ask, address, signal);
    try {
      return await exchange(ask, socket, signal);
    } finally {
      socket.destroy();
    }
  } catch (thrown) {
    ask.signal.throwIfAborted();
    if (late.aborted) throw unreachableDevice(ask, `no answer in ${TIMEOUT_MS / 1000} s`);
    if (thrown instanceof Error && thrown.name === 'RackseedError') throw thrown;
    throw unreachableDevice(ask, messageOf(thrown));
  }
}

async function addressOf({ url, mayReach }: HttpAsk): Promise<string> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const found = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
  const allowed = found.find((address) => mayReach(address));
  if (allowed !== undefined) return allowed;
  throw fail('power.refused', {
    message: `${host} is an address of this appliance or of no single machine: it is not asked`,
    hint: 'Give the address of the device in its network.',
  });
}

function connected({ url, pin }: HttpAsk, address: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
    const name = isIP(url.hostname.replace(/^\[(.*)\]$/, '$1')) === 0 ? { servername: url.hostname } : {};
    const socket = isTls
      ? connectTls({ host: address, port, ...name, rejectUnauthorized: pin === undefined })
      : connect({ host: address, port });
    const abort = (): void => {
      socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.on('error', reject);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      const wrong = pin === undefined ? undefined : pinComplaint(url, socket as TLSSocket, pin); // a pin is given with https only
      if (wrong === undefined) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(wrong);
    });
  });
}

function pinComplaint({ host }: URL, socket: TLSSocket, pin: string): RackseedError | undefined {
  const seen = (socket.getPeerCertificate().fingerprint256 ?? '').replaceAll(':', '').toLowerCase();
  if (seen === pin) return undefined;
  return fail('power.not_trusted', {
    message: `${host} has another certificate than driver_info/http_fingerprint says: ${seen || 'none'}`,
    hint: 'If the device was given a new certificate, write its SHA-256 fingerprint there; else somebody stands between.',
  });
}

function exchange({ url, method, headers, body }: HttpAsk, socket: Socket, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(
      {
        createConnection: () => socket,
        method,
        path: `${url.pathname}${url.search}`,
        headers: { ...headers, ...length, host: url.host, connection: 'close' },
        signal,
        setHost: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= ANSWER_MAX_BYTES) chunks.push(chunk);
          else asked.destroy(new Error(`its answer is longer than ${ANSWER_MAX_BYTES / 1024} KiB`));
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function unreachableDevice({ url }: HttpAsk, why: string): RackseedError {
  return fail('power.unreachable', {
    message: `${url.protocol}//${url.host} was asked and did not answer well: ${why}`,
    hint: 'Look at whether the device is on and reachable from the appliance; for a certificate of its own set driver_info/http_fingerprint.',
  });
}
