// When a port may be made, changed or removed, beside what its fields may hold: its port group, its node's state, what hangs on it.
// Reads inside the caller's transaction; writes nothing.

import type { Tx } from '../../store/index.ts';
import type { Reader } from '../list.ts';
import { type Port, portOfRow } from '../model.ts';
import type { PortInput } from '../ports.ts';
import { badValue, fail } from './errors.ts';

export type PortChanges = Partial<Omit<PortInput, 'uuid'>> & { readonly nodeUuid?: string };

/** What of a node the rules look at. */
export interface Standing {
  readonly uuid: string;
  readonly provisionState: string;
  readonly maintenance: boolean;
  readonly instanceUuid: string | null;
}

/** In these states nothing is deployed on the machine: its cables may change. */
const REPLACEABLE: readonly string[] = ['enroll', 'inspecting', 'inspect wait', 'manageable'];
const CONNECTIVITY = ['portgroupUuid', 'pxeEnabled', 'localLinkConnection', 'physicalNetwork'] as const;
const CONNECTIVITY_WORDS = 'portgroup_uuid, pxe_enabled, local_link_connection, physical_network';

export async function readStanding(db: Reader, uuid: string): Promise<Standing> {
  const columns = ['uuid', 'provision_state', 'maintenance', 'instance_uuid'] as const;
  const row = await db.selectFrom('nodes').select(columns).where('uuid', '=', uuid).executeTakeFirst();
  if (row === undefined) throw fail('records.no_such_reference', { message: `Node ${uuid} could not be found.` });
  return { uuid, provisionState: row.provision_state, maintenance: row.maintenance === 1, instanceUuid: row.instance_uuid };
}

/** Throws when what is said can only be done while nothing is deployed on the node. */
export function checkReplaced({ provisionState, maintenance }: Standing, what: string): void {
  if (maintenance || REPLACEABLE.includes(provisionState)) return;
  throw fail('records.node_state', {
    message: `${what} unless the node is in a ${REPLACEABLE.join(', ')} state or in maintenance mode. Current state is '${provisionState}'.`,
    hint: 'Set maintenance first.',
  });
}

export async function checkNewPort(tx: Tx, nodeUuid: string, input: PortInput): Promise<void> {
  await checkFields(tx, input, undefined);
  await checkGroup(tx, { ...input, nodeUuid, uuid: undefined }, input.pxeEnabled === true);
}

export async function checkPortChange(tx: Tx, before: Port, changes: PortChanges): Promise<void> {
  const nodeUuid = changes.nodeUuid ?? before.nodeUuid;
  const standing = await readStanding(tx, nodeUuid);
  await checkFields(tx, { ...before, ...changes, address: changes.address ?? before.address }, before.uuid);
  checkState(standing, before, changes);
  const isElsewhere = differs(before.portgroupUuid, changes.portgroupUuid) || nodeUuid !== before.nodeUuid;
  const isOtherNetwork = differs(before.physicalNetwork, changes.physicalNetwork);
  const isBooted = changes.pxeEnabled === true && !before.pxeEnabled;
  if (isElsewhere || isOtherNetwork || isBooted) await checkGroup(tx, { ...before, ...changes, nodeUuid, uuid: before.uuid }, isBooted);
}

export async function checkPortRemoval(tx: Tx, port: Port): Promise<void> {
  const { maintenance } = await readStanding(tx, port.nodeUuid);
  const vif = await tx.selectFrom('vifs').select('vif_id').where('port_uuid', '=', port.uuid).executeTakeFirst();
  if (vif === undefined || maintenance) return;
  throw fail('records.node_state', {
    message: `Cannot delete the port ${port.uuid} as it is bound to VIF ${vif.vif_id} for use.`,
    hint: 'Detach the VIF first, or set maintenance.',
  });
}

function checkState({ uuid, provisionState, maintenance, instanceUuid }: Standing, before: Port, changes: PortChanges): void {
  if (provisionState === 'inspecting')
    throw fail('records.node_state', {
      message: `Cannot update port "${before.uuid}" on "${uuid}" while it is in state "inspecting".`,
      hint: 'Try again when the inspection has ended.',
    });
  if (maintenance) return;
  if (differs(before.address, changes.address) && (provisionState === 'active' || instanceUuid !== null))
    throw fail('records.node_state', {
      message: `Cannot update hardware address for port ${before.uuid} as node ${uuid} is active or has instance UUID assigned`,
      hint: 'Set maintenance first.',
    });
  if (REPLACEABLE.includes(provisionState) || !CONNECTIVITY.some((field) => differs(before[field], changes[field]))) return;
  throw fail('records.node_state', {
    message: `Port ${before.uuid} can not have any connectivity attributes (${CONNECTIVITY_WORDS}) updated unless node ${uuid} is in a ${REPLACEABLE.join(', ')} state or in maintenance mode. The current state is ${provisionState}.`,
    hint: 'Set maintenance first.',
  });
}

async function checkFields(tx: Tx, port: PortInput, self: string | undefined): Promise<void> {
  if (port.physicalNetwork === '') throw badValue('A non-empty value is required when setting physical_network');
  const link = port.localLinkConnection ?? {};
  if (port.isSmartnic === true && (typeof link.port_id !== 'string' || typeof link.hostname !== 'string'))
    throw badValue('Smart NIC port must have port_id and hostname in local_link_connection');
  if (typeof port.name !== 'string') return;
  const namesakes = await tx.selectFrom('ports').select('uuid').where('name', '=', port.name).limit(2).execute();
  if (namesakes.every(({ uuid }) => uuid === self)) return;
  throw fail('records.duplicate', { message: `A port with name ${port.name} already exists.`, hint: 'Choose another name.' });
}

interface Member {
  readonly uuid: string | undefined;
  readonly nodeUuid: string;
  readonly portgroupUuid?: string | null;
  readonly physicalNetwork?: string | null;
}

/** `isBooted`: somebody asks for this port to boot by itself. */
async function checkGroup(tx: Tx, port: Member, isBooted: boolean): Promise<void> {
  const wanted = port.portgroupUuid ?? null;
  if (wanted === null) return;
  const columns = ['node_uuid', 'standalone_ports_supported', 'physical_network'] as const;
  const group = await tx.selectFrom('portgroups').select(columns).where('uuid', '=', wanted).executeTakeFirst();
  if (group === undefined) throw fail('records.no_such_reference', { message: `Portgroup ${wanted} could not be found.` });
  if (group.node_uuid !== port.nodeUuid)
    throw badValue('Port can not be added to a portgroup belonging to a different node.', 'Name a port group of the same node.');
  if (isBooted && group.standalone_ports_supported === 0)
    throw fail('records.unlike_group', {
      message: `Port group ${wanted} doesn't support standalone ports. This port cannot be a member of that portgroup as the port's 'pxe_enabled' field was set to True.`,
      hint: 'Set pxe_enabled to false.',
    });
  const others = (await tx.selectFrom('ports').selectAll().where('portgroup_uuid', '=', wanted).execute()).map(portOfRow);
  const member = others.find(({ uuid }) => uuid !== port.uuid);
  const network = member === undefined ? group.physical_network : member.physicalNetwork;
  if (member === undefined && network === null) return;
  if ((port.physicalNetwork ?? null) === network) return;
  throw fail('records.unlike_group', {
    message: `Port with physical network ${port.physicalNetwork ?? 'None'} cannot become a member of port group ${wanted} which has ports in physical network ${network ?? 'None'}.`,
    hint: 'All ports of a group are on one physical network.',
  });
}

function differs(before: unknown, after: unknown): boolean {
  return after !== undefined && JSON.stringify(after) !== JSON.stringify(before);
}
