// One call of the API by the table: refused before anything is sent where that is known, a GET repeated, everything else asked once.

import type { Clock, Log } from '../../lib/index.ts';
import { RackseedError } from '../../lib/index.ts';
import { type ApiLink, type ApiRequest, checked, dataIn, isUnreachable, repeated } from '../api-link.ts';
import { fail } from '../errors.ts';
import { refusalOf } from '../refusals.ts';
import type { PveMethod } from '../seam.ts';
import { answerOf } from './answers.ts';
import { type Encoded, encodeParams, type Params } from './params-decide.ts';
import { PVE_CALLS, privilegesIn } from './table.ts';
import type { PveCall } from './table-types.ts';

export interface CallOptions {
  readonly link: ApiLink;
  readonly clock: Clock;
  /** Also when the client is closed. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** pveproxy itself gives up after 30 s with 596 (PVE::APIServer::AnyEvent). */
const TIMEOUT_MS = 35_000;
/** A report is longer than all others. */
const MAX_BYTES = 16 * 1024 * 1024;
const REPEAT_AFTER_MS = [250, 1000, 3000] as const;

export async function callPve(options: CallOptions, method: PveMethod, path: string, params: Params): Promise<unknown> {
  const name = `${method} ${path}`;
  const call = known(name);
  const encoded = encodeParams(name, call, params);
  const asked: Asked = { name, method, call, encoded };
  const once = (): Promise<unknown> => exchanged(options, asked);
  try {
    options.signal.throwIfAborted();
    return await (method === 'GET' ? repeated(REPEAT_AFTER_MS, options, isWorthRepeating, once) : once());
  } catch (thrown) {
    if (!options.signal.aborted) throw thrown;
    // Whoever stopped it has said why.
    throw options.signal.reason instanceof Error ? options.signal.reason : thrown;
  }
}

interface Asked {
  readonly name: string;
  readonly method: PveMethod;
  readonly call: PveCall;
  readonly encoded: Encoded;
}

function known(name: string): PveCall {
  const call = Object.hasOwn(PVE_CALLS, name) ? PVE_CALLS[name] : undefined;
  if (call === undefined) {
    throw fail('proxmox.unknown_call', {
      message: `${name.slice(0, 200)} is no call that we know`,
      hint: 'Paths are written with {placeholders}, as the API schema has them; what stands in them is a parameter.',
    });
  }
  if (call.needs !== 'root') return call;
  throw fail('proxmox.root_only', {
    message: `${name} is for root itself: Proxmox VE refuses every API token`,
    hint: 'Ask it on the machine by pvesh over SSH: pvesh create|set|delete PATH --NAME VALUE.',
  });
}

async function exchanged({ link, clock, log }: CallOptions, asked: Asked): Promise<unknown> {
  const { name, method, call, encoded } = asked;
  const begun = clock.monotonic();
  const answer = await link.send(requestOf(method, encoded)).catch((thrown: unknown) => {
    throw method === 'GET' ? thrown : changeOf(thrown, name);
  });
  log.debug({ host: link.host, call: name, status: answer.status, ms: Math.round(clock.monotonic() - begun) }, 'asked Proxmox VE');
  if (answer.status === 200) return checked(answerOf(name), dataIn(answer.body), { host: link.host, name });
  const privileges = Array.isArray(call.needs) ? privilegesIn(call.needs) : [];
  throw refusalOf({ method, path: shown(encoded), privileges, secrets: encoded.secrets }, answer, link.host);
}

function requestOf(method: PveMethod, { path, form }: Encoded): ApiRequest {
  const text = new URLSearchParams(form.map(([key, value]): [string, string] => [key, value])).toString();
  const rest = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
  if (method === 'POST' || method === 'PUT') return { ...rest, method, path, body: text };
  return { ...rest, method, path: text === '' ? path : `${path}?${text}` };
}

const shown = ({ path }: Encoded): string => decodeURIComponent(path);

/** A change of which something was sent may have been done. */
function changeOf(thrown: unknown, name: string): unknown {
  if (!isUnreachable(thrown) || !(thrown instanceof RackseedError) || thrown.detail?.wasSent !== true) return thrown;
  return fail('proxmox.answer_lost', {
    message: `${name}: ${thrown.message}`,
    hint: 'It may have been done: look at the node, then ask again.',
    cause: thrown,
  });
}

function isWorthRepeating(thrown: unknown): boolean {
  return isUnreachable(thrown) || (thrown instanceof RackseedError && thrown.code === 'proxmox.node_unreachable');
}
