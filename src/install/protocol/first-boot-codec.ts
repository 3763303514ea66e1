// What an installed system tells at its first boot, and what of it says that its firmware does not keep the boot order. Pure.

import type { JsonObject } from '../../nodes/index.ts';
import { type OrderVerdict, orderByReport } from './boot-order-decide.ts';
import { hostKeysOf } from './hook-codec.ts';

export interface FirstBootReport {
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly hostKeys: readonly string[];
  /** What somebody has to do about its boot order. */
  readonly needsHands: OrderVerdict;
  /** What is kept. */
  readonly summary: JsonObject;
}

const ADDRESSES_MAX = 32;
const ENTRIES_MAX = 64;
const KEYS_MAX = 16;

/** Undefined: it is not what the script sends. */
export function readFirstBoot(body: unknown): FirstBootReport | undefined {
  if (!isObject(body)) return undefined;
  const hostname = text(body.hostname, 253);
  if (hostname === null) return undefined;
  const order = isObject(body.bootOrder) ? body.bootOrder : {};
  const addresses = texts(body.addresses, ADDRESSES_MAX, 64);
  const mode = text(body.bootMode, 8);
  const bootOrder = {
    wanted: text(order.wanted, 32),
    did: text(order.did, 256),
    before: text(order.before, 640),
    after: text(order.after, 640),
    current: text(order.current, 8),
    entries: texts(order.entries, ENTRIES_MAX, 256),
  };
  return {
    hostname,
    addresses,
    hostKeys: hostKeysOf(texts(body.hostKeys, KEYS_MAX, 4096)),
    needsHands: orderByReport({ ...bootOrder, mode }),
    summary: { hostname, fqdn: text(body.fqdn, 253), kernel: text(body.kernel, 128), bootMode: mode, addresses, bootOrder },
  };
}

function text(value: unknown, limit: number): string | null {
  if (typeof value !== 'string') return null;
  const clean = value
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, limit);
  return clean === '' ? null : clean;
}

function texts(value: unknown, count: number, limit: number): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, count).flatMap((one) => text(one, limit) ?? []);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
