// Virtual interfaces (Ironic's VIFs) on ports and port groups. No network is changed for them: what is kept is which is where, and the
// record is shown on the port as Ironic does.

import type { Clock } from '../../lib/index.ts';
import type { EventLog, Tx, VifTable } from '../../store/index.ts';
import type { Reader } from '../list.ts';
import type { Node, Port } from '../model.ts';
import type { Ports } from '../ports.ts';
import { badValue, fail } from './errors.ts';
import type { Keeper } from './keeper.ts';
import type { Portgroup } from './portgroups.ts';

export interface VifRequest {
  readonly id: string;
  readonly portUuid?: string;
  readonly portgroupUuid?: string;
}

export interface Vif {
  readonly id: string;
  readonly portUuid: string | null;
  readonly portgroupUuid: string | null;
}

export interface Vifs {
  list(node: Node, on?: Reader): Promise<Vif[]>;
  attach(tx: Tx, node: Node, request: VifRequest): Promise<Vif>;
  detach(tx: Tx, node: Node, id: string): Promise<void>;
  /** All of them: the machine is given back. */
  clear(tx: Tx, node: Node): Promise<void>;
}

export interface VifDeps {
  readonly db: Reader;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly ports: Ports;
  readonly portgroups: Keeper<Portgroup>;
}

/** As many as a machine can have ports and groups. */
const PER_NODE = 96;
/** Where Ironic shows it in a port's internal_info. */
const INFO_KEY = 'tenant_vif_port_id';

export function createVifs(deps: VifDeps): Vifs {
  return {
    list: async (node, on) => (await rowsOf(on ?? deps.db, node.uuid)).map(vifOf),
    attach: (tx, node, request) => attach(tx, node, request, deps),
    detach: (tx, node, id) => detach(tx, node, id, deps),
    clear: async (tx, node) => {
      for (const row of await rowsOf(tx, node.uuid)) await detach(tx, node, row.vif_id, deps);
    },
  };
}

async function attach(tx: Tx, node: Node, request: VifRequest, deps: VifDeps): Promise<Vif> {
  if (request.id === '' || request.id.length > 255) throw badValue('The id of a VIF has 1 to 255 characters.');
  const elsewhere = await tx.selectFrom('vifs').selectAll().where('vif_id', '=', request.id).executeTakeFirst();
  if (elsewhere !== undefined) {
    if (elsewhere.node_uuid === node.uuid && isNoop(node)) return vifOf(elsewhere);
    throw alreadyAttached(elsewhere);
  }
  const taken = await rowsOf(tx, node.uuid);
  if (taken.length >= PER_NODE)
    throw fail('records.too_many', { message: `node ${node.uuid} has ${PER_NODE} VIFs already`, hint: 'Detach those that nobody uses.' });
  const place = await choosePlace(tx, node, request, taken, deps);
  const row: VifTable = {
    node_uuid: node.uuid,
    vif_id: request.id,
    port_uuid: place.port?.uuid ?? null,
    portgroup_uuid: place.group?.uuid ?? null,
    created_at: deps.clock.now(),
  };
  await tx.insertInto('vifs').values(row).execute();
  await mark(tx, place, request.id, deps);
  await deps.events.append(tx, {
    type: 'node.vif_attached',
    nodeUuid: node.uuid,
    message: `VIF ${request.id} attached to ${placeName(row)}`,
    data: { vif: request.id, port: row.port_uuid, portgroup: row.portgroup_uuid },
  });
  return vifOf(row);
}

async function detach(tx: Tx, node: Node, id: string, deps: VifDeps): Promise<void> {
  const row = (await rowsOf(tx, node.uuid)).find((one) => one.vif_id === id);
  if (row === undefined && isNoop(node)) return;
  if (row === undefined)
    throw fail('records.vif_not_attached', {
      message: `Unable to detach VIF ${id.slice(0, 255)} from node ${node.uuid} because it is not attached to it.`,
    });
  await tx.deleteFrom('vifs').where('node_uuid', '=', node.uuid).where('vif_id', '=', id).execute();
  const port = row.port_uuid === null ? undefined : (await deps.ports.ofNodes([node.uuid], tx)).find(({ uuid }) => uuid === row.port_uuid);
  const group = row.portgroup_uuid === null ? undefined : await deps.portgroups.find(row.portgroup_uuid, tx);
  await mark(tx, { port, group }, undefined, deps);
  await deps.events.append(tx, { type: 'node.vif_detached', nodeUuid: node.uuid, message: `VIF ${id} detached`, data: { vif: id } });
}

interface Place {
  readonly port: Port | undefined;
  readonly group: Portgroup | undefined;
}

/**
 * As Ironic chooses: a group with ports before a single port, a port that boots before one that does not. Without a network to plug
 * into (interface noop) a node needs no free port for a VIF: then it hangs on the node alone.
 */
async function choosePlace(tx: Tx, node: Node, request: VifRequest, taken: readonly VifTable[], deps: VifDeps): Promise<Place> {
  const all = await deps.ports.ofNodes([node.uuid], tx);
  const used = new Set(taken.flatMap((row) => [row.port_uuid, row.portgroup_uuid]));
  const free = all.filter((port) => !used.has(port.uuid));
  if (request.portUuid !== undefined) {
    const port = free.find(({ uuid }) => uuid === request.portUuid);
    if (port === undefined) throw noFreePort(request.id);
    return { port, group: undefined };
  }
  const groups = (await deps.portgroups.list({ where: { nodeUuid: node.uuid } }, tx)).filter(
    ({ uuid }) =>
      !used.has(uuid) &&
      (request.portgroupUuid ?? uuid) === uuid &&
      all.some((port) => port.portgroupUuid === uuid) &&
      !all.some((port) => port.portgroupUuid === uuid && used.has(port.uuid)),
  );
  if (groups[0] !== undefined) return { port: undefined, group: groups[0] };
  if (request.portgroupUuid !== undefined) throw noFreePort(request.id);
  const single = free.filter((port) => port.portgroupUuid === null || all.some((other) => isBusyMember(other, port, used)));
  const port = single.find(({ pxeEnabled }) => pxeEnabled) ?? single[0];
  if (port === undefined && !isNoop(node)) throw noFreePort(request.id);
  return { port, group: undefined };
}

/** Ironic's network interface noop agrees to everything: what is attached may be attached again, and what is not may be detached. */
function isNoop({ interfaces }: Node): boolean {
  return (interfaces.network ?? 'noop') === 'noop';
}

/** In a group one of whose ports is used alone, the others are used alone too. */
function isBusyMember(other: Port, port: Port, used: ReadonlySet<string | null>): boolean {
  return other.portgroupUuid === port.portgroupUuid && used.has(other.uuid);
}

async function mark(tx: Tx, { port, group }: Place, id: string | undefined, { ports, portgroups }: VifDeps): Promise<void> {
  const marked = ({ [INFO_KEY]: _gone, ...rest }: Portgroup['internalInfo']) => (id === undefined ? rest : { ...rest, [INFO_KEY]: id });
  if (port !== undefined) await ports.update(tx, port.uuid, { internalInfo: marked(port.internalInfo) });
  if (group !== undefined) await portgroups.update(tx, group, { internalInfo: marked(group.internalInfo) });
}

function rowsOf(db: Reader, nodeUuid: string): Promise<VifTable[]> {
  return db.selectFrom('vifs').selectAll().where('node_uuid', '=', nodeUuid).orderBy('created_at').orderBy('vif_id').execute();
}

function vifOf(row: VifTable): Vif {
  return { id: row.vif_id, portUuid: row.port_uuid, portgroupUuid: row.portgroup_uuid };
}

function placeName({ port_uuid: port, portgroup_uuid: group, node_uuid: node }: VifTable): string {
  return port === null ? (group === null ? `Node ${node}` : `Portgroup ${group}`) : `Port ${port}`;
}

function alreadyAttached(row: VifTable): Error {
  return fail('records.vif_attached', {
    message: `Unable to attach VIF because VIF ${row.vif_id} is already attached to Ironic ${placeName(row)}`,
    hint: 'Detach it there first.',
  });
}

function noFreePort(id: string): Error {
  return fail('records.no_free_port', {
    message: `Unable to attach VIF ${id}, not enough free physical ports.`,
    hint: 'Detach a VIF that nobody uses, or add a port.',
  });
}
