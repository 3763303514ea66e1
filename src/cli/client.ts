// The API's client: every command but serve, config, lab and image goes through here.

import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { Agent, fetch, type Response } from 'undici';
import { messageOf, RackseedError } from '../lib/index.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';

export interface Client {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  /** Server-sent events, one at a time, until the signal or the end of the stream. */
  events(path: string, lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<{ id: string; data: unknown }>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

export function createClient(connection: Connection): Client {
  const agent = new Agent({
    connect: {
      timeout: TIMEOUT_MS,
      ...(connection.socketPath === undefined ? {} : { socketPath: connection.socketPath }),
      // Our own certificate is trusted as itself, whatever name or address leads to it; anyone else's must fit its name.
      ...(connection.ca === undefined ? {} : { ca: connection.ca, checkServerIdentity: isOurs(connection.ca) }),
    },
    maxResponseSize: ANSWER_MAX_BYTES,
  });

  async function call(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    if (connection.token !== undefined) headers.authorization = `Bearer ${connection.token.reveal()}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    try {
      return await fetch(new URL(path, connection.url), {
        method,
        headers,
        dispatcher: agent,
        signal: options.signal ?? AbortSignal.timeout(TIMEOUT_MS),
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
    } catch (thrown) {
      throw fail('cli.no_appliance', {
        message: `${connection.url} does not answer: ${innermost(thrown)}`,
        hint: 'Is "rackseed serve" running there? RACKSEED_URL names another appliance.',
        cause: thrown,
      });
    }
  }

  async function json(response: Response): Promise<unknown> {
    const text = await response.text();
    const value = parse(text);
    if (response.ok) return value;
    throw apiError(response.status, value, text);
  }

  return {
    get: async (path, headers = {}) => json(await call('GET', path, { headers })),
    send: async (method, path, body) => json(await call(method, path, body === undefined ? {} : { body })),
    async *events(path, lastEventId, signal) {
      const headers = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
      const response = await call('GET', path, { headers, signal });
      if (!response.ok || response.body === null) {
        await json(response);
        return;
      }
      yield* readEvents(response.body);
    },
    close: () => agent.destroy(),
  };
}

function isOurs(ca: string): (host: string, peer: PeerCertificate) => Error | undefined {
  const body = ca.replaceAll(/-----[^-]+-----|\s/g, '');
  return (host, peer) => (peer.raw.toString('base64') === body ? undefined : checkServerIdentity(host, peer));
}

/** The parts of server-sent events that our API uses: id and one data line; comments are heartbeats. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ id: string; data: unknown }> {
  const decoder = new TextDecoder();
  let buffered = '';
  for await (const chunk of body) {
    buffered += decoder.decode(chunk, { stream: true });
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string): string | undefined =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}:`))
          ?.slice(name.length + 1)
          .trim();
      const data = field('data');
      if (data !== undefined) yield { id: field('id') ?? '', data: parse(data) };
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told apart by the caller: an answer that is no JSON
  }
}

/** problem+json keeps its code, message and hint; anything else is shown as it came. */
function apiError(status: number, value: unknown, text: string): RackseedError {
  const problem = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // an object: fields checked below
  const hint = typeof problem.hint === 'string' ? problem.hint : undefined;
  const message = typeof problem.detail === 'string' ? problem.detail : `HTTP ${status}: ${text.slice(0, 300)}`;
  const code = typeof problem.code === 'string' ? problem.code : 'cli.api';
  return new RackseedError(code, { status, about: 'passed on from the API' }, { message, ...(hint === undefined ? {} : { hint }) });
}

/** undici says "fetch failed"; the reason is in the causes. */
function innermost(thrown: unknown): string {
  return thrown instanceof Error && thrown.cause !== undefined ? innermost(thrown.cause) : messageOf(thrown);
}
