// The beginning of an installation: its record and its secrets, once for a deployment, and the end of those before it.

import type { Clock, Random } from '../../lib/index.ts';
import { type Nodes, nodeTitle } from '../../nodes/index.ts';
import type { InstallationTable, Store, Tx } from '../../store/index.ts';
import type { InstallPlan } from '../seam.ts';
import { type InstallationRecord, recordOf } from './record.ts';
import { hashOf, newBootId, newSecrets, sealSecrets } from './secrets.ts';
import { eventOfStage } from './stages-decide.ts';

/** Of one node. The requests of older ones are those of strangers. */
const KEPT = 20;

export interface BeginOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get'>;
  readonly clock: Clock;
  readonly random: Random;
}

export interface BeginOrder {
  readonly nodeUuid: string;
  readonly deployment: string;
  readonly plan: InstallPlan;
}

export function beginInstallation(options: BeginOptions, order: BeginOrder): Promise<InstallationRecord> {
  const { store, nodes } = options;
  return store.transaction(async (tx) => {
    const { nodeUuid, deployment, plan } = order;
    const of = tx.selectFrom('installations').selectAll().where('node_uuid', '=', nodeUuid);
    const stored = await of.where('deployment', '=', deployment).executeTakeFirst();
    if (stored !== undefined) return recordOf(stored);
    const node = await nodes.get(nodeUuid, tx);
    await voidOthers(tx, nodeUuid, options.clock.now());
    const row = newRow(options, order);
    await tx.insertInto('installations').values(row).execute();
    await dropOldest(tx, nodeUuid);
    await store.events.append(tx, {
      type: eventOfStage('prepared'),
      nodeUuid,
      message: `${nodeTitle(node)} is to be installed as ${plan.fqdn} by profile ${plan.profile}`,
      data: { installation: row.uuid, profile: plan.profile, fqdn: plan.fqdn, disks: plan.disks.map(({ title }) => title) },
    });
    return recordOf(row);
  });
}

function newRow({ store, clock, random }: BeginOptions, { nodeUuid, deployment, plan }: BeginOrder): InstallationTable {
  const [uuid, secrets, now] = [random.uuid(), newSecrets(random), clock.now()];
  return {
    uuid,
    node_uuid: nodeUuid,
    deployment,
    stage: 'prepared',
    stage_at: now,
    plan: JSON.stringify(plan),
    boot_id: newBootId(random),
    secrets: sealSecrets(store.vault, uuid, secrets),
    answer_hash: hashOf(secrets.answer),
    hook_hash: hashOf(secrets.hook),
    first_boot_hash: hashOf(secrets.firstBoot),
    boots: 0,
    answer_sent: null,
    answer_to: null,
    answered_at: null,
    answer_asks: 0,
    installed_at: null,
    hook: null,
    first_boot_at: null,
    first_boot: null,
    iso_bytes: 0,
    iso_total: 0,
    failure: null,
    ended_at: null,
    created_at: now,
    updated_at: now,
  };
}

async function voidOthers(tx: Tx, nodeUuid: string, now: number): Promise<void> {
  const over = {
    stage: 'failed',
    stage_at: now,
    ended_at: now,
    secrets: '',
    failure: 'another deployment of the node has begun',
    updated_at: now,
  };
  await tx.updateTable('installations').set(over).where('node_uuid', '=', nodeUuid).where('ended_at', 'is', null).execute();
}

async function dropOldest(tx: Tx, nodeUuid: string): Promise<void> {
  const of = tx.selectFrom('installations').select('uuid').where('node_uuid', '=', nodeUuid);
  const old = await of.orderBy('created_at', 'desc').orderBy('uuid').limit(1000).offset(KEPT).execute();
  const uuids = old.map(({ uuid }) => uuid);
  if (uuids.length > 0) await tx.deleteFrom('installations').where('uuid', 'in', uuids).execute();
}
