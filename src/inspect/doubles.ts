// Merges nodes that turn out to be one machine, when a report shows the ports of several of them. What may not be merged stays unclear.

import type { Node, Nodes } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type Double, decideMerging, type Seen } from './doubles-decide.ts';
import type { Identified } from './identify.ts';

export interface DoublesOptions {
  readonly store: Pick<Store, 'events'>;
  readonly nodes: Pick<Nodes, 'remove' | 'ports'>;
}

const BY = { who: 'system', actor: 'discovery' } as const;

export async function mergeDoubles({ store, nodes }: DoublesOptions, tx: Tx, who: Identified, seen: Seen): Promise<Identified> {
  if (who.is !== 'unclear' || who.nodes.length < 2) return who;
  const merging = decideMerging(await doublesOf(nodes, tx, who.nodes), seen);
  if ('refusal' in merging) return { ...who, reason: `${who.reason}; they are not merged: ${merging.refusal}` };
  const { into, from } = merging;
  for (const node of from) await nodes.remove(tx, node, BY);
  const reason = `${from.map((node) => node.name ?? node.uuid).join(' and ')} turned out to be the same machine as ${into.name ?? into.uuid}`;
  await store.events.append(tx, {
    type: 'node.merged',
    nodeUuid: into.uuid,
    message: `${reason}: merged, as nobody had decided about either`,
    data: { removed: from.map(({ uuid }) => uuid) },
  });
  return { is: 'known', node: into, reason, maybe: [] };
}

async function doublesOf(nodes: Pick<Nodes, 'ports'>, tx: Tx, found: readonly Node[]): Promise<Double[]> {
  const once = [...new Map(found.map((node) => [node.uuid, node])).values()];
  const uuids = once.map(({ uuid }) => uuid);
  const rows = await tx.selectFrom('enrolments').select(['node_uuid', 'state']).where('node_uuid', 'in', uuids).execute();
  const settled = new Set(rows.filter(({ state }) => state !== 'proposed').map((row) => row.node_uuid));
  const doubles: Double[] = [];
  for (const node of once) {
    const macs = (await nodes.ports.list({ nodeUuid: node.uuid }, tx)).map(({ address }) => address);
    doubles.push({ node, macs, isSettled: settled.has(node.uuid) });
  }
  return doubles;
}
