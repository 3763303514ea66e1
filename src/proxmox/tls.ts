// The way to a Proxmox VE node: its certificate is signed by its cluster's own authority, so it is known by its fingerprint or not at all.
// Nothing is sent before the fingerprint was seen to be the pinned one.

import { request } from 'node:https';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Ask {
  readonly url: URL;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly fingerprint: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** pveproxy puts its reason there: "Permission check failed (…)". */
  readonly statusText: string;
  readonly body: string;
}

export interface SeenCertificate {
  readonly fingerprint: string;
  readonly subject: string;
  readonly issuer: string;
  /** As the certificate says it. */
  readonly validTo: string;
}

/** Looks at the certificate and says nothing but hello. */
export async function seeCertificate(url: URL, signal: AbortSignal): Promise<SeenCertificate> {
  const socket = await opened(url, signal);
  try {
    const { fingerprint256, subject, issuer, valid_to: validTo } = socket.getPeerCertificate();
    if (fingerprint256 === undefined) throw unreachable(url, 'it shows no certificate');
    return { fingerprint: fingerprint256, subject: nameIn(subject), issuer: nameIn(issuer), validTo };
  } finally {
    socket.destroy();
  }
}

/** proxmox.unreachable says in its detail whether anything was sent (wasSent). */
export async function ask(question: Ask): Promise<Answer> {
  const { url, fingerprint, signal } = question;
  const socket = await opened(url, signal);
  let wasSent = false;
  try {
    const seen = socket.getPeerCertificate().fingerprint256;
    if (seen !== fingerprint) {
      throw fail('proxmox.not_trusted', {
        message: `${url.host} shows the certificate ${seen ?? '(none)'}, and ${fingerprint} was expected: nothing was sent`,
        hint: 'If the node was given a new certificate, compare it on the node itself and give the new fingerprint; else somebody stands between.',
      });
    }
    wasSent = true;
    return await exchange(question, socket);
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'RackseedError') throw thrown;
    throw unreachable(url, whyOf(thrown, signal), wasSent);
  } finally {
    socket.destroy();
  }
}

function opened(url: URL, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(unreachable(url, whyOf(undefined, signal)));
      return;
    }
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = url.port === '' ? 443 : Number(url.port);
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port, ...name, minVersion: 'TLSv1.2', rejectUnauthorized: false });
    const abort = (): void => {
      socket.destroy(new Error('no answer in time'));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.on('error', (error) => reject(unreachable(url, whyOf(error, signal))));
    socket.once('secureConnect', () => resolve(socket));
  });
}

function exchange({ url, method, headers, body, maxBytes }: Ask, socket: Socket): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(
      {
        createConnection: () => socket,
        method,
        path: `${url.pathname}${url.search}`,
        headers: { ...headers, ...length, host: url.host, accept: 'application/json', connection: 'close' },
        setHost: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxBytes) chunks.push(chunk);
          else asked.destroy(tooLong(url, maxBytes));
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const { statusCode: status = 0, statusMessage: statusText = '' } = answer;
          resolve({ status, statusText, body: Buffer.concat(chunks).toString('utf8') });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function tooLong({ host, pathname }: URL, maxBytes: number): Error {
  return fail('proxmox.bad_answer', {
    message: `${host} answers GET ${pathname} with more than ${maxBytes / 1024} KiB`,
    hint: 'Is it a Proxmox VE node?',
  });
}

function whyOf(thrown: unknown, signal: AbortSignal): string {
  return signal.aborted ? 'no answer in time' : messageOf(thrown);
}

function unreachable({ host }: URL, why: string, wasSent = false): Error {
  return fail('proxmox.unreachable', {
    message: `${host} was asked and did not answer well: ${why}`,
    hint: 'Is pveproxy running there, and can the appliance reach its port 8006?',
    detail: { wasSent },
  });
}

function nameIn(subject: unknown): string {
  const fields: Readonly<Record<string, unknown>> = typeof subject === 'object' && subject !== null ? { ...subject } : {};
  return Object.entries(fields)
    .flatMap(([key, value]) => (typeof value === 'string' ? [`${key}=${value}`] : []))
    .join(', ')
    .slice(0, 300);
}
