// One HTTP request as the installer makes it: a minute, no second try, and of the certificate either the fingerprint or the system's store.

import { readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { isPinned, type Response } from '../logic/transport.ts';

const LIMIT_MS = 60_000;
const STORE = '/etc/ssl/certs/ca-certificates.crt';

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly fingerprint: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of certificates that are trusted where there is no fingerprint. */
  readonly store?: string;
}

export async function ask(wanted: Request): Promise<Response> {
  const url = new URL(wanted.url);
  const signal = AbortSignal.timeout(LIMIT_MS);
  const body = wanted.body === undefined ? undefined : Buffer.from(wanted.body);
  const headers = { ...wanted.headers, host: url.host, ...(body && { 'content-length': String(body.length) }) };
  const options = { method: wanted.method, headers, signal };
  // With an agent, even with none for itself, a request would make its own connection.
  const socket = url.protocol === 'https:' ? await connectTls(url, wanted, signal) : null;
  const outgoing =
    socket === null ? overHttp(url, { ...options, agent: false }) : overHttps(url, { ...options, createConnection: () => socket });
  const incoming = await answered(outgoing, body);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer); // without an encoding a response gives buffers
  return { status: incoming.statusCode ?? 0, contentType: incoming.headers['content-type'] ?? null, body: Buffer.concat(chunks) };
}

function answered(outgoing: ClientRequest, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
    outgoing.end(body);
  });
}

/** Not a byte is said before the certificate is known to be the right one. */
function connectTls(url: URL, { fingerprint, store = STORE }: Request, signal: AbortSignal): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const trust = fingerprint === null ? { ca: readFileSync(store) } : { rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(/[a-z]/i.test(host) && !host.includes(':') && { servername: host }),
      ...trust,
    });
    const give = (): void => {
      socket.destroy();
      reject(new Error(`${url.host}: no connection within ${LIMIT_MS / 1000} s`));
    };
    signal.addEventListener('abort', give, { once: true });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', give);
      socket.removeListener('error', reject);
      if (fingerprint !== null && !isPinned(socket.getPeerCertificate().raw, fingerprint)) {
        socket.destroy();
        reject(new Error(`${url.host}: the certificate has another fingerprint than the one to trust`));
      } else resolve(socket);
    });
  });
}
