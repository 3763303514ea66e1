// The API's client: every command but serve, config, lab and image goes through here.

import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Response } from 'undici';
import { messageOf, RackseedError } from '../lib/index.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';

export interface Client {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>;
  /** The next part of an upload, from that byte on. */
  append(path: string, offset: number, bytes: Uint8Array): Promise<unknown>;
  /** Server-sent events, one at a time, until the signal or the end of the stream. */
  events(path: string, lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<{ id: string; data: unknown }>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;
/** Accepted, and no content. */
const SAYS_NOTHING: ReadonlySet<number> = new Set([202, 204]);
const UNAUTHENTICATED = 401;
const TEXT_SHOWN = 200;

/** `interrupted` ends every call: a person's Ctrl-C. */
export function createClient(connection: Connection, interrupted?: AbortSignal): Client {
  let opened: ReturnType<typeof openHttp> | undefined;

  async function call(
    method: string,
    path: string,
    options: { body?: unknown; bytes?: Uint8Array; headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    if (connection.token !== undefined) headers.authorization = `Bearer ${connection.token.reveal()}`;
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    opened ??= openHttp(connection);
    const { agent, fetch } = await opened;
    try {
      return await fetch(new URL(path, connection.url), {
        method,
        headers,
        dispatcher: agent,
        signal: options.signal ?? AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(interrupted === undefined ? [] : [interrupted])]),
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.bytes === undefined ? {} : { body: options.bytes }),
      });
    } catch (thrown) {
      throw unreachable(connection.url, thrown);
    }
  }

  async function read(response: Response): Promise<Pick<Refusal, 'text' | 'value'>> {
    try {
      const text = await response.text();
      return { text, value: parse(text) };
    } catch (thrown) {
      throw unreachable(connection.url, thrown);
    }
  }

  async function json(response: Response): Promise<unknown> {
    const { text, value } = await read(response);
    if (response.ok && (value !== undefined || (SAYS_NOTHING.has(response.status) && text === ''))) return value;
    throw apiError({ url: connection.url, status: response.status, value, text });
  }

  return {
    get: async (path, headers = {}) => json(await call('GET', path, { headers })),
    send: async (method, path, body, headers = {}) => json(await call(method, path, { headers, ...(body === undefined ? {} : { body }) })),
    append: async (path, offset, bytes) => {
      const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
      return json(await call('PATCH', path, { bytes, headers }));
    },
    async *events(path, lastEventId, signal) {
      const headers = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
      const response = await call('GET', path, { headers, signal });
      if (response.body === null || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
        throw apiError({ url: connection.url, status: response.status, ...(await read(response)) });
      }
      try {
        yield* readEvents(response.body);
      } catch (thrown) {
        throw unreachable(connection.url, thrown); // cut off in the middle: the appliance or the way to it is gone
      }
    },
    close: async () => {
      if (opened !== undefined) await (await opened).agent.destroy();
    },
  };
}

/** The HTTP library is loaded with the first request: "serve" has the same command tree and never makes one. */
async function openHttp(connection: Connection) {
  const { Agent, fetch } = await import('undici');
  const agent = new Agent({
    connect: {
      timeout: TIMEOUT_MS,
      ...(connection.socketPath === undefined ? {} : { socketPath: connection.socketPath }),
      // Our own certificate is trusted as itself, whatever name or address leads to it; anyone else's must fit its name.
      ...(connection.ca === undefined ? {} : { ca: connection.ca, checkServerIdentity: isOurs(connection.ca) }),
    },
    maxResponseSize: ANSWER_MAX_BYTES,
  });
  return { agent, fetch };
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

interface Refusal {
  readonly url: string;
  readonly status: number;
  readonly value: unknown;
  readonly text: string;
}

/** problem+json keeps its code, message and hint; anything else is not from an appliance. */
function apiError({ url, status, value, text }: Refusal): RackseedError {
  const problem = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // an object: fields checked below
  if (typeof problem.code !== 'string' || typeof problem.detail !== 'string') {
    const said = text
      .trim()
      .replaceAll(/\p{Cc}+/gu, ' ')
      .slice(0, TEXT_SHOWN);
    const message = `${url} answers, but not as the API of a Rackseed appliance does (HTTP ${status}: ${said})`;
    return fail('cli.bad_answer', { message, hint: 'Name the address of the API: by default port 6385, with https.' });
  }
  const hint = hintFor(status, typeof problem.hint === 'string' ? problem.hint : undefined);
  const spec = { status, about: 'passed on from the API' };
  return new RackseedError(problem.code, spec, { message: problem.detail, ...(hint === undefined ? {} : { hint }) });
}

/** The API's hints speak to programs; these two are met by people at every turn. */
function hintFor(status: number, hint: string | undefined): string | undefined {
  if (status === UNAUTHENTICATED) return "Set RACKSEED_TOKEN to the token in the file admin.token of the appliance's data directory.";
  return hint?.replace(/^GET \/api\/(node|task)s lists them\.$/, 'rackseed $1 list shows what there is.');
}

const UNTRUSTED = /self[- ]signed|unable to (?:verify|get)|altnames|certificate/i;

function unreachable(url: string, thrown: unknown): RackseedError {
  const why = innermost(thrown);
  if (UNTRUSTED.test(why)) {
    return fail('cli.not_trusted', {
      message: `the certificate of ${url} is not trusted: ${why.split(';')[0]}`,
      hint: "Set RACKSEED_CA to a copy of the file server.crt from the appliance's data directory.",
      cause: thrown,
    });
  }
  return fail('cli.no_appliance', {
    message: `${url} does not answer: ${why}`,
    hint: 'Is "rackseed serve" running there? RACKSEED_URL names another appliance.',
    cause: thrown,
  });
}

/** undici says "fetch failed"; the reason is in the causes. */
function innermost(thrown: unknown): string {
  return thrown instanceof Error && thrown.cause !== undefined ? innermost(thrown.cause) : messageOf(thrown);
}
