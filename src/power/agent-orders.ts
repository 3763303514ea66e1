// What the agent on a machine is to do at its next word: one order for each machine, that waits until the agent takes it. In memory: an order
// of before a restart is nobody's any more.

import type { Clock } from '../lib/index.ts';
import { fail } from './errors.ts';

export type AgentOrderName = 'reboot' | 'power_off';

export interface AgentOrders {
  /** The agent of this node was heard. */
  heard(uuid: string): void;
  /** What it shall do, once; null: nothing. Also means that it was heard. */
  take(uuid: string): AgentOrderName | null;
  isBeating(uuid: string): boolean;
  /** It was told to go away, or somebody else knows that it is gone. */
  gone(uuid: string): void;
  /** Resolves when the agent has taken it. */
  order(uuid: string, name: AgentOrderName, signal: AbortSignal): Promise<void>;
}

/** Agents beat every 30 s; three lost beats are no agent. */
const BEATS_FOR_MS = 95_000;
const MAX_HEARD = 20_000;
const MAX_WAITING = 10_000;

export function createAgentOrders(clock: Pick<Clock, 'monotonic'>): AgentOrders {
  const heardAt = new Map<string, number>();
  const waiting = new Map<string, { readonly name: AgentOrderName; readonly taken: () => void }>();
  const heard = (uuid: string): void => {
    heardAt.delete(uuid);
    heardAt.set(uuid, clock.monotonic());
    for (const oldest of heardAt.keys()) {
      if (heardAt.size <= MAX_HEARD) break;
      heardAt.delete(oldest);
    }
  };
  const isBeating = (uuid: string): boolean => {
    const at = heardAt.get(uuid);
    return at !== undefined && clock.monotonic() - at < BEATS_FOR_MS;
  };
  return {
    heard,
    isBeating,
    take: (uuid) => {
      heard(uuid);
      const order = waiting.get(uuid);
      if (order === undefined) return null;
      waiting.delete(uuid);
      order.taken();
      return order.name;
    },
    gone: (uuid) => {
      heardAt.delete(uuid);
    },
    order: (uuid, name, signal) => {
      if (signal.aborted) return Promise.reject(asError(signal.reason));
      if (waiting.has(uuid) || waiting.size >= MAX_WAITING) {
        return Promise.reject(
          fail('power.queue_full', {
            message: `an order to the agent of node ${uuid} waits already, or ${MAX_WAITING} others do`,
            hint: 'Wait until the agent has taken it: it asks every 30 seconds.',
          }),
        );
      }
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          if (waiting.get(uuid) === order) waiting.delete(uuid);
          reject(asError(signal.reason));
        };
        const order = {
          name,
          taken: () => {
            signal.removeEventListener('abort', abort);
            resolve();
          },
        };
        waiting.set(uuid, order);
        signal.addEventListener('abort', abort, { once: true });
      });
    },
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
