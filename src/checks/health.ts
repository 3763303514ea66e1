// The quick look at each report of a machine: kept among its tests when it finds something, or when that has passed.

import { storedReadiness } from '../inspect/index.ts';
import type { Clock, Random } from '../lib/index.ts';
import { type Node, type Nodes, nodeTitle } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { newestCheck, trimKind, writeCheck } from './book.ts';
import { healthOf, isNews } from './health-decide.ts';

export interface HealthDeps {
  readonly store: Pick<Store, 'events'>;
  readonly nodes: Pick<Nodes, 'inventory'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** So that a disk that comes and goes leaves room for what was measured on purpose. */
const KEPT = 30;
const SEVERITIES = { good: 'info', warning: 'warning', bad: 'error' } as const;

/** In the transaction that keeps the report. */
export async function noteHealth(deps: HealthDeps, tx: Tx, node: Node): Promise<void> {
  const readiness = storedReadiness((await deps.nodes.inventory(node.uuid, tx))?.pluginData);
  const health = readiness === undefined ? null : healthOf(readiness.items);
  if (health === null || !isNews(health, await newestCheck(tx, node.uuid, 'health'))) return;
  await writeCheck(tx, deps, node.uuid, { kind: 'health', ...health, startedAt: deps.clock.now() });
  await trimKind(tx, node.uuid, 'health', KEPT);
  const message = `health of ${nodeTitle(node)}: ${health.message}`;
  await deps.store.events.append(tx, { type: 'node.checked', severity: SEVERITIES[health.verdict], nodeUuid: node.uuid, message });
}
