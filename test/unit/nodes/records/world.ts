// A store with nodes and everything around them, and short ways to fill it.

import { systemRandom } from '../../../../src/lib/index.ts';
import { createRecords, type Node, type Portgroup, type Records } from '../../../../src/nodes/index.ts';
import type { Store, Tx } from '../../../../src/store/index.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';
import { openWorld, type World, worldOf } from '../world.ts';

export interface RecordWorld extends Omit<World, 'enrol' | 'put' | 'rows'> {
  readonly enrol: World['enrol'];
  readonly put: World['put'];
  readonly records: Records;
  /** One transaction. */
  readonly in: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly group: (node: Node, more?: Partial<Portgroup>) => Promise<Portgroup>;
  /** Types of the events so far. */
  readonly eventTypes: () => Promise<string[]>;
}

export async function openRecords(): Promise<RecordWorld> {
  return recordsOf(await openWorld());
}

export function recordsAt(store: Store, clock: FakeClock): RecordWorld {
  return recordsOf(worldOf(store, clock));
}

function recordsOf(world: World): RecordWorld {
  const { store, clock, nodes } = world;
  const records = createRecords({ store, clock, random: systemRandom, nodes });
  return {
    ...world,
    records,
    in: (work) => store.transaction(work),
    group: (node, more = {}) => store.transaction((tx) => records.portgroups.create(tx, { ...PLAIN_GROUP, nodeUuid: node.uuid, ...more })),
    eventTypes: async () => (await store.events.list({ after: 0, limit: 1000 })).map(({ type }) => type),
  };
}

export const PLAIN_GROUP = {
  name: null,
  address: null,
  mode: 'active-backup',
  properties: {},
  standalonePortsSupported: true,
  physicalNetwork: null,
  category: null,
  dynamicPortgroup: false,
  internalInfo: {},
  extra: {},
} as const;

export const STEP = { interface: 'bios', step: 'apply_configuration', args: { settings: [] } } as const;
export const RULE = {
  description: null,
  priority: 0,
  phase: 'main',
  sensitive: false,
  conditions: [],
  actions: [{ op: 'fail', args: { msg: 'no' } }],
} as const;
