// The only place that moves a node: guard, new state, history row, event row, outbox row, in the caller's transaction.
// Knows nothing of tasks, drivers or who is logged in; it is told who asks.

import type { Clock, RackseedError, Random } from '../lib/index.ts';
import {
  type EventLog,
  type NodeHistoryTable,
  type NodeTable,
  type Outbox,
  prepared,
  preparedInsert,
  type Severity,
  type Tx,
} from '../store/index.ts';
import { fail } from './errors.ts';
import { guardRefusal, nodeTitle } from './guards.ts';
import { nextState, stateOf, targetAfter, whatIsPossible } from './machine.ts';
import { type Node, nodeOfRow } from './model.ts';
import { FIRST_STATE, type Move, type ProvisionEvent, type Who } from './states.ts';

export interface MoveRequest {
  /** As it was read: its version decides who wins when two move it at once. */
  readonly node: Node;
  readonly event: ProvisionEvent;
  readonly who: Who;
  /** The user, rule or task in whose name it moves. */
  readonly actor?: string;
  /** Shown in the history. */
  readonly reason?: string;
  /** What failed, for a move into failure. */
  readonly lastError?: string;
}

export interface MoveDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
  readonly outbox: Outbox;
}

export interface Moved {
  /** The node as it stands now. */
  readonly node: Node;
  readonly move: Move;
  readonly eventSeq: number;
}

const MAX_REASON = 4096;
const MAX_ERROR = 16_384;
const MAX_ACTOR = 255;

export async function move(tx: Tx, request: MoveRequest, deps: MoveDeps): Promise<Moved> {
  const { node, event, who } = request;
  const refusal = moveRefusal(node, event, who);
  if (refusal !== undefined) throw refusal;
  const taken = takenMove(node, event);
  const now = deps.clock.now();
  const changed = await writeState(tx, node, stateColumns(node, taken, request, now));
  const eventSeq = await announce(tx, taken, request, changed, deps);
  await insertHistory(tx, historyRow(taken, request, now, eventSeq, deps.random));
  return { node: changed, move: taken, eventSeq };
}

/** Why the move would be refused now; undefined when it would be made. For buttons and checks ahead of the move. */
export function moveRefusal(node: Node, event: ProvisionEvent, who: Who): RackseedError | undefined {
  const detail = { node: node.uuid, state: node.provisionState, event };
  const next = nextState(node.provisionState, event);
  if (!next.ok) {
    return fail('nodes.move_refused', {
      message: `node ${nodeTitle(node)} can not ${event}: ${next.reason}`,
      hint: `From ${node.provisionState} ${whatIsPossible(node.provisionState)}.`,
      detail,
    });
  }
  if (!next.move.who.includes(who)) {
    return fail('nodes.wrong_mover', {
      message: `node ${nodeTitle(node)} can not ${event} from ${node.provisionState} for ${who}: that is pulled by ${next.move.who.join(' or ')}`,
      hint: `From ${node.provisionState} ${whatIsPossible(node.provisionState)}.`,
      detail,
    });
  }
  return guardRefusal(next.move, node);
}

/** The state columns of a node that is made. `available` is for clients from before there was `enroll` (Ironic's API 1.10). */
export function firstStateColumns(
  state: typeof FIRST_STATE | 'available' = FIRST_STATE,
): Pick<NodeTable, 'provision_state' | 'target_provision_state' | 'provision_updated_at'> {
  return { provision_state: state, target_provision_state: null, provision_updated_at: null };
}

type StateColumns = Pick<
  NodeTable,
  'provision_state' | 'target_provision_state' | 'provision_updated_at' | 'last_error' | 'inspection_started_at' | 'inspection_finished_at'
>;

/** What the move writes. Pure. */
export function stateColumns(node: Node, taken: Move, request: MoveRequest, now: number): StateColumns {
  return {
    provision_state: taken.to,
    target_provision_state: targetAfter(taken, node.targetProvisionState),
    provision_updated_at: now,
    last_error: lastErrorAfter(node, taken, request),
    ...inspectionTimes(node, taken, now),
  };
}

// A failure always says something; new work starts with a clean slate; else the last error stays to be read.
function lastErrorAfter(node: Node, taken: Move, request: MoveRequest): string | null {
  if (request.lastError !== undefined) return request.lastError.slice(0, MAX_ERROR);
  if (isFailure(taken)) {
    const why = request.reason ?? `${taken.event} by ${mover(request)}, without a reason`;
    return `${stateOf(taken.from).label}: ${why}`.slice(0, MAX_ERROR);
  }
  const starts = stateOf(taken.to).kind === 'working' && taken.who.includes('user');
  return starts ? null : node.lastError;
}

// As Ironic keeps them: a start while inspecting, an end once it was good, and neither after a failure.
function inspectionTimes(node: Node, taken: Move, now: number): Pick<StateColumns, 'inspection_started_at' | 'inspection_finished_at'> {
  if (taken.to === 'inspecting') return { inspection_started_at: now, inspection_finished_at: null };
  const wasInspecting = taken.from === 'inspecting' || taken.from === 'inspect wait';
  if (wasInspecting && taken.to === 'manageable') return { inspection_started_at: null, inspection_finished_at: now };
  if (wasInspecting && taken.to === 'inspect failed')
    return { inspection_started_at: null, inspection_finished_at: node.inspectionFinishedAt };
  return { inspection_started_at: node.inspectionStartedAt, inspection_finished_at: node.inspectionFinishedAt };
}

async function writeState(tx: Tx, node: Node, columns: StateColumns): Promise<Node> {
  const was = { uuid: node.uuid, was_version: node.version, was_state: node.provisionState };
  const updated_at = columns.provision_updated_at ?? node.updatedAt;
  const [row] = await updateState(tx, { ...columns, ...was, updated_at, version: node.version + 1 });
  if (row === undefined) throw await changedMeanwhile(tx, node);
  return nodeOfRow(row);
}

interface StateChange extends StateColumns, Pick<NodeTable, 'uuid' | 'updated_at' | 'version'> {
  readonly was_version: number;
  readonly was_state: string;
}

const updateState = prepared((tx, given: StateChange) =>
  tx
    .updateTable('nodes')
    .set({
      provision_state: given.provision_state,
      target_provision_state: given.target_provision_state,
      provision_updated_at: given.provision_updated_at,
      last_error: given.last_error,
      inspection_started_at: given.inspection_started_at,
      inspection_finished_at: given.inspection_finished_at,
      updated_at: given.updated_at,
      version: given.version,
    })
    .where('uuid', '=', given.uuid)
    .where('version', '=', given.was_version)
    .where('provision_state', '=', given.was_state)
    .returningAll(),
);
const insertHistory = preparedInsert('node_history');

/** The refusal for a write whose node is no longer as it was read. */
export async function changedMeanwhile(tx: Tx, node: Pick<Node, 'uuid' | 'name' | 'version'>): Promise<RackseedError> {
  const now = await tx.selectFrom('nodes').select(['version', 'provision_state']).where('uuid', '=', node.uuid).executeTakeFirst();
  if (now === undefined) {
    return fail('nodes.not_found', {
      message: `node ${nodeTitle(node)} was removed meanwhile`,
      hint: 'List the nodes to see which are left.',
    });
  }
  return fail('nodes.changed_meanwhile', {
    message: `node ${nodeTitle(node)} was changed meanwhile: it is ${now.provision_state} in version ${now.version}, version ${node.version} was read`,
    hint: 'Read the node again and repeat what is still wanted.',
    detail: { node: node.uuid, version: now.version, read: node.version },
  });
}

async function announce(tx: Tx, taken: Move, request: MoveRequest, changed: Node, deps: MoveDeps): Promise<number> {
  const data = {
    from: taken.from,
    to: taken.to,
    event: taken.event,
    target: changed.targetProvisionState,
    who: request.who,
    actor: request.actor?.slice(0, MAX_ACTOR) ?? null,
    reason: reasonOf(taken, request),
    version: changed.version,
  };
  const message = `node ${nodeTitle(changed)} moved from ${taken.from} to ${taken.to} (${taken.event} by ${mover(request)})`;
  const type = 'node.moved';
  const eventSeq = await deps.events.append(tx, { type, message, severity: severityOf(taken), nodeUuid: changed.uuid, data });
  await deps.outbox.add(tx, { kind: type, eventSeq, payload: { node: changed.uuid, name: changed.name, ...data } });
  return eventSeq;
}

function historyRow(taken: Move, request: MoveRequest, now: number, eventSeq: number, random: Random): NodeHistoryTable {
  return {
    uuid: historyUuid(eventSeq, random),
    node_uuid: request.node.uuid,
    at: now,
    event: taken.event,
    from_state: taken.from,
    to_state: taken.to,
    who: request.actor === undefined ? request.who : `${request.who}:${request.actor.slice(0, MAX_ACTOR)}`,
    severity: severityOf(taken),
    reason: reasonOf(taken, request),
  };
}

/**
 * A UUID of version 8 (RFC 9562 §5.8) that begins with the event's number: history sorts by it in the order of the commits, where
 * times can be equal or run backwards when the clock is set.
 */
export function historyUuid(eventSeq: number, random: Random): string {
  const tail = random.bytes(10);
  tail[0] = (tail.readUInt8(0) & 0x0f) | 0x80;
  tail[2] = (tail.readUInt8(2) & 0x3f) | 0x80;
  const hex = eventSeq.toString(16).padStart(12, '0') + tail.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function takenMove(node: Node, event: ProvisionEvent): Move {
  const next = nextState(node.provisionState, event);
  if (!next.ok) throw new TypeError(next.reason);
  return next.move;
}

function reasonOf(taken: Move, request: MoveRequest): string | null {
  const reason = request.reason ?? (isFailure(taken) ? request.lastError : undefined);
  return reason?.slice(0, MAX_REASON) ?? null;
}

function isFailure(taken: Move): boolean {
  const pulled = taken.event === 'fail' || taken.event === 'abort';
  return pulled && taken.to !== 'active';
}

function severityOf(taken: Move): Severity {
  if (taken.event === 'fail') return 'error';
  return isFailure(taken) ? 'warning' : 'info';
}

function mover(request: MoveRequest): string {
  return request.actor === undefined ? request.who : `${request.who} ${request.actor}`;
}
