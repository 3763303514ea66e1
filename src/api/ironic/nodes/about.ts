// What replies say of nodes beyond their own row: who works on them, who is in charge, which driver an interface has by default.

import type { Interface, Node, NodeFields } from '../../../nodes/index.ts';
import type { ApiServices } from '../../services.ts';
import type { AboutNodes, View } from '../fields.ts';
import { bad } from '../query.ts';
import type { Shown } from '../view.ts';

type Known = Pick<ApiServices, 'lifecycle' | 'hardware' | 'conductorOf'>;

/** One question for a whole page, and only where it is shown. */
export async function viewOfNodes(known: Known, view: View, nodes: readonly Pick<Node, 'uuid'>[], fields: Shown<Node>): Promise<View> {
  const showsHolder = fields.some((field) => field.name === 'reservation') && nodes.length > 0;
  const holders = showsHolder ? await known.lifecycle?.holders(nodes.map((node) => node.uuid)) : undefined;
  return {
    ...view,
    aboutNodes: { holders: holders ?? new Map(), conductorOf: (node) => known.conductorOf?.(node) ?? null, interfaceOf: interfaces(known) },
  };
}

function interfaces({ hardware }: Known): AboutNodes['interfaceOf'] {
  return (node: Node, which: Interface) =>
    node.interfaces[which] ?? hardware?.hardwareTypes.find((type) => type.name === node.driver)?.supports[which][0] ?? null;
}

/** A node's driver must be one there is, and each chosen interface one that it has. */
export function checkHardware({ hardware }: Known, { driver, interfaces: chosen }: Pick<NodeFields, 'driver' | 'interfaces'>): void {
  if (hardware === undefined) return;
  if (!hardware.hardwareTypes.some((type) => type.name === driver))
    throw bad(`No valid host was found. Reason: No conductor service registered which supports driver ${driver.slice(0, 255)}.`);
  for (const which of Object.keys(chosen)) hardware.driverOf({ driver, interfaces: chosen }, which as Interface); // the keys are interfaces
}
