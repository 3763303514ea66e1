// What goes on by itself around enrolment: tasks learn that their nodes have moved, what stopped is written down, machines that waited too long
// are sent to their own disks, and reports that nobody looked at are. All from the store, so that a restart goes on with it.

import { DISCOVERED_DRIVER } from '../inspect/index.ts';
import { type Clock, type Component, type Log, messageOf, RackseedError } from '../lib/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { StoredError } from '../tasks/index.ts';
import { type EnrolDeps, KEEP_AGENT } from './parts.ts';
import { tell } from './review.ts';
import { MOVED } from './task.ts';

export interface WatchOptions {
  readonly deps: EnrolDeps;
  readonly review: (uuid: string) => Promise<void>;
  readonly sweepMs?: number;
}

const SWEEP_MS = 5000;
/** Events come in bursts: looked at together. */
const GATHER_MS = 200;
const MINUTE_MS = 60_000;
const BATCH = 500;

export interface Watch extends Component {
  /** One look at everything, for tests. */
  tick(): Promise<void>;
}

export function createWatch(options: WatchOptions): Watch {
  const { deps } = options;
  const stopping = new AbortController();
  const states = new Map<string, string>();
  const latch = createWake(deps.clock);
  let running: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => undefined;

  async function tick(): Promise<void> {
    await settle(deps);
    await wakeMoved(deps, states);
    await reviewMissed(deps, options.review);
    await sendAway(deps);
  }

  async function run(): Promise<void> {
    let sweptAt = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      const isDue = deps.clock.monotonic() - sweptAt >= (options.sweepMs ?? SWEEP_MS);
      if (isDue) sweptAt = deps.clock.monotonic();
      await guarded(deps.log, async () => {
        if (isDue) return tick();
        await settle(deps);
        await wakeMoved(deps, states);
      });
      await latch.wait(options.sweepMs ?? SWEEP_MS, stopping.signal);
      await pause(deps.clock, GATHER_MS, stopping.signal);
    }
  }

  return {
    name: 'enrolment',
    tick,
    start: () => {
      unsubscribe = deps.store.events.subscribe(() => latch.set());
      running = run();
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      unsubscribe();
      latch.set();
      await running;
    },
  };
}

/** A task ends once its node has; what it says is the reason for people. */
async function settle(deps: EnrolDeps): Promise<void> {
  const rows = await deps.store.db
    .selectFrom('enrolments')
    .innerJoin('tasks', 'tasks.id', 'enrolments.task_id')
    .select(['enrolments.node_uuid', 'tasks.id', 'tasks.state', 'tasks.error'])
    .where('enrolments.state', '=', 'approved')
    .where('tasks.state', 'in', ['failed', 'cancelled'])
    .limit(BATCH)
    .execute();
  for (const row of rows) {
    await deps.store.transaction(async (tx) => {
      const [node, now] = [await deps.nodes.find(row.node_uuid, tx), await deps.book.get(row.node_uuid, tx)];
      if (node === undefined || now?.state !== 'approved' || now.taskId !== row.id) return;
      const reason = errorWords(row.error);
      await deps.book.write(tx, row.node_uuid, { state: 'failed', reason });
      const { [KEEP_AGENT]: _, ...driverInternalInfo } = node.driverInternalInfo;
      await deps.nodes.update(tx, node, { driverInternalInfo }, { who: 'system', actor: 'enrolment' });
      await tell(deps, tx, node, { type: 'enrol.failed', severity: 'error', message: `taking ${nodeTitle(node)} in stopped: ${reason}` });
    });
  }
}

function errorWords(stored: string | null): string {
  if (stored === null) return 'it ended without a word';
  const { message, hint } = JSON.parse(stored) as StoredError; // written by the engine
  return hint === null ? message : `${message}. ${hint}`;
}

/** Those that this process has not seen in their state yet are woken too: once after a start. */
async function wakeMoved(deps: EnrolDeps, states: Map<string, string>): Promise<void> {
  const rows = await deps.store.db
    .selectFrom('enrolments')
    .innerJoin('nodes', 'nodes.uuid', 'enrolments.node_uuid')
    .select(['enrolments.task_id', 'nodes.provision_state'])
    .where('enrolments.state', '=', 'approved')
    .execute();
  const present = new Set<string>();
  for (const { task_id: task, provision_state: state } of rows) {
    if (task === null) continue;
    present.add(task);
    if (states.get(task) === state) continue;
    await deps.store.transaction((tx) => deps.tasks.wake(tx, task, MOVED, state));
    states.set(task, state);
  }
  for (const task of states.keys()) if (!present.has(task)) states.delete(task);
}

/** Reports of other agents than ours, and those from before there were rules to look at them by. */
async function reviewMissed(deps: EnrolDeps, review: WatchOptions['review']): Promise<void> {
  const rows = await deps.store.db
    .selectFrom('nodes')
    .innerJoin('inventories', 'inventories.node_uuid', 'nodes.uuid')
    .leftJoin('enrolments', 'enrolments.node_uuid', 'nodes.uuid')
    .select('nodes.uuid')
    .where('nodes.provision_state', '=', 'enroll')
    .where('nodes.driver', '=', DISCOVERED_DRIVER)
    .where((eb) => eb.or([eb('enrolments.node_uuid', 'is', null), eb('enrolments.updated_at', '<', eb.ref('inventories.received_at'))]))
    .limit(BATCH)
    .execute();
  for (const { uuid } of rows) await guarded(deps.log, () => review(uuid));
}

/** Nobody said yes in time, or somebody said no, and the agent still runs: the next boot goes to its own disk. */
async function sendAway(deps: EnrolDeps): Promise<void> {
  const { since } = await deps.window.get();
  const rows = await deps.store.db
    .selectFrom('enrolments')
    .innerJoin('nodes', 'nodes.uuid', 'enrolments.node_uuid')
    .select(['nodes.uuid', 'nodes.created_at', 'enrolments.state', 'enrolments.updated_at'])
    .where('enrolments.state', 'in', ['proposed', 'rejected'])
    .where('nodes.provision_state', '=', 'enroll')
    .execute();
  const waitMs = deps.config.enrol.wait_minutes * MINUTE_MS;
  for (const row of rows) {
    const begun = Math.max(Number(row.created_at), since ?? 0);
    const isOver = row.state === 'rejected' || deps.clock.now() - begun >= waitMs;
    if (!isOver || !deps.desk.isBeating(row.uuid)) continue;
    await guarded(deps.log, () => sendOne(deps, row.uuid, row.state === 'rejected' ? `no:${row.updated_at}` : `wait:${begun}`));
  }
}

async function sendOne(deps: EnrolDeps, uuid: string, why: string): Promise<void> {
  const key = `enrol:${why}`;
  if (!(await wasTold(deps, uuid, key))) await saySentAway(deps, uuid, key);
  // The same key again places nothing: it is told once for each time that it waited.
  await deps.desk.place(uuid, { key, name: 'reboot', args: {} });
}

async function saySentAway(deps: EnrolDeps, uuid: string, key: string): Promise<void> {
  const { wait_minutes: minutes } = deps.config.enrol;
  await deps.store.transaction(async (tx) => {
    const [node, row] = [await deps.nodes.find(uuid, tx), await deps.book.get(uuid, tx)];
    if (node === undefined) return;
    const said =
      row?.state === 'rejected'
        ? 'it was rejected'
        : `nobody said yes to it within ${minutes} minutes; approve it and boot it again, or open enrolment again`;
    await tell(deps, tx, node, {
      type: 'enrol.sent_away',
      message: `${nodeTitle(node)} is told to start its own disk: ${said}`,
      data: { key },
    });
    if (row?.state === 'proposed') await deps.book.write(tx, uuid, { reason: `it was told to start its own disk: ${said}` });
  });
}

async function wasTold({ store }: Pick<EnrolDeps, 'store'>, uuid: string, key: string): Promise<boolean> {
  const rows = store.db.selectFrom('events').select('data').where('node_uuid', '=', uuid).where('type', '=', 'enrol.sent_away');
  return (await rows.orderBy('seq', 'desc').limit(10).execute()).some(({ data }) => data.includes(JSON.stringify(key)));
}

async function guarded(log: Log, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // The next look tries again; one machine's trouble is not the others'.
    const fields = error instanceof RackseedError ? { code: error.code } : { err: error };
    log.warn(fields, `enrolment could not be looked after: ${messageOf(error)}`);
  }
}

interface Wake {
  set(): void;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

function createWake(clock: Clock): Wake {
  let isSet = false;
  let waiting: AbortController | undefined;
  return {
    set: () => {
      isSet = true;
      waiting?.abort();
    },
    async wait(ms, signal) {
      if (!isSet && !signal.aborted) {
        waiting = new AbortController();
        await pause(clock, ms, AbortSignal.any([waiting.signal, signal]));
        waiting = undefined;
      }
      isSet = false;
    },
  };
}

/** Ends early, without an error, when the signal is aborted. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
