// A client for the questions that we ask Proxmox VE: the certificate pinned, answers checked, only reads repeated. Knows no nodes of ours.

import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { type Clock, RackseedError, Secret } from '../lib/index.ts';
import { type Credentials, isNodeName } from './address-decide.ts';
import { ClusterStatus, NetworkList, NodeList, NodeStatus, Report, Ticket, Version } from './answers.ts';
import { fail } from './errors.ts';
import { type Answer, ask } from './tls.ts';

export interface ProxmoxOptions {
  readonly url: URL;
  /** AA:BB:…, SHA-256. */
  readonly fingerprint: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Ends every question. */
  readonly signal: AbortSignal;
}

/** Reads; every call throws proxmox.*. */
export interface Proxmox {
  version(): Promise<Static<typeof Version>>;
  clusterStatus(): Promise<Static<typeof ClusterStatus>>;
  nodes(): Promise<Static<typeof NodeList>>;
  network(node: string): Promise<Static<typeof NetworkList>>;
  status(node: string): Promise<Static<typeof NodeStatus>>;
  /** The system report: some hundred kilobytes of text about the node, gathered by it within seconds. Holds configurations: keep none of it. */
  report(node: string): Promise<string>;
}

const TIMEOUT_MS = 10_000;
/** The node runs some twenty programs for it. */
const REPORT_TIMEOUT_MS = 25_000;
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
const REPORT_MAX_BYTES = 16 * 1024 * 1024;
/** After these a read is asked once more. */
const REPEAT_AFTER_MS = [250, 1000] as const;
const SAID_LENGTH = 200;

interface Question<S extends TSchema> {
  readonly path: string;
  readonly schema: S;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

export function createProxmox(options: ProxmoxOptions): Proxmox {
  const { clock, signal } = options;
  let ticket: Promise<Secret> | undefined;

  async function headers(): Promise<Record<string, string>> {
    if (options.credentials.by === 'token') return { authorization: `PVEAPIToken=${options.credentials.token.reveal()}` };
    ticket ??= logIn(options, options.credentials);
    return { cookie: `PVEAuthCookie=${(await ticket).reveal()}` };
  }

  async function once<S extends TSchema>(question: Question<S>): Promise<Answer> {
    const url = new URL(`/api2/json${question.path}`, options.url);
    const late = AbortSignal.timeout(question.timeoutMs ?? TIMEOUT_MS);
    return ask({
      url,
      method: 'GET',
      headers: await headers(),
      fingerprint: options.fingerprint,
      maxBytes: question.maxBytes ?? ANSWER_MAX_BYTES,
      signal: AbortSignal.any([signal, late]),
    });
  }

  async function get<S extends TSchema>(question: Question<S>): Promise<Static<S>> {
    let isTicketNew = ticket === undefined;
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await once(question);
        // Tickets live for two hours; a node whose clock was set refuses them before.
        if (answer.status === 401 && options.credentials.by === 'password' && !isTicketNew) {
          ticket = undefined;
          isTicketNew = true;
          continue;
        }
        return dataOf(question, answer, options.url.host);
      } catch (thrown) {
        const wait = REPEAT_AFTER_MS[tries];
        if (wait === undefined || signal.aborted || !isWorthRepeating(thrown)) throw thrown;
        await clock.sleep(wait, signal);
      }
    }
  }

  const ofNode = (node: string, rest: string): string => {
    if (isNodeName(node)) return `/nodes/${node}/${rest}`;
    throw badAnswer(options.url.host, '/nodes', `a node called ${JSON.stringify(node.slice(0, 80))}`);
  };

  return {
    version: () => get({ path: '/version', schema: Version }),
    clusterStatus: () => get({ path: '/cluster/status', schema: ClusterStatus }),
    nodes: () => get({ path: '/nodes', schema: NodeList }),
    network: async (node) => get({ path: ofNode(node, 'network'), schema: NetworkList }),
    status: async (node) => get({ path: ofNode(node, 'status'), schema: NodeStatus }),
    report: async (node) => get({ path: ofNode(node, 'report'), schema: Report, timeoutMs: REPORT_TIMEOUT_MS, maxBytes: REPORT_MAX_BYTES }),
  };
}

/** POST, and therefore asked once: a wrong password that is repeated locks accounts. */
async function logIn(options: ProxmoxOptions, { username, password }: Credentials & { readonly by: 'password' }): Promise<Secret> {
  const answer = await ask({
    url: new URL('/api2/json/access/ticket', options.url),
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ username, password: password.reveal() }).toString(),
    fingerprint: options.fingerprint,
    maxBytes: ANSWER_MAX_BYTES,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const { ticket, NeedTFA } = dataOf({ path: '/access/ticket', schema: Ticket }, answer, options.url.host);
  if (ticket !== undefined && NeedTFA !== 1 && NeedTFA !== true && !ticket.includes('!tfa!')) return new Secret(ticket);
  throw fail('proxmox.refused', {
    message: `${options.url.host} asks for a second factor of ${username}`,
    hint: 'Use an API token: it needs none.',
  });
}

function dataOf<S extends TSchema>({ path, schema }: Question<S>, answer: Answer, host: string): Static<S> {
  if (answer.status !== 200) throw refusalOf(path, answer, host);
  const data = parsed(answer.body);
  if (Check(schema, data)) return data;
  throw badAnswer(host, path, 'something else than its schema says');
}

function parsed(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'data' in value ? value.data : undefined;
  } catch {
    return undefined; // no JSON: told apart by its schema
  }
}

function refusalOf(path: string, { status, statusText }: Answer, host: string): RackseedError {
  const said = statusText.replaceAll(/\p{Cc}+/gu, ' ').slice(0, SAID_LENGTH);
  const message = `${host} answers ${path} with ${status} ${said}`.trim();
  if (status === 401) {
    return fail('proxmox.refused', {
      message,
      hint: 'Compare user, realm and secret; a token may have expired or been removed.',
    });
  }
  if (status === 403) {
    return fail('proxmox.no_permission', {
      message,
      hint: 'Give the token (and, with privilege separation, its user too) the role PVEAuditor on /: pveum acl modify / --tokens TOKEN --roles PVEAuditor',
    });
  }
  // pveproxy's own: it asks another member for the answer and cannot reach it, or loses it.
  if (status === 595 || status === 596)
    return fail('proxmox.node_unreachable', { message, hint: 'Is that member switched on? Its own address may answer.' });
  return fail('proxmox.failed', { message, hint: 'Look at the log of pveproxy and pvedaemon there: journalctl -u pveproxy -u pvedaemon' });
}

function badAnswer(host: string, path: string, what: string): RackseedError {
  return fail('proxmox.bad_answer', {
    message: `${host} answers GET ${path} with ${what}`,
    hint: 'Is it a Proxmox VE node of version 8 or 9?',
  });
}

function isWorthRepeating(thrown: unknown): boolean {
  return thrown instanceof RackseedError && thrown.code === 'proxmox.unreachable';
}
