// Allocations as the API uses them, and the worker that finds nodes for those that wait. What waits is in the store: a restart, or
// another appliance on the same store, goes on with it.

import { type Clock, type Component, type Log, messageOf, RackseedError, type Random } from '../lib/index.ts';
import { createKeeper, type Keeper, type Node, type Nodes, type Reader, type RecordQuery } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { backfillFaults, keepsAllocation } from './fit-decide.ts';
import { BY_ALLOCATION, type Holders, type MatchDeps, matchOne, occupy } from './match.ts';
import { ALLOCATION, type Allocation } from './model.ts';

export interface AllocationRequest {
  readonly uuid: string | null;
  readonly name: string | null;
  readonly resourceClass: string | null;
  /** UUIDs. */
  readonly candidateNodes: readonly string[];
  readonly traits: readonly string[];
  readonly owner: string | null;
  readonly extra: Allocation['extra'];
}

export interface Allocations extends Component {
  /** By UUID or name. */
  find(ref: string, on?: Reader): Promise<Allocation | undefined>;
  list(query: RecordQuery<Allocation>, on?: Reader): Promise<Allocation[]>;
  ofNode(nodeUuid: string, on?: Reader): Promise<Allocation | undefined>;
  /** In `allocating`; the search for a node begins with the commit. */
  create(tx: Tx, request: AllocationRequest): Promise<Allocation>;
  /** Active at once, for an active node that nothing was allocated for. */
  backfill(tx: Tx, request: AllocationRequest, node: Node): Promise<Allocation>;
  update(tx: Tx, before: Allocation, changes: Partial<Pick<Allocation, 'name' | 'extra'>>): Promise<Allocation>;
  /** The node goes back to who wants it. Refused while something is on the node. */
  remove(tx: Tx, allocation: Allocation): Promise<void>;
  /** One look at all that wait: how many still do, for a node that is being worked on. */
  match(): Promise<number>;
}

export interface AllocationsOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly holders: Holders;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long an allocation waits for nodes that are being worked on. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 60_000;
const RETRY_MS = 1000;
/** For what was left over by an appliance that died between. */
const SWEEP_MS = 30_000;
/** For the commit of one that was asked for; after that its request must have failed. */
const COMMIT_MS = 60_000;

interface Deps extends MatchDeps {
  readonly keeper: Keeper<Allocation>;
  readonly patienceMs: number;
  /** Since when an allocation has found only nodes that are being worked on. */
  readonly busySince: Map<string, number>;
  /** Asked for here, and not seen in the store yet: since when. */
  readonly asked: Map<string, number>;
}

export function createAllocations(options: AllocationsOptions): Allocations {
  const { store, clock, random } = options;
  const keeper = createKeeper(ALLOCATION, { db: store.db, clock, random, events: store.events });
  const deps: Deps = { ...options, keeper, patienceMs: options.patienceMs ?? PATIENCE_MS, busySince: new Map(), asked: new Map() };
  const worker = createWorker(deps);
  return {
    ...worker,
    name: 'allocations',
    find: (ref, on) => keeper.find(ref, on),
    list: (query, on) => keeper.list(query, on),
    ofNode: async (nodeUuid, on) => (await keeper.list({ where: { nodeUuid }, limit: 1 }, on))[0],
    create: async (tx, { uuid, ...request }) => {
      const made = await keeper.create(tx, { ...request, state: 'allocating', nodeUuid: null, lastError: null }, uuid ?? undefined);
      deps.asked.set(made.uuid, clock.now());
      await tell(deps, tx, 'allocation.requested', made, `allocation ${titleOf(made)} was asked for`);
      return made;
    },
    backfill: (tx, request, node) => backfill(deps, tx, request, node),
    update: (tx, before, changes) => keeper.update(tx, before, changes),
    remove: (tx, allocation) => remove(deps, tx, allocation),
    match: () => matchAll(deps),
  };
}

/** Woken by the event that goes with each new allocation. What another appliance was asked for, that one looks after. */
function createWorker(deps: Deps): Pick<Allocations, 'start' | 'stop'> {
  const stopping = new AbortController();
  let wake: AbortController | undefined;
  let hasNews = false;
  let running: Promise<void> | undefined;
  let unsubscribe: (() => void) | undefined;

  async function rest(ms: number): Promise<void> {
    if (hasNews || stopping.signal.aborted) return;
    wake = new AbortController();
    try {
      await deps.clock.sleep(ms, wake.signal);
    } catch (error) {
      if (!wake.signal.aborted) throw error;
    } finally {
      wake = undefined;
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      hasNews = false;
      let pause = SWEEP_MS;
      try {
        if ((await matchAll(deps, stopping.signal)) > 0) pause = RETRY_MS;
      } catch (error) {
        deps.log.error({ err: error }, `looking for nodes for allocations failed: ${messageOf(error)}`); // the next look tries again
        pause = RETRY_MS;
      }
      await rest(pause);
    }
  }

  return {
    start: async () => {
      unsubscribe = deps.store.events.subscribe(() => {
        if (deps.asked.size === 0) return;
        hasNews = true;
        wake?.abort();
      });
      running = run();
    },
    stop: async () => {
      unsubscribe?.();
      stopping.abort();
      wake?.abort();
      await running;
    },
  };
}

async function matchAll(deps: Deps, signal?: AbortSignal): Promise<number> {
  const { asked, busySince } = deps;
  const overdue = deps.clock.now() - COMMIT_MS;
  for (const [uuid, since] of asked) if (since < overdue) asked.delete(uuid);
  const all = deps.store.db.selectFrom('allocations').select('uuid').where('state', '=', 'allocating');
  const rows = await all.orderBy('created_at').orderBy('uuid').execute();
  const waiting = new Set<string>();
  for (const { uuid } of rows) {
    if (signal?.aborted === true) break;
    asked.delete(uuid);
    const allocation = await deps.keeper.find(uuid);
    if (allocation?.state === 'allocating' && !(await settle(deps, allocation))) waiting.add(uuid);
  }
  for (const uuid of busySince.keys()) if (!waiting.has(uuid)) busySince.delete(uuid);
  return waiting.size;
}

/** False: it must wait. */
async function settle(deps: Deps, allocation: Allocation): Promise<boolean> {
  try {
    const match = await matchOne(deps, allocation);
    if (match.outcome === 'none') await failed(deps, allocation, `Failed to process allocation ${allocation.uuid}: ${match.reason}.`);
    if (match.outcome !== 'busy') return true;
  } catch (error) {
    if (error instanceof RackseedError && error.retryable) return false;
    deps.log.error({ err: error, allocation: allocation.uuid }, `an allocation could not be matched: ${messageOf(error)}`);
    await failed(deps, allocation, `Unexpected exception during allocation: ${messageOf(error)}`);
    return true;
  }
  const since = deps.busySince.get(allocation.uuid) ?? deps.clock.now();
  deps.busySince.set(allocation.uuid, since);
  if (deps.clock.now() - since < deps.patienceMs) return false;
  const reason = 'could not reserve any of the suitable nodes: something works on each of them';
  await failed(deps, allocation, `Failed to process allocation ${allocation.uuid}: ${reason}.`);
  return true;
}

async function failed(deps: Deps, allocation: Allocation, reason: string): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const now = await deps.keeper.find(allocation.uuid, tx);
    if (now?.state !== 'allocating') return;
    await deps.keeper.update(tx, now, { state: 'error', lastError: reason });
    await tell(deps, tx, 'allocation.failed', now, reason);
  });
}

async function backfill(deps: Deps, tx: Tx, { uuid, ...request }: AllocationRequest, node: Node): Promise<Allocation> {
  const wanted = uuid ?? node.instanceUuid ?? deps.random.uuid();
  await refuseHeld(deps, tx, node);
  const made = await deps.keeper.create(tx, { ...request, state: 'active', nodeUuid: node.uuid, lastError: null }, wanted);
  const faults = backfillFaults(node, made);
  if (faults.length > 0) {
    throw fail('reservations.does_not_fit', {
      message: `Failed to process allocation ${made.uuid}: Cannot backfill an allocation for node ${node.uuid}: ${faults.join('; ')}.`,
      detail: { node: node.uuid },
    });
  }
  if (node.instanceUuid !== null && node.instanceUuid !== made.uuid) {
    throw fail('reservations.node_taken', {
      message: `Node ${node.uuid} is associated with instance ${node.instanceUuid}.`,
      hint: 'Leave the UUID of the allocation out: it becomes that of the instance.',
      detail: { node: node.uuid, instance: node.instanceUuid },
    });
  }
  await occupy(deps, tx, node, made);
  await tell(deps, tx, 'allocation.active', made, `allocation ${titleOf(made)} stands for the node ${node.name ?? node.uuid}`);
  return made;
}

async function remove(deps: Deps, tx: Tx, allocation: Allocation): Promise<void> {
  const node = allocation.nodeUuid === null ? undefined : await deps.nodes.find(allocation.nodeUuid, tx);
  if (node !== undefined && node.allocationUuid === allocation.uuid) {
    await refuseHeld(deps, tx, node);
    const refusal = keepsAllocation(node, allocation);
    if (refusal !== undefined) {
      throw fail('reservations.wrong_state', {
        message: refusal,
        hint: 'Tear the node down first; that removes its allocation too.',
        detail: { node: node.uuid, state: node.provisionState },
      });
    }
    const { traits: _of, ...instanceInfo } = node.instanceInfo;
    // Takes the allocation of the instance along.
    await deps.nodes.update(tx, node, { instanceUuid: null, instanceInfo }, BY_ALLOCATION);
  }
  const left = await deps.keeper.find(allocation.uuid, tx);
  if (left !== undefined) await deps.keeper.remove(tx, left);
  await tell(deps, tx, 'allocation.removed', allocation, `allocation ${titleOf(allocation)} was removed`);
}

async function refuseHeld({ holders }: Deps, tx: Tx, { uuid }: Node): Promise<void> {
  const holder = (await holders([uuid], tx)).get(uuid);
  if (holder === undefined) return;
  throw fail('reservations.node_locked', {
    message: `Node ${uuid} is locked by host ${holder}, please retry after the current operation is completed.`,
    detail: { node: uuid, holder },
  });
}

async function tell({ store }: Deps, tx: Tx, type: string, { uuid, nodeUuid, state }: Allocation, message: string): Promise<void> {
  const severity = type === 'allocation.failed' ? 'warning' : 'info';
  await store.events.append(tx, { type, severity, message, data: { allocation: uuid, state }, ...(nodeUuid === null ? {} : { nodeUuid }) });
}

function titleOf({ name, uuid }: Allocation): string {
  return name ?? uuid;
}
