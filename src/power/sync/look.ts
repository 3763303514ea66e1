// One look at one machine, and what follows from it: the record changes, a failure is counted, the third in a row takes the node out of
// service, and one that answers again comes back. The hardware is the truth.

import { type Clock, type Log, RackseedError } from '../../lib/index.ts';
import type { Node, NodeChanges, Nodes } from '../../nodes/index.ts';
import type { Store, Tx } from '../../store/index.ts';
import type { Gateway } from '../gateway-seam.ts';
import type { PowerReading } from '../seam.ts';
import { isStillFree, POWER_FAULT, type Sort } from './free-nodes.ts';

export interface LookParts {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly gateway: Pick<Gateway, 'powerState' | 'refusal'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Failures in a row, by node. */
  readonly failures: Map<string, number>;
  /** So many take a node out of service. */
  readonly maxFailures: number;
}

export type Seen = 'same' | 'changed' | 'unknown' | 'failed' | 'out_of_service' | 'recovered' | 'skipped';

const BY = { who: 'system', actor: 'power sync' } as const;
/** What begins a reason of ours: a reason of a person's is left as it is. */
const OURS = 'the power state can not be read: ';
/** Says nothing of the machine: there is nobody to ask, or not now. */
const NOT_ITS_FAULT = [
  'power.no_driver',
  'power.no_interface',
  'power.unsupported',
  'power.queue_full',
  'power.stopped',
  'nodes.not_found',
];

export async function look(parts: LookParts, uuid: string, sort: Sort, signal: AbortSignal): Promise<Seen> {
  try {
    const node = await parts.nodes.get(uuid);
    // One that never told its state and is not described well enough is simply not set up yet.
    if (node.powerState === null && sort === 'well' && (await parts.gateway.refusal(node, 'power')) !== null) return 'skipped';
    return await lookAt(parts, node, sort, signal);
  } catch (thrown) {
    if (signal.aborted) return 'skipped';
    if (thrown instanceof RackseedError && NOT_ITS_FAULT.includes(thrown.code)) return 'skipped';
    if (thrown instanceof RackseedError && thrown.code === 'nodes.changed_meanwhile') return 'skipped'; // the next look sees what it has become
    throw thrown;
  }
}

async function lookAt(parts: LookParts, node: Node, sort: Sort, signal: AbortSignal): Promise<Seen> {
  let reading: PowerReading;
  try {
    reading = await parts.gateway.powerState(node, { signal });
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof RackseedError) || NOT_ITS_FAULT.includes(thrown.code)) throw thrown;
    return sort === 'failed' ? 'failed' : failed(parts, node, thrown);
  }
  parts.failures.delete(node.uuid);
  if (sort === 'failed') return recovered(parts, node, reading);
  if (reading === null) return 'unknown';
  return reading === node.powerState ? 'same' : changed(parts, node, reading);
}

function changed(parts: LookParts, node: Node, reading: 'power on' | 'power off'): Promise<Seen> {
  return write(parts, node, 'well', async (tx, now) => {
    if (now.powerState === reading) return 'same';
    await parts.nodes.update(tx, now, { powerState: reading }, BY);
    const was = now.powerState === null ? 'and nobody knew its power state before' : `and was recorded as ${now.powerState}`;
    await parts.store.events.append(tx, {
      type: 'node.power_changed',
      nodeUuid: node.uuid,
      message: `node ${titleOf(node)} is ${reading}, ${was}`,
      data: { from: now.powerState, to: reading, by: 'sync' },
    });
    return 'changed';
  });
}

async function failed(parts: LookParts, node: Node, error: RackseedError): Promise<Seen> {
  const count = (parts.failures.get(node.uuid) ?? 0) + 1;
  parts.failures.set(node.uuid, count);
  const reason = `${OURS}${error.message}`;
  note(parts, node, count < parts.maxFailures ? `failure ${count} of ${parts.maxFailures}` : 'out of service', reason);
  if (count < parts.maxFailures) {
    parts.log.warn({ node: node.uuid, code: error.code }, `${reason} (${count} of ${parts.maxFailures} before it is taken out of service)`);
    return 'failed';
  }
  parts.failures.delete(node.uuid);
  return write(parts, node, 'well', async (tx, now) => {
    const changes = { powerState: null, maintenance: true, maintenanceReason: reason, fault: POWER_FAULT, lastError: reason } as const;
    await parts.nodes.update(tx, now, changes, BY);
    await parts.store.events.append(tx, {
      type: 'node.power_failure',
      severity: 'error',
      nodeUuid: node.uuid,
      message: `node ${titleOf(node)} is in maintenance: ${reason}`,
      data: { failures: count, code: error.code, hint: error.hint ?? null },
    });
    return 'out_of_service';
  });
}

function recovered(parts: LookParts, node: Node, reading: PowerReading): Promise<Seen> {
  return write(parts, node, 'failed', async (tx, now) => {
    const isOurs = now.maintenanceReason?.startsWith(OURS) === true;
    const cleared = now.lastError?.startsWith(OURS) === true ? { lastError: null } : {};
    const changes: NodeChanges = { powerState: reading, fault: null, ...cleared, ...(isOurs ? { maintenance: false } : {}) };
    await parts.nodes.update(tx, now, changes, BY);
    const message = `node ${titleOf(node)} answers again and is ${reading ?? 'in a power state that nobody can know'}`;
    const end = isOurs ? '; its maintenance is over' : '; it stays in maintenance, for which somebody gave another reason';
    await parts.store.events.append(tx, {
      type: 'node.power_recovered',
      nodeUuid: node.uuid,
      message: `${message}${end}`,
      data: { to: reading, maintenance: !isOurs },
    });
    note(parts, node, 'recovered', `${message}${end}`);
    return 'recovered';
  });
}

/** Reads the node again inside: whoever began with it meanwhile has the last word. */
function write(parts: LookParts, { uuid }: Node, sort: Sort, work: (tx: Tx, now: Node) => Promise<Seen>): Promise<Seen> {
  return parts.store.transaction(async (tx) => {
    const now = await parts.nodes.get(uuid, tx);
    return (await isStillFree(tx, now, sort, parts.clock.now())) ? work(tx, now) : 'skipped';
  });
}

function note({ store }: LookParts, { uuid }: Node, decision: string, reason: string): void {
  store.reasons.note({ subject: `node:${uuid}`, area: 'power', decision, reason });
}

function titleOf({ name, uuid }: Node): string {
  return name ?? uuid;
}
