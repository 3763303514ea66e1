// GET of something large: from the appliance with its pinned certificate and the agent's token, or from anywhere else as browsers do.
// Hands over the stream; what it is and whether it is whole is for whoever asked.

import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf, type Secret } from '../lib/index.ts';
import type { Download, OpenOptions } from './commands/types.ts';
import { fail } from './errors.ts';
import { NoInflow, openInflow } from './inflow.ts';
import type { PinnedAgent } from './pinned-agent.ts';

export interface DownloadParts {
  readonly appliance: URL;
  /** Of connections to the appliance: not those of heartbeats, which must not wait behind a download. */
  readonly agent: PinnedAgent | undefined;
  readonly token: () => Secret | undefined;
}

const SILENT_MS = 60_000;

export async function openDownload(
  url: string,
  { headers: given = {}, isAppliance, isReused = false, signal }: OpenOptions,
  parts: DownloadParts,
): Promise<Download> {
  const where = isAppliance ? atAppliance(url, parts.appliance) : anywhere(url);
  const token = isAppliance ? parts.token() : undefined;
  const headers = { ...given, ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }) };
  const { agent } = parts;
  const isPlain = where.protocol === 'http:';
  if (isReused && (isPlain || (isAppliance && agent !== undefined))) {
    const connect = isPlain || agent === undefined ? null : (to: object) => agent.connect(to);
    try {
      return await openInflow(where, { headers, signal, silentMs: SILENT_MS, connect });
    } catch (cause) {
      signal.throwIfAborted();
      if (!(cause instanceof NoInflow)) throw unreachable(where, cause);
    }
  }
  const options: RequestOptions = {
    headers,
    signal,
    timeout: SILENT_MS,
    ...(isAppliance && agent !== undefined ? { agent } : {}),
  };
  const send = where.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(where, options, (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
    });
    request.once('timeout', () => request.destroy(new Error(`${where.host} sent nothing for ${SILENT_MS / 1000} s`)));
    // Until there is a response; from then on its stream has the errors.
    request.on('error', (cause: Error) => reject(unreachable(where, cause)));
    request.end();
  });
}

function unreachable({ origin }: URL, cause: unknown): Error {
  return fail('agent.unreachable', { message: `${origin} does not answer: ${messageOf(cause)}`, cause });
}

/** The token goes to no other server, whatever the order says. */
function atAppliance(url: string, appliance: URL): URL {
  const where = new URL(url, appliance);
  if (where.origin === appliance.origin) return where;
  throw fail('agent.refused', { message: `${where.origin} is not the appliance (${appliance.origin}): it is not given the agent's token` });
}

function anywhere(url: string): URL {
  const where = URL.canParse(url) ? new URL(url) : undefined;
  if (where !== undefined && ['http:', 'https:'].includes(where.protocol)) return where;
  throw fail('agent.refused', { message: `"${url}" is no URL that can be fetched: http:// or https:// is` });
}
