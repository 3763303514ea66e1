// Finds a node for an allocation and takes it, in one transaction with the allocation itself. Whoever loses a race tries the next node.

import { type Clock, type Log, RackseedError, type Random } from '../lib/index.ts';
import type { By, Node, Nodes, Reader } from '../nodes/index.ts';
import type { Asked, Store, Tx } from '../store/index.ts';
import { type Candidate, fits, hasTraits, inOrder, noneAvailable, noneWithTraits } from './fit-decide.ts';
import type { Allocation } from './model.ts';

/** Who works on which of these nodes now. */
export type Holders = (uuids: readonly string[], on?: Asked) => Promise<ReadonlyMap<string, string>>;

export interface MatchDeps {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get' | 'find' | 'update'>;
  readonly holders: Holders;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** busy: every node that would do is being worked on. none: in words why there is no node. */
export type Match = { readonly outcome: 'taken' | 'gone' | 'busy' } | { readonly outcome: 'none'; readonly reason: string };

export const BY_ALLOCATION: By = { who: 'system', actor: 'allocation' };
/** Nodes per question for who holds them. */
const CHUNK = 200;
/** Somebody else was faster, or the node was changed: the next one may do. */
const LOST: readonly string[] = ['nodes.changed_meanwhile', 'nodes.has_instance', 'nodes.not_found'];

export async function matchOne(deps: MatchDeps, allocation: Allocation): Promise<Match> {
  const { store, random } = deps;
  const available = await candidates(store.db, allocation);
  if (available.length === 0) return { outcome: 'none', reason: noneAvailable(allocation) };
  const suitable = available.filter((one) => hasTraits(one, allocation.traits));
  if (suitable.length === 0) return { outcome: 'none', reason: noneWithTraits(allocation) };
  const ordered = inOrder(suitable, allocation, () => random.float());
  let busy = 0;
  for (let from = 0; from < ordered.length; from += CHUNK) {
    const some = ordered.slice(from, from + CHUNK);
    const held = await deps.holders(some.map(({ uuid }) => uuid));
    for (const { uuid } of some) {
      const outcome = held.has(uuid) ? 'busy' : await take(deps, allocation, uuid);
      if (outcome === 'taken' || outcome === 'gone') return { outcome };
      if (outcome === 'busy') busy += 1;
    }
  }
  return busy > 0 ? { outcome: 'busy' } : { outcome: 'none', reason: 'all nodes were filtered out during reservation' };
}

/** Few columns of what may be thousands of nodes. Unlike Ironic's, a machine whose power nobody can read is as good as another. */
async function candidates(db: Reader, { resourceClass, candidateNodes, owner }: Allocation): Promise<Candidate[]> {
  let nodes = db
    .selectFrom('nodes')
    .select(['uuid', 'name', 'traits'])
    .where('resource_class', '=', resourceClass)
    .where('provision_state', '=', 'available')
    .where('instance_uuid', 'is', null)
    .where('maintenance', '=', 0)
    .where('retired', '=', 0)
    .where('ignored', '=', 0)
    .where('observe_only', '=', 0);
  if (candidateNodes.length > 0) nodes = nodes.where('uuid', 'in', candidateNodes);
  if (owner !== null) nodes = nodes.where((where) => where.or([where('owner', '=', owner), where('lessee', '=', owner)]));
  const rows = await nodes.orderBy('created_at').orderBy('uuid').execute();
  return rows.map(({ uuid, name, traits }) => ({ uuid, name, traits: wordsOf(traits) }));
}

function wordsOf(text: string): readonly string[] {
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.map(String) : [];
}

async function take(deps: MatchDeps, allocation: Allocation, uuid: string): Promise<'taken' | 'gone' | 'busy' | 'lost'> {
  try {
    return await deps.store.transaction(async (tx) => {
      const node = await deps.nodes.find(uuid, tx);
      if (node === undefined || !fits(node, allocation)) return 'lost';
      if ((await deps.holders([uuid], tx)).has(uuid)) return 'busy';
      if (!(await claim(tx, allocation, uuid, deps.clock.now()))) return 'gone';
      await occupy(deps, tx, node, allocation);
      await tell(deps, tx, allocation, node);
      return 'taken';
    });
  } catch (error) {
    if (error instanceof RackseedError && LOST.includes(error.code)) return 'lost';
    throw error;
  }
}

/** Only one of several appliances gets it from `allocating` to `active`; false when it was removed, or another one was faster. */
async function claim(tx: Tx, { uuid, createdAt }: Allocation, nodeUuid: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('allocations')
    .set({ state: 'active', node_uuid: nodeUuid, last_error: null, updated_at: Math.max(now, createdAt + 1) })
    .where('uuid', '=', uuid)
    .where('state', '=', 'allocating')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The node carries the allocation's instance from here on. Also for an active node that gets its allocation afterwards. */
export async function occupy(deps: Pick<MatchDeps, 'nodes'>, tx: Tx, node: Node, { uuid, traits }: Allocation): Promise<Node> {
  const instanceInfo = { ...node.instanceInfo, traits };
  return deps.nodes.update(tx, node, { instanceUuid: uuid, allocationUuid: uuid, instanceInfo }, BY_ALLOCATION);
}

async function tell({ store }: Pick<MatchDeps, 'store'>, tx: Tx, { uuid, name }: Allocation, node: Node): Promise<void> {
  const message = `allocation ${name ?? uuid} got the node ${node.name ?? node.uuid}`;
  await store.events.append(tx, { type: 'allocation.active', nodeUuid: node.uuid, message, data: { allocation: uuid } });
}
