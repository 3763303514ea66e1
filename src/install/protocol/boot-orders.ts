// Machines whose firmware does not keep the boot order that their profile asks for: shown on the node while it is so, and told when it begins
// and when it is right again.

import type { Clock, Log } from '../../lib/index.ts';
import { type JsonObject, type Node, type Nodes, nodeTitle } from '../../nodes/index.ts';
import type { Store, Tx } from '../../store/index.ts';
import { FIRST_BOOT } from '../first-boot-record.ts';
import { type OrderVerdict, orderByFirmware, orderByStart } from './boot-order-decide.ts';
import type { BootOrder } from './first-boot-render.ts';

export interface BootOrders {
  /** In the transaction that keeps what an agent found: `first` is the kind of what its firmware tries first, null where that is not known. */
  seen(tx: Tx, node: Node, first: string | null): Promise<void>;
  /** A machine that has nothing to do with us just now asked for its boot script. */
  started(nodeUuid: string): Promise<void>;
}

export interface BootOrdersOptions {
  readonly store: Pick<Store, 'db' | 'events' | 'transaction'>;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly bootOrderOf: (profile: string) => BootOrder;
  readonly clock: Clock;
  readonly log: Log;
}

const KEY = 'needs_hands';
/** In these its system is there to stay, whatever the agent does on the machine. */
const KEEPING: readonly string[] = [
  'active',
  'servicing',
  'service wait',
  'service failed',
  'rescuing',
  'rescue wait',
  'rescue',
  'rescue failed',
  'unrescuing',
  'unrescue failed',
];
const BY = { who: 'system', actor: 'boot order' } as const;

export function createBootOrders(options: BootOrdersOptions): BootOrders {
  const { store, nodes } = options;
  return {
    async seen(tx, node, first) {
      const system = KEEPING.includes(node.provisionState) ? await systemOf(tx, node.uuid, options) : undefined;
      if (system === undefined) return;
      await judge(options, tx, { node, installation: system.uuid }, orderByFirmware(system.wanted, first));
    },
    async started(nodeUuid) {
      const system = await systemOf(store.db, nodeUuid, options);
      const verdict = system === undefined ? undefined : orderByStart(system.wanted);
      if (system === undefined || verdict === undefined) return;
      // Most of the time it is known, and a boot must not wait for a writer.
      if (handsOf(await nodes.get(nodeUuid)) !== null) return;
      await store.transaction(async (tx) => {
        const node = await nodes.get(nodeUuid, tx);
        if (handsOf(node) === null) await judge(options, tx, { node, installation: system.uuid }, verdict);
      });
    },
  };
}

/** What somebody has to do on it; null: nothing. */
export function handsOf({ driverInternalInfo }: Pick<Node, 'driverInternalInfo'>): string | null {
  const { reason } = partOf(partOf(driverInternalInfo[FIRST_BOOT])[KEY]);
  return typeof reason === 'string' ? reason : null;
}

interface Judged {
  readonly node: Node;
  readonly installation: string;
}

export async function judge(
  { store, nodes, clock }: Pick<BootOrdersOptions, 'nodes' | 'clock'> & { readonly store: Pick<Store, 'events'> },
  tx: Tx,
  { node, installation }: Judged,
  verdict: OrderVerdict,
): Promise<void> {
  if (verdict === undefined || verdict === handsOf(node)) return;
  // It goes where the record of its system goes: with the next deployment, and when the node is torn down.
  const { [KEY]: _, ...record } = partOf(node.driverInternalInfo[FIRST_BOOT]);
  const next: JsonObject = verdict === null ? record : { ...record, [KEY]: { since: clock.now(), reason: verdict } };
  await nodes.update(tx, node, { driverInternalInfo: { ...node.driverInternalInfo, [FIRST_BOOT]: next } }, BY);
  const title = nodeTitle(node);
  const event =
    verdict === null
      ? ({ type: 'install.hands_done', severity: 'info', message: `${title}: its boot order is as it should be again` } as const)
      : ({ type: 'install.needs_hands', severity: 'warning', message: `${title} needs hands: ${verdict}` } as const);
  await store.events.append(tx, { ...event, nodeUuid: node.uuid, data: { installation } });
}

/** The system that was installed last and was reached; a later deployment that has begun is none yet. */
async function systemOf(
  on: Tx | Store['db'],
  nodeUuid: string,
  { bootOrderOf }: Pick<BootOrdersOptions, 'bootOrderOf'>,
): Promise<{ readonly uuid: string; readonly wanted: BootOrder } | undefined> {
  const of = on.selectFrom('installations').select(['uuid', 'stage', 'plan']).where('node_uuid', '=', nodeUuid);
  const row = await of.orderBy('created_at', 'desc').executeTakeFirst();
  if (row?.stage !== 'reached') return undefined;
  const profile = profileIn(row.plan);
  return profile === undefined ? undefined : { uuid: row.uuid, wanted: bootOrderOf(profile) };
}

/** Undefined: the record is damaged, which must not keep an agent's report from being stored. */
function profileIn(plan: string): string | undefined {
  try {
    const { profile } = JSON.parse(plan) as { readonly profile?: unknown }; // an InstallPlan
    return typeof profile === 'string' ? profile : undefined;
  } catch {
    return undefined;
  }
}

function partOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // an object of a JSON column
}
