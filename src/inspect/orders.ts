// What agents are told to do: orders are kept in the store, given to the machine's agent one after the other, and end with its answer.
// Over restarts of the appliance, of the agent and of the machine. Who placed an order learns its end; what follows is not known here.

import { type Clock, type Component, type Log, messageOf, type Random } from '../lib/index.ts';
import type { JsonObject, Nodes } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { COMMANDS, isCommandName } from './commands.ts';
import { fail } from './errors.ts';
import { createHolds, type Holds } from './holds.ts';
import { createNotesBudget, type NotesBudget } from './notes-budget.ts';
import { beatOf } from './orders-beat.ts';
import { insertOrder, isUntouched, markEnded, type OrderRow, openOrders, orderOf } from './orders-book.ts';
import { createCare } from './orders-care.ts';
import { badOrder, endsByBoot, type OrderEnd, taskOf, titleOf } from './orders-decide.ts';
import type { HeartbeatReply, HeartbeatRequest, LogLine } from './protocol.ts';

export type Standing =
  | { readonly state: 'waiting' }
  | { readonly state: 'given'; readonly fraction: number; readonly text: string }
  | { readonly state: 'done'; readonly message: string; readonly result: JsonObject }
  /** `isUntouched`: nothing was done, for certain. */
  | { readonly state: 'failed'; readonly message: string; readonly isUntouched?: true };

export interface OrderWord {
  /** Of the order that has ended. */
  readonly key: string;
  readonly status: 'end' | 'error';
  readonly message: string;
}

export interface OrderProgress {
  readonly key: string;
  readonly fraction: number;
  readonly text: string;
  readonly log: readonly LogLine[];
  /** Enough time has passed since the last one that it may be written down. Log lines are to be kept in any case. */
  readonly isDue: boolean;
}

/** Whoever the orders are placed for. Both may throw: they are told again. */
export interface OrderListener {
  ended(nodeUuid: string, word: OrderWord): Promise<void>;
  progress(nodeUuid: string, progress: OrderProgress): Promise<void>;
}

/** The agent of one boot of a machine. */
export interface Sender {
  readonly nodeUuid: string;
  /** Hash of the boot's secret. */
  readonly session: string;
  readonly mac: string;
}

export interface OrdersOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'inventory'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Heartbeats held at once. */
  readonly maxHeld?: number;
}

/** power/agent-desk.ts says what the first of these mean. */
export interface Orders extends Component {
  isBeating(nodeUuid: string): boolean;
  seen(nodeUuid: string, signal: AbortSignal): Promise<boolean>;
  place(nodeUuid: string, order: { readonly key: string; readonly name: string; readonly args: JsonObject }): Promise<Standing>;
  standing(nodeUuid: string, key: string): Promise<Standing | undefined>;
  ended(nodeUuid: string, key: string, signal: AbortSignal): Promise<Standing | undefined>;
  cancel(nodeUuid: string, reason: string, key?: string): Promise<void>;
  inventory(nodeUuid: string): Promise<{ readonly inventory: JsonObject; readonly pluginData: JsonObject } | null>;
  /** Its agent has spoken otherwise than by a heartbeat: it runs. */
  heard(nodeUuid: string): void;
  /** Told once, before agents are heard. */
  listen(listener: OrderListener): void;
  /** `onAlive` is told whether the agent has something to do, or nothing. */
  beat(from: Sender, request: HeartbeatRequest, signal: AbortSignal, onAlive: (isBusy: boolean) => void): Promise<HeartbeatReply>;
  /** Held heartbeats are answered now, and none is held from now on: the appliance stops. */
  release(): Promise<void>;
  readonly held: number;
}

/** Agents beat every 30 s at least; three lost beats are no agent. */
const BEATS_FOR_MS = 95_000;
const MAX_HEARD = 20_000;
const LOOK_MS = 3000;
/** An agent that lost the appliance tries again every 15 s at most; one that was held notices sooner. */
const SETTLE_MS = 45_000;
const SEEN_EVERY_MS = 250;

/** What the parts of this room that deal with orders share. */
export interface OrderDeps extends OrdersOptions {
  readonly holds: Holds;
  readonly listener: () => OrderListener;
  readonly heardAt: Map<string, number>;
  readonly budget: NotesBudget;
  /** Ends that could not be told: they are told again, also after a restart (orders-care.ts). By order. */
  readonly untold: Map<string, { readonly nodeUuid: string; readonly word: OrderWord }>;
  end(order: OrderRow, end: OrderEnd, result?: JsonObject): Promise<void>;
}

const NOBODY: OrderListener = { ended: () => Promise.resolve(), progress: () => Promise.resolve() };

export function createOrders(options: OrdersOptions): Orders {
  const { store, nodes, clock, random, log } = options;
  const heardAt = new Map<string, number>();
  const waiters = new Map<string, Set<() => void>>();
  let listener = NOBODY;
  const holds = createHolds({
    clock,
    log,
    look: async (uuids) => {
      const rows = await store.db.selectFrom('agent_orders').select('node_uuid').distinct().where('state', '=', 'waiting').execute();
      const wanted = new Set(uuids);
      return rows.flatMap((row) => (wanted.has(row.node_uuid) ? [row.node_uuid] : []));
    },
    ...(options.maxHeld === undefined ? {} : { max: options.maxHeld }),
  });
  const untold: OrderDeps['untold'] = new Map();
  const deps: OrderDeps = { ...options, holds, heardAt, budget: createNotesBudget(clock), listener: () => listener, untold, end };
  const care = createCare(deps);
  const settledAt = clock.monotonic() + SETTLE_MS;
  const isBeating = (nodeUuid: string): boolean => clock.monotonic() - (heardAt.get(nodeUuid) ?? Number.NEGATIVE_INFINITY) < BEATS_FOR_MS;

  /** Stored first, then told: whoever is not told because we are killed is told again. */
  async function end(order: OrderRow, over: OrderEnd, result: JsonObject = {}): Promise<void> {
    const isMine = await store.transaction(async (tx) => {
      if (!(await markEnded(tx, order, over, JSON.stringify(result), clock.now()))) return false;
      const task = taskOf(order.key);
      await store.events.append(tx, {
        type: `agent.order_${over.state}`,
        severity: over.state === 'failed' ? 'warning' : 'info',
        nodeUuid: order.nodeUuid,
        message: `${titleOf(order)}: ${over.state}${over.message === '' ? '' : `: ${over.message}`}`,
        data: { order: order.id, name: order.name, ...(task === null ? {} : { task }) },
      });
      return true;
    });
    if (!isMine) return;
    log.info({ node: order.nodeUuid, order: order.id, command: order.name, outcome: over.state }, over.message);
    if (over.state === 'done' && endsByBoot(order)) heardAt.delete(order.nodeUuid);
    for (const tell of waiters.get(waiterOf(order.nodeUuid, order.key)) ?? []) tell();
    // Something else may wait behind it.
    holds.wake(order.nodeUuid);
    if (over.state === 'cancelled') return;
    const word: OrderWord = { key: order.key, status: over.state === 'done' ? 'end' : 'error', message: over.message };
    untold.set(order.id, { nodeUuid: order.nodeUuid, word });
    await listener.ended(order.nodeUuid, word);
    untold.delete(order.id);
  }

  async function standing(nodeUuid: string, key: string): Promise<Standing | undefined> {
    const row = await orderOf(store.db, nodeUuid, key);
    return row === undefined ? undefined : standingOf(row);
  }

  return {
    name: 'orders',
    start: () => {
      care.start();
      return Promise.resolve();
    },
    stop: async () => {
      await holds.release();
      await care.stop();
    },
    listen: (one) => {
      listener = one;
    },
    release: () => holds.release(),
    get held() {
      return holds.size;
    },

    isBeating,

    async seen(nodeUuid, signal) {
      if (isBeating(nodeUuid)) return true;
      if (clock.monotonic() >= settledAt || !(await mayRun(store, nodeUuid, clock.now()))) return false;
      while (!isBeating(nodeUuid) && clock.monotonic() < settledAt) await clock.sleep(SEEN_EVERY_MS, signal);
      return isBeating(nodeUuid);
    },

    async place(nodeUuid, { key, name, args }) {
      const wrong = badOrder(name, args);
      if (wrong !== undefined || !isCommandName(name)) {
        throw fail('inspect.bad_order', {
          message: `the order ${name.slice(0, 64)} to the agent of node ${nodeUuid} does not fit: ${wrong ?? 'unknown'}`,
          hint: 'This is a mistake in whoever placed it: src/inspect/commands.ts has what agents can be told.',
        });
      }
      const { title } = COMMANDS[name];
      const order = { id: random.uuid(), nodeUuid, key, name, title, args };
      const placed = await store.transaction(async (tx) => {
        const fresh = await insertOrder(tx, store.vault, order, clock.now());
        return fresh ?? (await orderOf(tx, nodeUuid, key));
      });
      holds.wake(nodeUuid);
      return placed === undefined ? { state: 'waiting' } : standingOf(placed);
    },

    standing,

    async ended(nodeUuid, key, signal) {
      for (;;) {
        signal.throwIfAborted();
        const changed = waitFor(waiters, waiterOf(nodeUuid, key));
        try {
          const now = await standing(nodeUuid, key);
          if (now === undefined || now.state === 'done' || now.state === 'failed') return now;
          await Promise.race([changed.promise, clock.sleep(LOOK_MS, AbortSignal.any([signal, changed.signal])).catch(() => undefined)]);
        } finally {
          changed.forget();
        }
      }
    },

    async cancel(nodeUuid, reason, key) {
      for (const order of await openOrders(store.db, nodeUuid)) {
        // One that was given may not have arrived: its agent would get it again, and go away when nobody wants that any more.
        const isOpen = order.state === 'waiting' || endsByBoot(order);
        if (isOpen && (key === undefined || key === order.key || order.key.startsWith(`${key}:`)))
          await end(order, { state: 'cancelled', message: reason });
      }
    },

    async inventory(nodeUuid) {
      const found = await nodes.inventory(nodeUuid as Parameters<Nodes['inventory']>[0]); // the same text; whoever has no such node has no inventory
      return found === undefined ? null : { inventory: found.inventory, pluginData: found.pluginData };
    },

    heard: (nodeUuid) => heard(heardAt, nodeUuid, clock.monotonic()),

    beat: async (from, request, signal, onAlive) => {
      heard(heardAt, from.nodeUuid, clock.monotonic());
      try {
        return await beatOf(deps, from, request, signal, onAlive);
      } catch (error) {
        log.warn({ node: from.nodeUuid, error: messageOf(error) }, 'a heartbeat could not be answered: the agent tries again');
        throw error;
      }
    },
  };
}

/** Has the agent of a boot of it a token of ours? It may be switched off all the same. */
async function mayRun({ db }: Store, nodeUuid: string, now: number): Promise<boolean> {
  const rows = db.selectFrom('boot_secrets').select('hash').where('node_uuid', '=', nodeUuid).where('token_hash', 'is not', null);
  return (await rows.where('expires_at', '>', now).executeTakeFirst()) !== undefined;
}

export function standingOf(order: OrderRow): Standing {
  const { state, progress, progressText: text, message, result } = order;
  if (state === 'waiting') return { state };
  if (state === 'given') return { state, fraction: progress / 1000, text };
  if (state === 'done') return { state, message, result: JSON.parse(result) as JsonObject }; // written by end(), an object
  return { state: 'failed', message, ...(isUntouched(order) ? { isUntouched: true } : {}) };
}

function heard(heardAt: Map<string, number>, nodeUuid: string, at: number): void {
  heardAt.delete(nodeUuid);
  heardAt.set(nodeUuid, at);
  for (const oldest of heardAt.keys()) {
    if (heardAt.size <= MAX_HEARD) break;
    heardAt.delete(oldest);
  }
}

function waiterOf(nodeUuid: string, key: string): string {
  return `${nodeUuid} ${key}`;
}

function waitFor(
  waiters: Map<string, Set<() => void>>,
  name: string,
): { readonly promise: Promise<void>; readonly signal: AbortSignal; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = new AbortController();
  const mine = waiters.get(name) ?? new Set();
  waiters.set(name, mine.add(resolve));
  return {
    promise,
    signal: over.signal,
    forget: () => {
      over.abort();
      mine.delete(resolve);
      if (mine.size === 0 && waiters.get(name) === mine) waiters.delete(name);
    },
  };
}
