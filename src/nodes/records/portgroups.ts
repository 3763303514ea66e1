// Port groups: ports of one node that are bonded. A group with ports in it is neither removed nor moved.

import { sql } from 'kysely';
import { type Mac, parseMac } from '../../lib/index.ts';
import type { PortgroupTable, Tx } from '../../store/index.ts';
import { flag } from '../columns.ts';
import { damaged, type JsonObject, jsonColumn, parseJsonColumn } from '../json.ts';
import { checkLogicalName, checkNode, checkText } from './checks.ts';
import { fail } from './errors.ts';
import { BASE_SORTABLE, type Changes, createKeeper, type Keeper, type KeeperDeps, type Kind, type Stored } from './keeper.ts';
import { countOf } from './page.ts';
import { checkReplaced, readStanding } from './port-rules.ts';

export interface Portgroup extends Stored {
  readonly nodeUuid: string;
  readonly name: string | null;
  readonly address: Mac | null;
  /** The bonding mode, as the operating system names it. */
  readonly mode: string;
  readonly properties: JsonObject;
  /** May its ports be used alone, to boot from for one. */
  readonly standalonePortsSupported: boolean;
  readonly physicalNetwork: string | null;
  readonly category: string | null;
  /** Made by the appliance itself, not by a person. */
  readonly dynamicPortgroup: boolean;
  readonly internalInfo: JsonObject;
  readonly extra: JsonObject;
}

export const DEFAULT_BOND_MODE = 'active-backup';

const KIND: Kind<Portgroup, PortgroupTable> = {
  table: 'portgroups',
  noun: 'Portgroup',
  cap: 32,
  isNamed: true,
  sortable: {
    ...BASE_SORTABLE,
    name: 'text',
    address: 'text',
    mode: 'text',
    node_uuid: 'text',
    standalone_ports_supported: 'number',
    physical_network: 'text',
    category: 'text',
    dynamic_portgroup: 'number',
  },
  unique: [
    { columns: ['name'], says: ({ name }) => `name ${name ?? ''}` },
    { columns: ['address'], says: ({ address }) => `MAC address ${address ?? ''}` },
  ],
  check: (group) => {
    checkLogicalName('portgroup', group.name);
    checkText('mode', group.mode, 255, 1);
    checkText('physical_network', group.physicalNetwork, 64, 1);
    checkText('category', group.category, 80);
  },
  row: (group) =>
    ({
      uuid: group.uuid,
      node_uuid: group.nodeUuid,
      name: group.name,
      address: group.address,
      mode: group.mode,
      properties: jsonColumn('properties', group.properties),
      standalone_ports_supported: flag(group.standalonePortsSupported),
      physical_network: group.physicalNetwork,
      category: group.category,
      dynamic_portgroup: flag(group.dynamicPortgroup),
      internal_info: jsonColumn('internal_info', group.internalInfo),
      extra: jsonColumn('extra', group.extra),
      created_at: group.createdAt,
      updated_at: group.updatedAt,
    }) satisfies PortgroupTable,
  model: (row) => ({
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    name: row.name,
    address: addressIn(row),
    mode: row.mode,
    properties: parseJsonColumn('properties', row.properties, `portgroup ${row.uuid}`),
    standalonePortsSupported: row.standalone_ports_supported === 1,
    physicalNetwork: row.physical_network,
    category: row.category,
    dynamicPortgroup: row.dynamic_portgroup === 1,
    internalInfo: parseJsonColumn('internal_info', row.internal_info, `portgroup ${row.uuid}`),
    extra: parseJsonColumn('extra', row.extra, `portgroup ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
  ofNode: { word: 'portgroup', uuid: ({ nodeUuid }) => nodeUuid },
};

export function createPortgroups(deps: KeeperDeps): Keeper<Portgroup> {
  const keeper = createKeeper(KIND, deps);
  return {
    ...keeper,
    create: async (tx, content, uuid) => {
      await checkNode(tx, content.nodeUuid);
      return keeper.create(tx, content, uuid);
    },
    update: async (tx, before, changes) => {
      await checkChange(tx, before, changes);
      const group = await keeper.update(tx, before, changes);
      if (changes.physicalNetwork !== undefined && changes.physicalNetwork !== before.physicalNetwork) await passOn(tx, group);
      return group;
    },
    remove: async (tx, group) => {
      if ((await portsIn(tx, group.uuid)) > 0)
        throw fail('records.not_empty', {
          message: `Cannot complete the requested action because portgroup ${group.uuid} contains ports.`,
          hint: 'Take the ports out of it first.',
        });
      await tx.deleteFrom('vifs').where('portgroup_uuid', '=', group.uuid).execute();
      await keeper.remove(tx, group);
    },
  };
}

async function checkChange(tx: Tx, before: Portgroup, changes: Changes<Portgroup>): Promise<void> {
  const nodeUuid = changes.nodeUuid ?? before.nodeUuid;
  await checkNode(tx, nodeUuid);
  const standing = await readStanding(tx, nodeUuid);
  if (standing.provisionState === 'inspecting')
    throw fail('records.node_state', {
      message: `Cannot update portgroup "${before.uuid}" on node "${nodeUuid}" while it is in state "inspecting".`,
      hint: 'Try again when the inspection has ended.',
    });
  if (nodeUuid === before.nodeUuid) return;
  checkReplaced(standing, `Portgroup ${before.uuid} can not be associated to node ${nodeUuid}`);
  if ((await portsIn(tx, before.uuid)) === 0) return;
  throw fail('records.not_empty', {
    message: `Portgroup ${before.uuid} can not be associated with node ${nodeUuid} because there are ports associated with this portgroup.`,
    hint: 'Take the ports out of it first.',
  });
}

/** All ports of a group are on the network of the group. */
async function passOn(tx: Tx, { uuid, physicalNetwork, updatedAt }: Portgroup): Promise<void> {
  await sql`update ports set physical_network = ${physicalNetwork}, updated_at = ${updatedAt} where portgroup_uuid = ${uuid}`.execute(tx);
}

function portsIn(tx: Tx, uuid: string): Promise<number> {
  return countOf(tx, 'ports', { portgroup_uuid: uuid });
}

function addressIn(row: PortgroupTable): Mac | null {
  if (row.address === null) return null;
  const address = parseMac(row.address);
  if (address === undefined) throw damaged(`portgroup ${row.uuid} has the address ${row.address}`);
  return address;
}
