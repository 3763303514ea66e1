// What tests of machines have at hand. Types, and the kind that a machine is of.

import type { Clock, Random } from '../lib/index.ts';
import type { Lifecycle } from '../lifecycle/index.ts';
import type { Node, Nodes } from '../nodes/index.ts';
import type { AgentDesk, Registry, Sightings } from '../power/index.ts';
import type { Store } from '../store/index.ts';
import type { TaskEngine } from '../tasks/index.ts';
import { fail } from './errors.ts';

export interface CheckDeps {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly tasks: Pick<TaskEngine, 'submit'>;
  readonly desk: AgentDesk;
  readonly lifecycle: Pick<Lifecycle, 'setPower'>;
  readonly registry: Pick<Registry, 'driverOf'>;
  readonly sightings: Pick<Sightings, 'wasSeen'>;
  readonly clock: Clock;
  readonly random: Random;
}

export async function nodeOf({ nodes }: Pick<CheckDeps, 'nodes'>, uuid: string | null): Promise<Node> {
  const node = await nodes.find(uuid ?? '');
  if (node !== undefined) return node;
  throw fail('checks.failed', { message: `the node ${uuid ?? ''} was removed while it was tested`, hint: 'Nothing is left to do.' });
}

/** Its resource class; without one, maker and product. Null: it is like no other. */
export async function classOf({ nodes }: Pick<CheckDeps, 'nodes'>, node: Pick<Node, 'uuid' | 'resourceClass'>): Promise<string | null> {
  if (node.resourceClass !== null) return `class ${node.resourceClass}`;
  const vendor = (await nodes.inventory(node.uuid))?.inventory.system_vendor;
  if (typeof vendor !== 'object' || vendor === null) return null;
  const [manufacturer, product] = ['manufacturer', 'product_name'].map((key) => Reflect.get(vendor, key) as unknown);
  return typeof product === 'string' ? `${typeof manufacturer === 'string' ? manufacturer : ''} ${product}` : null;
}
