// GET of something large: from the appliance with its pinned certificate and the agent's token, or from anywhere else as browsers do.
// Hands over the stream; what it is and whether it is whole is for whoever asked.

import { type Agent, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Secret } from '../lib/index.ts';
import type { Download, OpenOptions } from './commands/types.ts';
import { fail } from './errors.ts';

export interface DownloadParts {
  readonly appliance: URL;
  /** Of connections to the appliance: not those of heartbeats, which must not wait behind a download. */
  readonly agent: Agent | undefined;
  readonly token: () => Secret | undefined;
}

const SILENT_MS = 60_000;

export async function openDownload(
  url: string,
  { headers = {}, isAppliance, signal }: OpenOptions,
  parts: DownloadParts,
): Promise<Download> {
  const where = isAppliance ? atAppliance(url, parts.appliance) : anywhere(url);
  const token = isAppliance ? parts.token() : undefined;
  const options: RequestOptions = {
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }) },
    signal,
    timeout: SILENT_MS,
    ...(isAppliance && parts.agent !== undefined ? { agent: parts.agent } : {}),
  };
  const send = where.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(where, options, (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
    });
    request.once('timeout', () => request.destroy(new Error(`${where.host} sent nothing for ${SILENT_MS / 1000} s`)));
    // Until there is a response; from then on its stream has the errors.
    request.on('error', (cause: Error) =>
      reject(fail('agent.unreachable', { message: `${where.origin} does not answer: ${cause.message}`, cause })),
    );
    request.end();
  });
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
