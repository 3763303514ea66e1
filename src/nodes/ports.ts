// The network cards of nodes. A MAC belongs to one node only: the database's unique index has the last word.

import { type Mac, parseMac } from '../lib/index.ts';
import type { PortTable, Tx } from '../store/index.ts';
import { announce } from './announce.ts';
import { badField, checkUnicast } from './checks.ts';
import { flag } from './columns.ts';
import { withConflicts } from './conflicts.ts';
import { fail } from './errors.ts';
import { type JsonObject, jsonColumn } from './json.ts';
import { checkedLimit, MAX_PAGE, type Reader } from './list.ts';
import { type NodeUuid, type Port, type PortUuid, parsePortUuid, portOfRow } from './model.ts';
import type { MoveDeps } from './move.ts';

/** More cards than any machine we know has; a report that names more is false or hostile. */
export const MAX_PORTS = 64;

export interface PortInput {
  readonly address: Mac;
  readonly uuid?: PortUuid;
  readonly name?: string | null;
  readonly pxeEnabled?: boolean;
  readonly localLinkConnection?: JsonObject;
  readonly extra?: JsonObject;
  readonly portgroupUuid?: string | null;
  readonly physicalNetwork?: string | null;
  readonly isSmartnic?: boolean;
  readonly internalInfo?: JsonObject;
  readonly description?: string | null;
  readonly vendor?: string | null;
  readonly category?: string | null;
  readonly availableForDynamicPortgroup?: boolean;
  /** A person's word is taken for addresses that no card should have, as Ironic takes it. */
  readonly isAnyAddress?: boolean;
}

export interface PortQuery {
  readonly nodeUuid?: NodeUuid;
  readonly address?: Mac;
  readonly limit?: number;
  readonly marker?: string;
}

export interface Ports {
  add(tx: Tx, nodeUuid: NodeUuid, input: PortInput): Promise<Port>;
  update(tx: Tx, uuid: PortUuid, changes: Partial<Omit<PortInput, 'uuid'>> & { readonly nodeUuid?: NodeUuid }): Promise<Port>;
  remove(tx: Tx, uuid: PortUuid): Promise<void>;
  /** Throws nodes.port_not_found. */
  get(uuid: PortUuid, on?: Reader): Promise<Port>;
  list(query: PortQuery, on?: Reader): Promise<Port[]>;
  /** All ports of these nodes, for a page of nodes. */
  ofNodes(nodeUuids: readonly NodeUuid[], on?: Reader): Promise<Port[]>;
  findByAddress(address: Mac, on?: Reader): Promise<Port | undefined>;
}

export interface PortDeps extends MoveDeps {
  readonly db: Reader;
}

export function createPorts(deps: PortDeps): Ports {
  return {
    add: (tx, nodeUuid, input) => addPort(tx, nodeUuid, input, deps),
    update: (tx, uuid, changes) => updatePort(tx, uuid, changes, deps),
    remove: (tx, uuid) => removePort(tx, uuid, deps),
    get: (uuid, on) => getPort(on ?? deps.db, uuid),
    list: (query, on) => listPorts(on ?? deps.db, query),
    ofNodes: (nodeUuids, on) => portsOfNodes(on ?? deps.db, nodeUuids),
    findByAddress: async (address, on) => (await listPorts(on ?? deps.db, { address, limit: 1 }))[0],
  };
}

async function addPort(tx: Tx, nodeUuid: NodeUuid, input: PortInput, deps: PortDeps): Promise<Port> {
  if (input.isAnyAddress !== true) checkUnicast(input.address);
  checkPortName(input.name);
  await checkRoom(tx, nodeUuid);
  const now = deps.clock.now();
  const row: PortTable = {
    uuid: input.uuid ?? deps.random.uuid(),
    node_uuid: nodeUuid,
    address: input.address,
    name: input.name ?? null,
    pxe_enabled: flag(input.pxeEnabled ?? true),
    local_link_connection: jsonColumn('local_link_connection', input.localLinkConnection ?? {}),
    extra: jsonColumn('extra', input.extra ?? {}),
    portgroup_uuid: input.portgroupUuid ?? null,
    physical_network: input.physicalNetwork ?? null,
    is_smartnic: flag(input.isSmartnic ?? false),
    internal_info: jsonColumn('internal_info', input.internalInfo ?? {}),
    description: input.description ?? null,
    vendor: input.vendor ?? null,
    category: input.category ?? null,
    available_for_dynamic_portgroup: flag(input.availableForDynamicPortgroup ?? true),
    created_at: now,
    updated_at: now,
  };
  await withConflicts({ 'ports.address': row.address, 'ports.uuid': row.uuid }, () => tx.insertInto('ports').values(row).execute());
  await announce(tx, deps, { type: 'node.port_added', nodeUuid, message: `port ${row.address} added`, data: { address: row.address } });
  return portOfRow(row);
}

async function updatePort(tx: Tx, uuid: PortUuid, changes: Parameters<Ports['update']>[2], deps: PortDeps): Promise<Port> {
  if (changes.address !== undefined && changes.isAnyAddress !== true) checkUnicast(changes.address);
  checkPortName(changes.name);
  const before = await getPort(tx, uuid);
  if (changes.nodeUuid !== undefined && changes.nodeUuid !== before.nodeUuid) await checkRoom(tx, changes.nodeUuid);
  const set = {
    node_uuid: changes.nodeUuid,
    address: changes.address,
    name: changes.name,
    pxe_enabled: flag(changes.pxeEnabled),
    local_link_connection:
      changes.localLinkConnection === undefined ? undefined : jsonColumn('local_link_connection', changes.localLinkConnection),
    extra: changes.extra === undefined ? undefined : jsonColumn('extra', changes.extra),
    portgroup_uuid: changes.portgroupUuid,
    physical_network: changes.physicalNetwork,
    is_smartnic: flag(changes.isSmartnic),
    internal_info: changes.internalInfo === undefined ? undefined : jsonColumn('internal_info', changes.internalInfo),
    description: changes.description,
    vendor: changes.vendor,
    category: changes.category,
    available_for_dynamic_portgroup: flag(changes.availableForDynamicPortgroup),
    updated_at: deps.clock.now(),
  };
  const row = await withConflicts({ 'ports.address': changes.address }, () =>
    tx.updateTable('ports').set(set).where('uuid', '=', uuid).returningAll().executeTakeFirst(),
  );
  if (row === undefined) throw noPort(uuid);
  const port = portOfRow(row);
  const data = { address: port.address, fields: Object.keys(changes).filter((field) => field !== 'isAnyAddress') };
  await announce(tx, deps, { type: 'node.port_changed', nodeUuid: port.nodeUuid, message: `port ${port.address} changed`, data });
  return port;
}

async function removePort(tx: Tx, uuid: PortUuid, deps: PortDeps): Promise<void> {
  const port = await getPort(tx, uuid);
  await tx.deleteFrom('ports').where('uuid', '=', uuid).execute();
  const message = `port ${port.address} removed`;
  await announce(tx, deps, { type: 'node.port_removed', nodeUuid: port.nodeUuid, message, data: { address: port.address } });
}

async function getPort(db: Reader, uuid: PortUuid): Promise<Port> {
  const row = await db.selectFrom('ports').selectAll().where('uuid', '=', uuid).executeTakeFirst();
  if (row === undefined) throw noPort(uuid);
  return portOfRow(row);
}

async function listPorts(db: Reader, query: PortQuery): Promise<Port[]> {
  let rows = db.selectFrom('ports').selectAll();
  if (query.nodeUuid !== undefined) rows = rows.where('node_uuid', '=', query.nodeUuid);
  if (query.address !== undefined) rows = rows.where('address', '=', query.address);
  if (query.marker !== undefined) {
    const marker = parsePortUuid(query.marker);
    if (marker === undefined) {
      throw fail('nodes.bad_query', {
        message: `the marker ${query.marker.slice(0, 80)} is no UUID`,
        hint: 'Give the UUID of the last port you got.',
      });
    }
    rows = rows.where('uuid', '>', marker);
  }
  const found = await rows.orderBy('uuid').limit(checkedLimit(query.limit)).execute();
  return found.map(portOfRow);
}

async function portsOfNodes(db: Reader, nodeUuids: readonly NodeUuid[]): Promise<Port[]> {
  if (nodeUuids.length === 0) return [];
  // Bounded by the pages of nodes and MAX_PORTS.
  const wanted = nodeUuids.slice(0, MAX_PAGE + 1);
  const rows = await db
    .selectFrom('ports')
    .selectAll()
    .where('node_uuid', 'in', wanted)
    .orderBy('node_uuid')
    .orderBy('created_at')
    .orderBy('uuid')
    .execute();
  return rows.map(portOfRow);
}

/** The ports that have one of these addresses; text that is no MAC matches nothing. */
export async function portsByAddress(db: Reader, addresses: readonly string[]): Promise<Port[]> {
  const macs = addresses
    .slice(0, MAX_PORTS)
    .map(parseMac)
    .filter((mac) => mac !== undefined);
  if (macs.length === 0) return [];
  const rows = await db.selectFrom('ports').selectAll().where('address', 'in', macs).orderBy('address').execute();
  return rows.map(portOfRow);
}

async function checkRoom(tx: Tx, nodeUuid: NodeUuid): Promise<void> {
  const node = await tx.selectFrom('nodes').select('uuid').where('uuid', '=', nodeUuid).executeTakeFirst();
  if (node === undefined)
    throw fail('nodes.not_found', {
      message: `there is no node ${nodeUuid} to put a port on`,
      hint: 'List the nodes to see which there are.',
    });
  const { count } = await tx
    .selectFrom('ports')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('node_uuid', '=', nodeUuid)
    .executeTakeFirstOrThrow();
  if (Number(count) < MAX_PORTS) return;
  throw fail('nodes.too_many_ports', {
    message: `node ${nodeUuid} has ${MAX_PORTS} ports already`,
    hint: 'Remove ports of cards that are gone.',
    detail: { node: nodeUuid, limit: MAX_PORTS },
  });
}

function checkPortName(name: string | null | undefined): void {
  if (typeof name === 'string' && (name.length === 0 || name.length > 255)) throw badField('name', 'a port name has 1 to 255 characters');
}

function noPort(uuid: string): Error {
  return fail('nodes.port_not_found', { message: `there is no port ${uuid}`, hint: 'List the ports to see which there are.' });
}
