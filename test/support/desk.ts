// The desk at which agents are told what to do, in memory: a test plays the agent by hand.

import type { Clock } from '../../src/lib/index.ts';
import type { AgentDesk, AgentOrder, OrderStanding } from '../../src/power/index.ts';

export interface PlayedDesk extends AgentDesk {
  /** The agent of this node was heard. */
  heard(uuid: string): void;
  /** It is heard no more. */
  silent(uuid: string): void;
  /** The oldest order that waits is given to it; undefined: there is none. */
  give(uuid: string): AgentOrder | undefined;
  /** It ends so. */
  settle(uuid: string, key: string, standing: OrderStanding): void;
  /** The oldest is given, and done at once: its name, or null. */
  take(uuid: string): string | null;
  /** What it found on the machine. */
  report(uuid: string, found: Awaited<ReturnType<AgentDesk['inventory']>>): void;
  readonly placed: readonly (AgentOrder & { readonly uuid: string })[];
}

function isUnder(key: string, wanted: string | undefined): boolean {
  return wanted === undefined || key === wanted || key.startsWith(`${wanted}:`);
}

interface Kept extends AgentOrder {
  readonly uuid: string;
  standing: OrderStanding;
  readonly settled: Set<() => void>;
}

export function playedDesk(clock: Pick<Clock, 'monotonic'>): PlayedDesk {
  const heardAt = new Map<string, number>();
  const reports = new Map<string, Awaited<ReturnType<AgentDesk['inventory']>>>();
  const orders: Kept[] = [];
  const find = (uuid: string, key: string): Kept | undefined => orders.find((one) => one.uuid === uuid && one.key === key);
  const settle = (uuid: string, key: string, standing: OrderStanding): void => {
    const order = find(uuid, key);
    if (order === undefined) throw new Error(`nobody placed ${key}`);
    order.standing = standing;
    for (const tell of order.settled) tell();
  };
  const give = (uuid: string): AgentOrder | undefined => {
    const order = orders.find((one) => one.uuid === uuid && one.standing.state === 'waiting');
    if (order !== undefined) order.standing = { state: 'given', fraction: 0, text: '' };
    return order;
  };
  const isBeating = (uuid: string): boolean => clock.monotonic() - (heardAt.get(uuid) ?? Number.NEGATIVE_INFINITY) < 95_000;
  return {
    placed: orders,
    heard: (uuid) => void heardAt.set(uuid, clock.monotonic()),
    silent: (uuid) => void heardAt.delete(uuid),
    give,
    settle,
    take: (uuid) => {
      heardAt.set(uuid, clock.monotonic());
      const order = give(uuid);
      if (order === undefined) return null;
      settle(uuid, order.key, { state: 'done', message: '', result: {} });
      if (order.name === 'reboot' || order.name === 'power_off') heardAt.delete(uuid);
      return order.name;
    },
    report: (uuid, found) => void reports.set(uuid, found),
    isBeating,
    seen: (uuid) => Promise.resolve(isBeating(uuid)),
    place: (uuid, order) => {
      const kept = find(uuid, order.key) ?? { ...order, uuid, standing: { state: 'waiting' } as const, settled: new Set() };
      if (!orders.includes(kept)) orders.push(kept);
      return Promise.resolve(kept.standing);
    },
    standing: (uuid, key) => Promise.resolve(find(uuid, key)?.standing),
    ended: async (uuid, key, signal) => {
      for (;;) {
        signal.throwIfAborted();
        const order = find(uuid, key);
        if (order === undefined || order.standing.state === 'done' || order.standing.state === 'failed') return order?.standing;
        const { promise, resolve } = Promise.withResolvers<void>();
        order.settled.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        order.settled.delete(resolve);
      }
    },
    cancel: (uuid, reason, key) => {
      for (const order of orders) {
        if (order.uuid !== uuid || order.standing.state !== 'waiting' || !isUnder(order.key, key)) continue;
        order.standing = { state: 'failed', message: reason };
        for (const tell of order.settled) tell();
      }
      return Promise.resolve();
    },
    inventory: (uuid) => Promise.resolve(reports.get(uuid) ?? null),
  };
}
