// Volume connectors (what a machine is known by to a storage network) and targets (what it boots from there). Stored for clients;
// nothing here attaches a volume.

import type { VolumeConnectorTable, VolumeTargetTable } from '../../store/index.ts';
import { type JsonObject, jsonColumn, parseJsonColumn } from '../json.ts';
import type { Reader } from '../list.ts';
import { isDeletable, isProvisionState } from '../machine.ts';
import { checkNode, checkText } from './checks.ts';
import { badValue, fail } from './errors.ts';
import { BASE_SORTABLE, createKeeper, type Keeper, type KeeperDeps, type Kind, type Stored } from './keeper.ts';

export interface VolumeConnector extends Stored {
  readonly nodeUuid: string;
  readonly type: string;
  readonly connectorId: string;
  readonly extra: JsonObject;
}

export interface VolumeTarget extends Stored {
  readonly nodeUuid: string;
  readonly volumeType: string;
  readonly volumeId: string;
  readonly bootIndex: number;
  readonly properties: JsonObject;
  readonly extra: JsonObject;
}

/** Far more than any machine boots from. */
const PER_NODE = 64;
const MAX_INT = 2_147_483_647;

const CONNECTOR: Kind<VolumeConnector, VolumeConnectorTable> = {
  table: 'volume_connectors',
  noun: 'Volume connector',
  cap: PER_NODE,
  sortable: { ...BASE_SORTABLE, type: 'text', connector_id: 'text', node_uuid: 'text' },
  unique: [{ columns: ['type', 'connector_id'], says: ({ type, connectorId }) => `type ${type} and connector ID ${connectorId}` }],
  check: ({ type, connectorId }) => {
    checkText('type', type, 32, 1);
    checkText('connector_id', connectorId, 255, 1);
  },
  row: (connector) =>
    ({
      uuid: connector.uuid,
      node_uuid: connector.nodeUuid,
      type: connector.type,
      connector_id: connector.connectorId,
      extra: jsonColumn('extra', connector.extra),
      created_at: connector.createdAt,
      updated_at: connector.updatedAt,
    }) satisfies VolumeConnectorTable,
  model: (row) => ({
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    type: row.type,
    connectorId: row.connector_id,
    extra: parseJsonColumn('extra', row.extra, `volume connector ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
  ofNode: { word: 'volume_connector', uuid: ({ nodeUuid }) => nodeUuid },
};

const TARGET: Kind<VolumeTarget, VolumeTargetTable> = {
  table: 'volume_targets',
  noun: 'Volume target',
  cap: PER_NODE,
  sortable: { ...BASE_SORTABLE, volume_type: 'text', volume_id: 'text', boot_index: 'number', node_uuid: 'text' },
  unique: [{ columns: ['node_uuid', 'boot_index'], says: ({ bootIndex }) => `boot index '${bootIndex}' for the same node` }],
  check: ({ volumeType, volumeId, bootIndex }) => {
    checkText('volume_type', volumeType, 64, 1);
    checkText('volume_id', volumeId, 255, 1);
    if (!Number.isInteger(bootIndex) || Math.abs(bootIndex) > MAX_INT)
      throw badValue(`boot_index ${bootIndex} is no whole number of at most ${MAX_INT}.`);
  },
  row: (target) =>
    ({
      uuid: target.uuid,
      node_uuid: target.nodeUuid,
      volume_type: target.volumeType,
      volume_id: target.volumeId,
      boot_index: target.bootIndex,
      properties: jsonColumn('properties', target.properties),
      extra: jsonColumn('extra', target.extra),
      created_at: target.createdAt,
      updated_at: target.updatedAt,
    }) satisfies VolumeTargetTable,
  model: (row) => ({
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    volumeType: row.volume_type,
    volumeId: row.volume_id,
    bootIndex: row.boot_index,
    properties: parseJsonColumn('properties', row.properties, `volume target ${row.uuid}`),
    extra: parseJsonColumn('extra', row.extra, `volume target ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
  ofNode: { word: 'volume_target', uuid: ({ nodeUuid }) => nodeUuid },
};

export function createConnectors(deps: KeeperDeps): Keeper<VolumeConnector> {
  return guarded('volume connector', createKeeper(CONNECTOR, deps));
}

export function createTargets(deps: KeeperDeps): Keeper<VolumeTarget> {
  return guarded('volume target', createKeeper(TARGET, deps));
}

/** Volumes of a machine that runs are not pulled away under it. */
function guarded<M extends Stored & { readonly nodeUuid: string }>(what: string, keeper: Keeper<M>): Keeper<M> {
  return {
    ...keeper,
    create: async (tx, content, uuid) => {
      await checkNode(tx, content.nodeUuid);
      return keeper.create(tx, content, uuid);
    },
    update: async (tx, before, changes) => {
      if (changes.nodeUuid !== undefined) await checkNode(tx, changes.nodeUuid);
      for (const node of new Set([before.nodeUuid, changes.nodeUuid ?? before.nodeUuid])) await checkOff(tx, node, `${what} update`, false);
      return keeper.update(tx, before, changes);
    },
    remove: async (tx, record) => {
      await checkOff(tx, record.nodeUuid, `${what} deletion`, true);
      await keeper.remove(tx, record);
    },
  };
}

/** A record of a node that nobody can be given yet may go whatever its power state. */
async function checkOff(db: Reader, nodeUuid: string, action: string, isRemoval: boolean): Promise<void> {
  const columns = ['power_state', 'provision_state'] as const;
  const node = await db.selectFrom('nodes').select(columns).where('uuid', '=', nodeUuid).executeTakeFirst();
  if (node === undefined || node.power_state === 'power off') return;
  const isSpare = isProvisionState(node.provision_state) && isDeletable(node.provision_state) && node.provision_state !== 'available';
  if (isRemoval && isSpare) return;
  const state = node.power_state ?? 'None';
  throw fail('records.node_power', {
    message: `The requested action "${action}" can not be performed on node "${nodeUuid}" while it is in state "${state}".`,
    hint: 'Power it off first.',
  });
}
