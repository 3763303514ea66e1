// What happens to orders without a heartbeat: agents that fall silent, work that is over before its order went out, ends that nobody was
// told of because the appliance was killed, and old rows.

import { messageOf } from '../lib/index.ts';
import type { OrderDeps } from './orders.ts';
import { forgetEnded, type OrderRow, ordersIn, unfinishedTasks } from './orders-book.ts';
import { silenceVerdict, staleReason, taskOf } from './orders-decide.ts';

const EVERY_MS = 15_000;
const BATCH = 500;
const FORGET_EVERY = 240;
const KEEP_MS = 7 * 24 * 3_600_000;
/** A task of the life cycle ends within a day. */
const TELL_AGAIN_MS = 26 * 3_600_000;

export interface Care {
  start(): void;
  stop(): Promise<void>;
}

export function createCare(deps: OrderDeps): Care {
  const { store, clock, log } = deps;
  const stopping = new AbortController();
  const startedAt = clock.now();
  let running: Promise<void> | undefined;
  let isTold = false;

  async function silent(): Promise<void> {
    for (const order of await ordersIn(store.db, 'given', BATCH)) {
      // Nobody could be heard before we listened.
      const heardAt = Math.max(order.heardAt ?? 0, startedAt);
      const end = silenceVerdict(order, Math.min(clock.now() - heardAt, sinceBeat(order)));
      if (end !== undefined) await deps.end(order, end);
    }
  }

  /** Also those beats count that are not written down. */
  function sinceBeat({ nodeUuid }: OrderRow): number {
    const at = deps.heardAt.get(nodeUuid);
    return at === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - at;
  }

  async function unwanted(): Promise<void> {
    const waiting = await ordersIn(store.db, 'waiting', BATCH);
    const wanted = await unfinishedTasks(
      store.db,
      waiting.flatMap(({ key }) => taskOf(key) ?? []),
    );
    for (const order of waiting) {
      const task = taskOf(order.key);
      const reason = staleReason(order, clock.now(), task === null ? null : wanted.has(task));
      if (reason !== undefined) await deps.end(order, { state: 'cancelled', message: reason });
    }
  }

  /** Once, at the start: between the end of an order and the word of it we may have been killed. */
  async function tellAgain(): Promise<void> {
    const rows = await store.db
      .selectFrom('agent_orders')
      .select(['node_uuid', 'key', 'state', 'message'])
      .where('state', 'in', ['done', 'failed'])
      .where('finished_at', '>', clock.now() - TELL_AGAIN_MS)
      .orderBy('finished_at')
      .execute();
    const ids = [...new Set(rows.flatMap(({ key }) => taskOf(key) ?? []))];
    const waiting = new Set<string>();
    for (let at = 0; at < ids.length; at += BATCH)
      for (const id of await unfinishedTasks(store.db, ids.slice(at, at + BATCH))) waiting.add(id);
    for (const { node_uuid: uuid, key, state, message } of rows) {
      if (waiting.has(taskOf(key) ?? '')) await deps.listener().ended(uuid, { key, status: state === 'done' ? 'end' : 'error', message });
    }
  }

  /** Whoever was to be told could not listen: the store was busy. One that is being told just now hears it twice, which changes nothing. */
  async function tellUntold(): Promise<void> {
    for (const [id, { nodeUuid, word }] of deps.untold) {
      await deps.listener().ended(nodeUuid, word);
      deps.untold.delete(id);
    }
  }

  async function run(): Promise<void> {
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      try {
        if (!isTold) await tellAgain();
        isTold = true;
        await tellUntold();
        await silent();
        await unwanted();
        if (round % FORGET_EVERY === 0) await store.transaction((tx) => forgetEnded(tx, clock.now() - KEEP_MS));
      } catch (error) {
        // The store may be back at the next look.
        if (!stopping.signal.aborted) log.error({ error: messageOf(error) }, 'could not look after the orders to agents');
      }
      await clock.sleep(EVERY_MS, stopping.signal).catch(() => undefined); // told to stop: the loop's condition sees it
    }
  }

  return {
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
