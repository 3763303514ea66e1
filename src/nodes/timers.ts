// Ends what nobody ends: fires the timeouts of the state table, and fails what nobody works on any more. Both are ordinary moves, so
// with several appliances on one store the one that comes first makes it and the others see a changed node.

import { type Clock, type Component, createVigil, type Log, messageOf, RackseedError, type Vigil } from '../lib/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type DueTimeout, dueTimeouts, onResumeOf } from './machine.ts';
import type { Node } from './model.ts';
import type { Nodes } from './nodes.ts';
import { type ProvisionEvent, STATE_NAMES, type Who } from './states.ts';

export interface StateTimersOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get' | 'move'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Which of these nodes have a task that has not ended, on any appliance. */
  readonly atWork: (nodeUuids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** In the transaction that times a node out, before its move: whoever works on it, or waits for it, shall end. */
  readonly onTimeout?: (tx: Tx, node: Node) => Promise<void>;
  /** How often the clock is looked at: the precision of timeouts. */
  readonly intervalMs?: number;
  /** Nodes per query. */
  readonly batch?: number;
}

const INTERVAL_MS = 15_000;
/** What is due beyond it waits for the next look; what resumes is read page by page. */
const BATCH = 200;
const RESUMING = STATE_NAMES.filter((state) => onResumeOf(state) === 'resume');

export interface StateTimers extends Component {
  /** One look at the clock: returns how many nodes were timed out. */
  tick(): Promise<number>;
}

export function createStateTimers(options: StateTimersOptions): StateTimers {
  const stopping = new AbortController();
  const vigil = createVigil(options.clock);
  let running: Promise<void> | undefined;
  return {
    name: 'state-timers',
    start: async (signal) => {
      await applyResumeRules(options, signal);
      running = runTimers(options, vigil, stopping.signal);
    },
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await running;
    },
    tick: () => fireTimeouts(options, vigil),
  };
}

async function runTimers(options: StateTimersOptions, vigil: Vigil, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await fireTimeouts(options, vigil);
      await applyResumeRules(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      // The store may be back at the next look; a timer that died would leave nodes waiting for ever.
      options.log.error({ err: error }, `looking for nodes that timed out failed: ${messageOf(error)}`);
    }
    try {
      await vigil.sleep(options.intervalMs ?? INTERVAL_MS, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** Nobody could be heard while we did not listen: after a start, a stop or a set clock each node has its whole time anew. */
async function fireTimeouts(options: StateTimersOptions, vigil: Vigil): Promise<number> {
  let fired = 0;
  const since = vigil.since();
  for (const due of dueTimeouts(options.clock.now()).filter(({ before }) => before >= since)) {
    for (const uuid of await silentNodes(options, due)) {
      const seconds = due.seconds;
      const reason = `nothing was heard for ${readableSeconds(seconds)} while ${due.state}`;
      const { onTimeout } = options;
      const push = { event: due.event, who: 'timer', reason, ...(onTimeout === undefined ? {} : { before: onTimeout }) } as const;
      if (await tryMove(options, uuid, (node) => isDue(node, due), push)) fired += 1;
    }
  }
  return fired;
}

// Like Ironic, a node in maintenance is left alone: somebody is working on it.
async function silentNodes({ store, batch }: StateTimersOptions, due: DueTimeout): Promise<string[]> {
  const rows = await store.db
    .selectFrom('nodes')
    .select('uuid')
    .where('provision_state', '=', due.state)
    .where('maintenance', '=', 0)
    .where('provision_updated_at', '<=', due.before)
    .orderBy('provision_updated_at')
    .limit(batch ?? BATCH)
    .execute();
  return rows.map((row) => row.uuid);
}

function isDue(node: Node, due: DueTimeout): boolean {
  return node.provisionState === due.state && !node.maintenance && (node.provisionUpdatedAt ?? 0) <= due.before;
}

/**
 * Fails only what nobody will go on with: at a start what was cut off, and later what a task left that ended without its own doing
 * (cancelled, or given up by the engine). Everything else resumes or waits on.
 */
async function applyResumeRules(options: StateTimersOptions, signal: AbortSignal): Promise<void> {
  let after = '';
  for (;;) {
    signal.throwIfAborted();
    const page = await resumingNodes(options, after);
    const atWork = await options.atWork(page.map((node) => node.uuid));
    for (const { uuid, state, version } of page.filter((node) => !atWork.has(node.uuid))) {
      const reason = `the work was cut off while ${state}, and no task is left to go on with it`;
      await tryMove(options, uuid, (node) => node.version === version, { event: 'fail', who: 'system', reason });
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.uuid;
  }
}

async function resumingNodes(
  { store, batch }: StateTimersOptions,
  after: string,
): Promise<{ uuid: string; state: string; version: number }[]> {
  return store.db
    .selectFrom('nodes')
    .select(['uuid', 'provision_state as state', 'version'])
    .where('provision_state', 'in', RESUMING)
    .where('uuid', '>', after)
    .orderBy('uuid')
    .limit(batch ?? BATCH)
    .execute();
}

interface Push {
  readonly event: ProvisionEvent;
  readonly who: Who;
  readonly reason: string;
  readonly before?: (tx: Tx, node: Node) => Promise<void>;
}

// Read again inside the transaction: between the look and the move the node may have been heard of or moved by others.
async function tryMove(options: StateTimersOptions, uuid: string, still: (node: Node) => boolean, push: Push): Promise<boolean> {
  try {
    return await options.store.transaction(async (tx: Tx) => {
      const node = await options.nodes.get(uuid, tx);
      if (!still(node)) return false;
      const { before, ...pull } = push;
      await before?.(tx, node);
      await options.nodes.move(tx, { node, ...pull, lastError: pull.reason });
      return true;
    });
  } catch (error) {
    if (!(error instanceof RackseedError)) throw error;
    options.log.warn({ node: uuid, code: error.code }, `${push.event} by ${push.who} was not made: ${error.message}`);
    return false;
  }
}

function readableSeconds(seconds: number): string {
  const hours = seconds / 3600;
  if (hours >= 1) return `${hours} h`;
  return `${seconds / 60} minutes`;
}
