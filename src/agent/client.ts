// Asks the appliance: one JSON request, one JSON reply checked against its schema. Retries are the session's business.

import { type Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { PROTOCOL_LIMITS } from '../inspect/protocol.ts';
import { messageOf, RackseedError, type Secret } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Question<S extends TSchema> {
  readonly path: string;
  readonly body: unknown;
  readonly reply: S;
  readonly token?: Secret;
  readonly timeoutMs: number;
}

export interface Client {
  post<S extends TSchema>(question: Question<S>, signal: AbortSignal): Promise<Static<S>>;
}

interface Raw {
  readonly status: number;
  readonly text: string;
  readonly date?: string | undefined;
}

/** `onDate`: what the appliance's clock showed in a reply. */
export function createClient(url: URL, agent: Agent | undefined, onDate: (date: string) => void = () => undefined): Client {
  return {
    async post(question, signal) {
      const where = new URL(question.path.replace(/^\//, ''), `${url.href.replace(/\/$/, '')}/`);
      const raw = await exchange(where, agent, question, AbortSignal.any([signal, AbortSignal.timeout(question.timeoutMs)])).catch(
        (error: unknown) => {
          // What else is open to there may be as dead: our address changed, or a router forgot us. The next try opens anew.
          agent?.destroy();
          throw error;
        },
      );
      if (raw.date !== undefined) onDate(raw.date);
      return readReply(raw, question);
    },
  };
}

function exchange(where: URL, agent: Agent | undefined, question: Question<TSchema>, signal: AbortSignal): Promise<Raw> {
  const body = Buffer.from(JSON.stringify(question.body));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    accept: 'application/json',
  };
  if (question.token !== undefined) headers.authorization = `Bearer ${question.token.reveal()}`;
  return new Promise((resolve, reject) => {
    const unreachable = (error: unknown): void => {
      const own = error instanceof RackseedError ? error : undefined;
      reject(own ?? fail('agent.unreachable', { message: `${where.origin} does not answer: ${messageOf(error)}`, cause: error }));
    };
    const send = where.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(where, { method: 'POST', headers, signal, ...(agent === undefined ? {} : { agent }) }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > PROTOCOL_LIMITS.replyBytes)
          response.destroy(new Error(`its reply is longer than ${PROTOCOL_LIMITS.replyBytes} bytes`));
      });
      response.once('error', unreachable);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), date: response.headers.date }),
      );
    });
    request.once('error', unreachable);
    request.end(body);
  });
}

/** Pure: what a reply means. */
export function readReply<S extends TSchema>(raw: Raw, question: Pick<Question<S>, 'path' | 'reply' | 'token'>): Static<S> {
  const { path, reply, token } = question;
  const value = parseJson(raw.text);
  if (raw.status >= 200 && raw.status < 300) {
    if (Check(reply, value)) return value;
    throw fail('agent.bad_reply', { message: `${path}: the appliance's reply is not in the protocol` });
  }
  const said = saysWhat(value) ?? `HTTP ${raw.status}`;
  if (raw.status === 401 && token !== undefined) throw fail('agent.token_lost', { message: said });
  // 408, 425, 429 and 5xx pass by themselves; other 4xx do not change until somebody does something.
  const passes = raw.status >= 500 || [408, 425, 429].includes(raw.status) || raw.status < 400;
  throw fail(passes ? 'agent.unreachable' : 'agent.refused', { message: `${path}: ${said}` });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // not JSON: the schema refuses it, and the status speaks for itself
  }
}

/** `detail` or `title` of a problem+json, with its hint: short enough for a screen. */
function saysWhat(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const said = ['detail', 'title'].map((key) => (key in value ? (value as Record<string, unknown>)[key] : undefined)); // any JSON object
  const first = said.find((one) => typeof one === 'string' && one !== '');
  return typeof first === 'string' ? first.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 400) : undefined;
}
