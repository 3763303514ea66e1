// A store with nodes in it, and the ways tests put a node where they want it.

import { type Mac, parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { BLANK, columnsOf } from '../../../src/nodes/columns.ts';
import { createNodes, type Node, type NodeInput, type Nodes, type ProvisionState, parseNodeUuid } from '../../../src/nodes/index.ts';
import { firstStateColumns } from '../../../src/nodes/move.ts';
import type { NodeTable, Store } from '../../../src/store/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

export const ALICE = { who: 'user', actor: 'alice' } as const;

export interface World {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: FakeClock;
  enrol(input?: Partial<NodeInput>): Promise<Node>;
  /** Puts the node there around move(), as only a test may. */
  put(node: Node, state: ProvisionState, target?: ProvisionState | null): Promise<Node>;
  /** How many rows the tables that a move writes have. */
  rows(): Promise<{ events: number; history: number; outbox: number }>;
}

export async function openWorld(): Promise<World> {
  const clock = createFakeClock();
  const store = await openTestStore({ clock });
  return worldOf(store, clock);
}

export function worldOf(store: Store, clock: FakeClock): World {
  const nodes = createNodes({ store, clock, random: systemRandom, log: silentLog });
  const count = async (table: 'events' | 'node_history' | 'outbox'): Promise<number> => {
    const row = await store.db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return Number(row.count);
  };
  return {
    store,
    nodes,
    clock,
    enrol: (input = {}) => store.transaction((tx) => nodes.create(tx, { driver: 'manual', ...input }, ALICE)),
    put: async (node, state, target = null) => {
      const columns = { provision_state: state, target_provision_state: target, provision_updated_at: clock.now() };
      await store.db.updateTable('nodes').set(columns).where('uuid', '=', node.uuid).execute();
      return nodes.get(node.uuid);
    },
    rows: async () => ({ events: await count('events'), history: await count('node_history'), outbox: await count('outbox') }),
  };
}

export function mac(text: string): Mac {
  const parsed = parseMac(text);
  if (parsed === undefined) throw new TypeError(`${text} is no MAC`);
  return parsed;
}

/** The error a promise or function ends with; fails the test when it ends well. */
export async function errorOf(work: () => unknown): Promise<{ code?: string; message: string; hint?: string; retryable?: boolean }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('this should have been refused');
}

/** A node as it is stored, without a store. */
export function nodeRow(): NodeTable {
  const uuid = parseNodeUuid('11111111-2222-4333-8444-555555555555');
  if (uuid === undefined) throw new TypeError('this is a UUID');
  const noSecrets = { seal: unwanted, open: unwanted };
  const times = { inspection_started_at: null, inspection_finished_at: null, created_at: 1, updated_at: 1 };
  return {
    uuid,
    ...columnsOf(uuid, { ...BLANK, name: 'pve1', driver: 'manual' }, noSecrets),
    ...firstStateColumns(),
    ...times,
    version: 1,
  };
}

function unwanted(): never {
  throw new Error('there is no secret in this node');
}
