// Says in the event log and the outbox what happened to a node, beside its moves. Never says values, which may be secret.

import type { Tx } from '../store/index.ts';
import type { MoveDeps } from './move.ts';

export interface Announcement {
  readonly type:
    | 'node.created'
    | 'node.updated'
    | 'node.removed'
    | 'node.port_added'
    | 'node.port_changed'
    | 'node.port_removed'
    | 'node.inventory_saved';
  readonly nodeUuid: string;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** To the event log, for the UI and the history of the site. */
export async function announce(tx: Tx, { events }: Pick<MoveDeps, 'events'>, said: Announcement): Promise<number> {
  return events.append(tx, said);
}

/** To the outbox as well, for those outside who follow which nodes there are. */
export async function announceOutside(tx: Tx, deps: Pick<MoveDeps, 'events' | 'outbox'>, said: Announcement): Promise<void> {
  const eventSeq = await announce(tx, deps, said);
  await deps.outbox.add(tx, { kind: said.type, eventSeq, payload: { node: said.nodeUuid, ...said.data } });
}
