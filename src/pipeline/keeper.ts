// What nobody has to ask for: pipelines that begin once a new node is active, and the look at machines whose pipeline is done. Touches a machine
// only by the life cycle, or by checks.

import { type Clock, type Component, type Log, messageOf, RackseedError } from '../lib/index.ts';
import type { Node, Nodes, ProvisionState } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import type { RunBook } from './book.ts';
import type { Looked } from './checks.ts';
import { driftOf, newsOf } from './drift-decide.ts';

export interface KeeperParts {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'find'>;
  readonly book: RunBook;
  readonly clock: Clock;
  readonly log: Log;
  /** This appliance, among those that share the store. */
  readonly holder: string;
  /** 0: nobody looks by himself. */
  readonly driftHours: number;
  readonly pipelineOf: (node: { readonly extra?: unknown }) => string | undefined;
  /** Asks the life cycle for it; throws what refuses it. */
  readonly begin: (node: Node, pipeline: string) => Promise<void>;
  /** All checks of its pipeline. */
  readonly verify: (node: Node) => Promise<Looked>;
}

export interface Keeper extends Component {
  /** One look at what is due. */
  tick(): Promise<void>;
}

const INTERVAL_MS = 15_000;
const HOUR = 3_600_000;
const LEASE = 'pipeline-keeper';
const LEASE_MS = 10 * 60_000;
/** Where a due pipeline still may begin. */
const ON_ITS_WAY: readonly ProvisionState[] = [
  'deploying',
  'wait call-back',
  'deploy hold',
  'active',
  'servicing',
  'service wait',
  'service hold',
];

export function createKeeper(parts: KeeperParts): Keeper {
  const stopping = new AbortController();
  const lookedAt = new Map<string, number>();
  const refused = new Map<string, string>();
  let running: Promise<void> | undefined;
  const tick = async (): Promise<void> => {
    if (!(await isOurs(parts))) return;
    await beginDue(parts, refused);
    if (parts.driftHours > 0) await lookForDrift(parts, lookedAt);
  };
  return {
    name: 'pipeline-keeper',
    tick,
    start: () => {
      running = run(parts, tick, stopping.signal);
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await running;
    },
  };
}

async function run({ clock, log }: KeeperParts, tick: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(INTERVAL_MS, signal);
      await tick();
    } catch (error) {
      // The store may be back at the next look.
      if (!signal.aborted) log.error({ err: error }, `looking for pipelines that are due failed: ${messageOf(error)}`);
    }
  }
}

/** One appliance of those that share the store. */
async function isOurs({ store, holder }: KeeperParts): Promise<boolean> {
  const lease = { key: LEASE, holder, purpose: 'pipelines that are due', ttlMs: LEASE_MS };
  return store.transaction(async (tx) => (await store.leases.acquire(tx, lease)).ok);
}

async function beginDue(parts: KeeperParts, refused: Map<string, string>): Promise<void> {
  for (const { nodeUuid, pipeline } of await parts.book.dues()) {
    try {
      await beginOrForget(parts, nodeUuid, pipeline, refused);
    } catch (thrown) {
      // One that can not be read must not keep the others from beginning.
      parts.log.error({ node: nodeUuid, err: thrown }, `the pipeline ${pipeline} could not be begun: ${messageOf(thrown)}`);
    }
  }
}

async function beginOrForget(parts: KeeperParts, nodeUuid: string, pipeline: string, refused: Map<string, string>): Promise<void> {
  const node = await parts.nodes.find(nodeUuid);
  if (node === undefined || !ON_ITS_WAY.includes(node.provisionState)) {
    await parts.book.noLongerDue(nodeUuid);
    refused.delete(nodeUuid);
  } else if (node.provisionState === 'active') {
    await beginOne(parts, node, pipeline, refused);
  }
}

/** What refuses it may pass: it stays due, and why it waits is told once. */
async function beginOne(parts: KeeperParts, node: Node, pipeline: string, refused: Map<string, string>): Promise<void> {
  try {
    await parts.begin(node, pipeline);
    await parts.book.noLongerDue(node.uuid);
    refused.delete(node.uuid);
  } catch (thrown) {
    if (!(thrown instanceof RackseedError)) throw thrown;
    if (refused.get(node.uuid) === thrown.message) return;
    refused.set(node.uuid, thrown.message);
    const reason = `the pipeline ${pipeline} waits: ${thrown.message}${thrown.hint === undefined ? '' : `. ${thrown.hint}`}`;
    parts.store.reasons.note({ subject: `node:${node.uuid}`, area: 'pipeline', decision: 'waits', reason });
  }
}

/** Of those whose last run is done, the first whose time has come: one at each look, so that hundreds do not hold up what is due. */
async function lookForDrift(parts: KeeperParts, lookedAt: Map<string, number>): Promise<void> {
  const rows = parts.store.db.selectFrom('nodes').select('uuid').where('provision_state', '=', 'active').where('maintenance', '=', 0);
  const done = parts.store.db.selectFrom('pipeline_runs').select('node_uuid').where('state', '=', 'done');
  const active = await rows.where('uuid', 'in', done).orderBy('uuid').execute();
  const there = new Set(active.map(({ uuid }) => uuid));
  for (const uuid of lookedAt.keys()) if (!there.has(uuid)) lookedAt.delete(uuid);
  for (const { uuid } of active) {
    const last = lookedAt.get(uuid);
    // After a start nobody knows when it was looked at last: all are then, one after the other.
    if (last !== undefined && parts.clock.now() - last < parts.driftHours * HOUR) continue;
    lookedAt.set(uuid, parts.clock.now());
    await lookAtOne(parts, uuid);
    return;
  }
}

async function lookAtOne(parts: KeeperParts, uuid: string): Promise<void> {
  const node = await parts.nodes.find(uuid);
  const newest = await parts.book.newest(uuid);
  if (node?.provisionState !== 'active' || newest?.state !== 'done' || parts.pipelineOf(node) === undefined) return;
  try {
    await tellDrift(parts, node, await parts.verify(node));
  } catch (thrown) {
    parts.store.reasons.note({ subject: `node:${uuid}`, area: 'pipeline', decision: 'not looked at', reason: messageOf(thrown) });
  }
}

/** Only what is not as it was told last. */
async function tellDrift({ store }: KeeperParts, node: Node, { pipeline, steps }: Looked): Promise<void> {
  const drift = driftOf(steps);
  store.reasons.note({ subject: `node:${node.uuid}`, area: 'pipeline', decision: `drift: ${drift.is}`, reason: drift.words });
  await store.transaction(async (tx) => {
    const types = ['pipeline.drift', 'pipeline.in_place'];
    const rows = tx.selectFrom('events').select('data').where('node_uuid', '=', node.uuid).where('type', 'in', types);
    const last = await rows.orderBy('seq', 'desc').limit(1).executeTakeFirst();
    const news = newsOf(drift, last === undefined ? null : toldIn(last.data));
    if (news === null) return;
    const title = node.name ?? node.uuid;
    const message =
      news.type === 'pipeline.drift' ? `${title} is not as its pipeline left it: ${drift.words}` : `${title}: ${drift.words} again`;
    const severity = news.type === 'pipeline.drift' ? 'warning' : 'info';
    const data = { pipeline, drift: news.told, steps: drift.steps.map(({ id, words }) => ({ id, words: [...words] })) };
    await store.events.append(tx, { type: news.type, severity, message, nodeUuid: node.uuid, data });
  });
}

function toldIn(data: string): string | null {
  const parsed: unknown = JSON.parse(data);
  const told = typeof parsed === 'object' && parsed !== null && 'drift' in parsed ? parsed.drift : null;
  return typeof told === 'string' ? told : null;
}
