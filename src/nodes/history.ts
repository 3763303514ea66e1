// What happened to a node, as it is read back. move.ts alone writes it.

import { fail } from './errors.ts';
import { checkedLimit, type Reader } from './list.ts';
import { type HistoryEntry, historyOfRow, type NodeUuid } from './model.ts';

export interface HistoryQuery {
  readonly limit?: number;
  /** UUID of the last entry of the page before, which must be one of this node's. */
  readonly before?: string;
  readonly after?: string;
  /** The newest first unless told. */
  readonly isOldestFirst?: boolean;
}

export async function listHistory(db: Reader, uuid: NodeUuid, query: HistoryQuery): Promise<HistoryEntry[]> {
  let rows = db.selectFrom('node_history').selectAll().where('node_uuid', '=', uuid);
  if (query.before !== undefined) rows = rows.where('uuid', '<', query.before);
  if (query.after !== undefined) rows = rows.where('uuid', '>', query.after);
  const direction = query.isOldestFirst === true ? 'asc' : 'desc';
  const found = await rows.orderBy('uuid', direction).limit(checkedLimit(query.limit)).execute();
  return found.map(historyOfRow);
}

export async function getHistoryEntry(db: Reader, uuid: NodeUuid, entry: string): Promise<HistoryEntry> {
  const rows = db.selectFrom('node_history').selectAll().where('node_uuid', '=', uuid);
  const row = await rows.where('uuid', '=', entry.toLowerCase()).executeTakeFirst();
  if (row !== undefined) return historyOfRow(row);
  throw fail('nodes.no_history', {
    message: `Node history record ${entry.slice(0, 80)} could not be found.`,
    hint: 'List the history of the node.',
  });
}
