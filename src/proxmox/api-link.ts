// One Proxmox VE API as somebody who may use it: tickets fetched and renewed, CSRF tokens, questions repeated when nobody answers them. Knows
// no calls.

import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { type Clock, RackseedError, Secret } from '../lib/index.ts';
import type { Credentials } from './address-decide.ts';
import { Ticket } from './answers.ts';
import { fail } from './errors.ts';
import { refusalOf } from './refusals.ts';
import { type Answer, ask } from './tls.ts';

export interface ApiOptions {
  readonly url: URL;
  /** AA:BB:…, SHA-256. */
  readonly fingerprint: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Ends every question. */
  readonly signal: AbortSignal;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** After /api2/json, with its query. */
  readonly path: string;
  /** A form. */
  readonly body?: string;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

export interface ApiLink {
  readonly host: string;
  /** Any status. A ticket that is not taken any more is fetched anew once: what was refused for it was not done. */
  send(request: ApiRequest): Promise<Answer>;
}

const TIMEOUT_MS = 10_000;
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** They live for two hours (PVE::AccessControl, ticket_lifetime). */
const TICKET_MS = 90 * 60_000;
const LOG_IN = '/access/ticket';

interface Pass {
  readonly ticket: Secret;
  readonly csrf: string;
  readonly until: number;
}

export function createApiLink(options: ApiOptions): ApiLink {
  const { credentials, clock } = options;
  const { host } = options.url;
  let pass: Promise<Pass> | undefined;

  async function passNow(by: Credentials & { readonly by: 'password' }): Promise<Pass> {
    const current = pass;
    const held = await current;
    if (held !== undefined && clock.monotonic() < held.until) return held;
    if (pass !== current) return passNow(by); // somebody else has one already
    const asked = logIn(options, by);
    pass = asked;
    try {
      return await asked;
    } catch (thrown) {
      if (pass === asked) pass = undefined;
      throw thrown;
    }
  }

  async function headers(method: ApiRequest['method']): Promise<Record<string, string>> {
    if (credentials.by === 'token') return { authorization: `PVEAPIToken=${credentials.token.reveal()}` };
    const { ticket, csrf } = await passNow(credentials);
    const cookie = { cookie: `PVEAuthCookie=${ticket.reveal()}` };
    return method === 'GET' ? cookie : { ...cookie, csrfpreventiontoken: csrf };
  }

  async function once(request: ApiRequest): Promise<Answer> {
    return exchange(options, request, await headers(request.method));
  }

  return {
    host,
    send: async (request) => {
      const used = pass;
      const answer = await once(request);
      if (answer.status !== 401 || credentials.by === 'token' || used === undefined) return answer;
      // A node whose clock was set, or that was installed anew, refuses tickets before their time.
      if (pass === used) pass = undefined;
      return once(request);
    },
  };
}

function exchange(options: ApiOptions, request: ApiRequest, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { method, path, body, timeoutMs = TIMEOUT_MS, maxBytes = ANSWER_MAX_BYTES } = request;
  const form = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  return ask({
    url: new URL(`/api2/json${path}`, options.url),
    method,
    headers: { ...headers, ...form },
    ...(body === undefined ? {} : { body }),
    fingerprint: options.fingerprint,
    maxBytes,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]),
  });
}

/** POST, and therefore asked once: a wrong password that is repeated locks accounts. */
async function logIn(options: ApiOptions, { username, password }: Credentials & { readonly by: 'password' }): Promise<Pass> {
  const { host } = options.url;
  const body = new URLSearchParams({ username, password: password.reveal() }).toString();
  const answer = await exchange(options, { method: 'POST', path: LOG_IN, body }, {});
  if (answer.status !== 200) throw refusalOf({ method: 'POST', path: LOG_IN }, answer, host);
  const given = checked(Ticket, dataIn(answer.body), { host, name: `POST ${LOG_IN}` });
  const { ticket, CSRFPreventionToken: csrf = '', NeedTFA } = given;
  if (ticket !== undefined && NeedTFA !== 1 && NeedTFA !== true && !ticket.includes('!tfa!'))
    return { ticket: new Secret(ticket), csrf, until: options.clock.monotonic() + TICKET_MS };
  throw fail('proxmox.refused', {
    message: `${host} asks for a second factor of ${username}`,
    hint: 'Use an API token: it needs none.',
  });
}

/** Between tries that failed with what a second try may mend. */
export async function repeated<T>(
  waits: readonly number[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  isWorthIt: (thrown: unknown) => boolean,
  code: () => Promise<T>,
): Promise<T> {
  for (const wait of waits) {
    try {
      return await code();
    } catch (thrown) {
      if (signal.aborted || !isWorthIt(thrown)) throw thrown;
      await clock.sleep(wait, signal);
    }
  }
  return code();
}

export function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof RackseedError && thrown.code === 'proxmox.unreachable';
}

const Wrapped = Type.Object({ data: Type.Unknown() });

/** Undefined: no JSON, or nothing in it. */
export function dataIn(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return Check(Wrapped, value) ? value.data : undefined;
  } catch {
    return undefined; // no JSON: told apart by its schema
  }
}

/** Throws proxmox.bad_answer. */
export function checked<S extends TSchema>(
  schema: S,
  data: unknown,
  { host, name }: { readonly host: string; readonly name: string },
): Static<S> {
  if (Check(schema, data)) return data;
  throw badAnswer(host, name, 'something else than its schema says');
}

export function badAnswer(host: string, name: string, what: string): RackseedError {
  return fail('proxmox.bad_answer', {
    message: `${host} answers ${name} with ${what}`,
    hint: 'Is it a Proxmox VE node of version 8 or 9?',
  });
}
