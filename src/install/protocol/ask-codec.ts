// What an installer says of itself and of its machine when it asks for its answer: the JSON of proxmox-fetch-answer, with and without
// `$schema`, keys that nobody knows yet among it. Pure. All of it is what somebody on the network claims.

import { createHash } from 'node:crypto';
import { type Mac, parseMac } from '../../lib/index.ts';

export interface AnswerAsk {
  /** pve, pbs, pmg, pdm; null where it does not say so. */
  readonly product: string | null;
  readonly release: string | null;
  readonly smbiosUuid: string | null;
  readonly serial: string | null;
  /** Of every link, each once. */
  readonly macs: readonly Mac[];
}

export type ReadAsk = { readonly ask: AnswerAsk } | { readonly fault: string };

/** Links of any machine that we know of; more are invented. */
const LINKS_MAX = 256;
const TEXT_MAX = 256;
const ZERO = '00:00:00:00:00:00';

export function readAsk(body: unknown): ReadAsk {
  if (!isObject(body)) return { fault: 'the request is no JSON object' };
  const links = body.network_interfaces ?? body['network-interfaces'];
  if (!Array.isArray(links)) return { fault: 'the request names no network_interfaces' };
  if (links.length > LINKS_MAX) return { fault: `the request names ${links.length} network interfaces, which no machine has` };
  const system = part(part(body.dmi).system);
  const ask = {
    product: textOf(part(body.product).product),
    release: textOf(part(body.iso).release),
    smbiosUuid: textOf(system.uuid),
    serial: textOf(system.serial),
    macs: [...new Set(links.flatMap(macOf))],
  };
  return ask.macs.length === 0 ? { fault: 'the request names no MAC' } : { ask };
}

/** The same for the same request, however it was written down. */
export function digestOfAsk(body: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(body)))
    .digest('hex');
}

function macOf(link: unknown): Mac[] {
  const { mac } = part(link);
  const parsed = typeof mac === 'string' ? parseMac(mac) : undefined;
  // Of tunnels and the like.
  return parsed === undefined || parsed === ZERO ? [] : [parsed];
}

function textOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, TEXT_MAX);
  return text === '' ? null : text;
}

function part(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}
