// Wiring of questions that need several parts: is everything ready, which nodes are being worked on.

import type { Readiness } from './api/index.ts';
import { ENROL_KIND } from './enrol/index.ts';
import { type Component, messageOf } from './lib/index.ts';
import type { Store } from './store/index.ts';

/** Answers also when everything is broken. */
export async function readiness(store: Store, parts: readonly Component[], running: ReadonlySet<Component>): Promise<Readiness[]> {
  const ofParts = parts.map((part) => ({
    name: part.name,
    isReady: running.has(part),
    reason: running.has(part) ? null : 'it is not running: see the log',
  }));
  try {
    await store.check();
    return [{ name: 'store', isReady: true, reason: null }, ...ofParts];
  } catch (thrown) {
    return [{ name: 'store', isReady: false, reason: messageOf(thrown) }, ...ofParts];
  }
}

/** Which of these nodes have a task that has not ended. The one that takes a machine in only asks for others. */
export async function nodesAtWork(store: Store, uuids: readonly string[]): Promise<ReadonlySet<string>> {
  if (uuids.length === 0) return new Set();
  const unfinished = store.db
    .selectFrom('tasks')
    .select('node_uuid')
    .where('state', 'in', ['queued', 'running', 'waiting'])
    .where('kind', '!=', ENROL_KIND);
  const rows = await unfinished.where('node_uuid', 'in', [...uuids]).execute();
  return new Set(rows.flatMap((row) => (row.node_uuid === null ? [] : [row.node_uuid])));
}
