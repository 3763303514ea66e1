// The desk at which agents are told what to do, over a real store and without the API; machines boot into it as stand-ins of our agent.

import { request } from 'node:https';
import { expect } from 'vitest';
import {
  createInspect,
  createOrders,
  type Inspect,
  type OrderProgress,
  type Orders,
  type OrdersOptions,
  type OrderWord,
} from '../../src/inspect/index.ts';
import { type Clock, parseMac, silentLog, systemRandom } from '../../src/lib/index.ts';
import { createNodes, type Nodes } from '../../src/nodes/index.ts';
import type { Store } from '../../src/store/index.ts';
import { type AgentReply, bootOwnAgent, type OwnAgent, type OwnAgentOptions, type SendToAppliance } from '../sim/own-agent.ts';
import { inventoryOf } from './agent.ts';
import type { Site } from './appliance.ts';

export interface OrderWorld {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly orders: Orders;
  readonly inspect: Inspect;
  /** What whoever places orders was told, in order. */
  readonly words: (OrderWord & { readonly uuid: string })[];
  readonly progress: (OrderProgress & { readonly uuid: string })[];
  readonly beats: { readonly uuid: string; readonly isBusy: boolean }[];
  /** Boots a machine into the agent; the same MAC again is its next boot. */
  readonly boot: (machine: { readonly mac: string; readonly uuid: string }, options?: Partial<OwnAgentOptions>) => Promise<OwnAgent>;
}

/** `onEnded` is called after the word was written down: it may throw. */
export function orderWorld(
  store: Store,
  clock: Clock,
  options: Partial<OrdersOptions> & { readonly onEnded?: (word: OrderWord) => void } = {},
): OrderWorld {
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const orders = createOrders({ ...common, nodes, ...options });
  const words: OrderWorld['words'] = [];
  const progress: OrderWorld['progress'] = [];
  const beats: OrderWorld['beats'] = [];
  orders.listen({
    ended: async (uuid, word) => {
      words.push({ uuid, ...word });
      await Promise.resolve();
      options.onEnded?.(word);
    },
    progress: async (uuid, one) => {
      await Promise.resolve();
      progress.push({ uuid, ...one });
    },
  });
  const inspect = createInspect({ ...common, nodes, orders, onBeat: (uuid, isBusy) => beats.push({ uuid, isBusy }) });
  return {
    store,
    nodes,
    orders,
    inspect,
    words,
    progress,
    beats,
    boot: async ({ mac, uuid }, more = {}) => {
      const secret = await inspect.issueSecret(parseMac(mac) ?? expect.unreachable(), uuid);
      return bootOwnAgent(secret, {
        macs: [mac],
        smbiosUuid: uuid,
        inventory: inventoryOf({ mac, uuid }),
        send: intoInspect(inspect),
        ...more,
      });
    },
  };
}

/** Straight into the room, past the API. */
export function intoInspect(inspect: Inspect): SendToAppliance {
  return async (path, body, headers, signal) => {
    const token = headers.authorization?.slice('Bearer '.length) ?? '';
    const made = JSON.parse(JSON.stringify(body)) as never; // in the protocol's form, as the stand-in made it
    const reply = path.endsWith('lookup')
      ? await inspect.lookup(made, '10.0.0.9')
      : path.endsWith('inventory')
        ? await inspect.receiveInventory(token, made)
        : await inspect.heartbeat(token, made, signal);
    return { status: 200, body: JSON.stringify(reply) };
  };
}

export const ONE = { mac: '52:54:00:00:00:01', uuid: '4c4c4544-0042-3510-8051-b4c04f4d0001' } as const;
export const TWO = { mac: '52:54:00:00:00:02', uuid: '4c4c4544-0042-3510-8051-b4c04f4d0002' } as const;

/** Over HTTPS, as from a machine; the appliance's certificate is not looked at. */
export function overNetwork(site: Pick<Site, 'apiPort'>): SendToAppliance {
  return (path, body, headers, signal) => exchange(site, { method: 'POST', path, body, headers, signal });
}

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export function exchange({ apiPort }: Pick<Site, 'apiPort'>, { method, path, body, headers, signal }: Exchange): Promise<AgentReply> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const sent = { ...(text === '' ? {} : { 'content-type': 'application/json' }), 'content-length': Buffer.byteLength(text), ...headers };
    const where = { host: '127.0.0.1', port: apiPort, path, method, headers: sent, rejectUnauthorized: false, agent: false } as const;
    const asked = request({ ...where, ...(signal === undefined ? {} : { signal }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    asked.once('error', reject);
    asked.end(text);
  });
}
