// Which fields a node and a port have, since which version, and where their values come from. Data: a new field is a row here.

import { isoTime } from '../../lib/index.ts';
import type { Node, Port } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import type { Minor } from './version.ts';

export interface Field<Model> {
  readonly name: string;
  readonly since: Minor;
  /** Shown in lists when nothing else is asked for. */
  readonly isDefault?: true;
  /** Made of links: given in full replies, and in others only where Ironic does. */
  readonly isLink?: true;
  readonly read: (model: Model, view: View) => unknown;
}

export interface View {
  readonly minor: Minor;
  /** https://host:port, without a slash at the end. */
  readonly baseUrl: string;
}

const NONE = (): null => null;
const EMPTY = (): Record<string, never> => ({});

/** The interfaces of a hardware type, none of which this appliance has as Ironic has them. */
const INTERFACES: readonly (readonly [name: string, since: Minor])[] = [
  ['bios', 40],
  ['boot', 31],
  ['console', 31],
  ['deploy', 31],
  ['firmware', 86],
  ['inspect', 31],
  ['management', 31],
  ['network', 20],
  ['power', 31],
  ['raid', 31],
  ['rescue', 38],
  ['storage', 33],
  ['vendor', 31],
];

export const NODE_FIELDS: readonly Field<Node>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (node) => node.uuid },
  { name: 'name', since: 5, isDefault: true, read: (node) => node.name },
  { name: 'instance_uuid', since: 1, isDefault: true, read: (node) => node.instanceUuid },
  { name: 'maintenance', since: 1, isDefault: true, read: (node) => node.maintenance },
  { name: 'power_state', since: 1, isDefault: true, read: (node) => node.powerState },
  { name: 'provision_state', since: 1, isDefault: true, read: (node, { minor }) => stateFor(node.provisionState, minor) },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (node, view) => links(view, 'nodes', node.uuid) },
  { name: 'allocation_uuid', since: 52, read: NONE },
  { name: 'automated_clean', since: 47, read: NONE },
  { name: 'boot_mode', since: 75, read: NONE },
  { name: 'chassis_uuid', since: 1, read: NONE },
  { name: 'clean_step', since: 7, read: EMPTY },
  { name: 'conductor', since: 49, read: NONE },
  { name: 'conductor_group', since: 46, read: () => '' },
  { name: 'console_enabled', since: 1, read: () => false },
  { name: 'created_at', since: 1, read: (node) => time(node.createdAt) },
  { name: 'deploy_step', since: 44, read: EMPTY },
  { name: 'description', since: 51, read: (node) => node.description },
  { name: 'disable_power_off', since: 95, read: () => false },
  { name: 'driver', since: 1, read: (node) => node.driver },
  { name: 'driver_info', since: 1, read: (node) => masked(node.driverInfo) },
  { name: 'driver_internal_info', since: 3, read: (node) => masked(node.driverInternalInfo) },
  { name: 'extra', since: 1, read: (node) => masked(node.extra) },
  { name: 'fault', since: 42, read: (node) => node.fault },
  { name: 'health', since: 109, read: NONE },
  { name: 'inspection_finished_at', since: 6, read: (node) => time(node.inspectionFinishedAt) },
  { name: 'inspection_started_at', since: 6, read: (node) => time(node.inspectionStartedAt) },
  { name: 'instance_info', since: 1, read: (node) => masked(node.instanceInfo) },
  { name: 'instance_name', since: 104, read: NONE },
  { name: 'last_error', since: 1, read: (node) => node.lastError },
  { name: 'lessee', since: 65, read: (node) => node.lessee },
  { name: 'maintenance_reason', since: 1, read: (node) => node.maintenanceReason },
  { name: 'network_data', since: 66, read: EMPTY },
  { name: 'owner', since: 50, read: (node) => node.owner },
  { name: 'parent_node', since: 83, read: NONE },
  { name: 'properties', since: 1, read: (node) => masked(node.properties) },
  { name: 'protected', since: 48, read: (node) => node.protected },
  { name: 'protected_reason', since: 48, read: (node) => node.protectedReason },
  { name: 'provision_updated_at', since: 1, read: (node) => time(node.provisionUpdatedAt) },
  { name: 'raid_config', since: 12, read: EMPTY },
  { name: 'reservation', since: 1, read: NONE },
  { name: 'resource_class', since: 21, read: (node) => node.resourceClass },
  { name: 'retired', since: 61, read: () => false },
  { name: 'retired_reason', since: 61, read: NONE },
  { name: 'secure_boot', since: 75, read: NONE },
  { name: 'service_step', since: 87, read: EMPTY },
  { name: 'shard', since: 82, read: NONE },
  { name: 'target_power_state', since: 1, read: (node) => node.targetPowerState },
  { name: 'target_provision_state', since: 1, read: (node, { minor }) => stateFor(node.targetProvisionState, minor) },
  { name: 'target_raid_config', since: 12, read: EMPTY },
  { name: 'traits', since: 37, read: () => [] },
  { name: 'updated_at', since: 1, read: (node) => time(node.updatedAt) },
  ...INTERFACES.map(([name, since]) => ({ name: `${name}_interface`, since, read: NONE })),
  { name: 'ports', since: 1, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/ports`) },
  { name: 'states', since: 14, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/states`) },
];

export const PORT_FIELDS: readonly Field<Port>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (port) => port.uuid },
  { name: 'address', since: 1, isDefault: true, read: (port) => port.address },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (port, view) => links(view, 'ports', port.uuid) },
  { name: 'created_at', since: 1, read: (port) => time(port.createdAt) },
  { name: 'updated_at', since: 1, read: (port) => time(port.updatedAt) },
  { name: 'extra', since: 1, read: (port) => masked(port.extra) },
  { name: 'internal_info', since: 18, read: EMPTY },
  { name: 'is_smartnic', since: 53, read: () => false },
  { name: 'local_link_connection', since: 19, read: (port) => masked(port.localLinkConnection) },
  { name: 'name', since: 88, read: (port) => port.name },
  { name: 'node_uuid', since: 1, read: (port) => port.nodeUuid },
  { name: 'physical_network', since: 34, read: NONE },
  { name: 'portgroup_uuid', since: 24, read: NONE },
  { name: 'pxe_enabled', since: 19, read: (port) => port.pxeEnabled },
];

/** What GET …/states shows of a node. */
export const STATE_FIELDS: readonly string[] = [
  'console_enabled',
  'last_error',
  'power_state',
  'provision_state',
  'provision_updated_at',
  'raid_config',
  'target_power_state',
  'target_provision_state',
  'target_raid_config',
  'boot_mode',
  'secure_boot',
];

export function links(view: View, collection: string, path: string): readonly { readonly href: string; readonly rel: string }[] {
  return [
    { href: `${view.baseUrl}/v1/${collection}/${path}`, rel: 'self' },
    { href: `${view.baseUrl}/${collection}/${path}`, rel: 'bookmark' },
  ];
}

/** Old clients know fewer states: before 1.2 an available node has none, before 1.39 waiting for inspection is inspecting. */
function stateFor(state: Node['provisionState'] | null, minor: Minor): string | null {
  if (state === 'available' && minor < 2) return null;
  if (state === 'inspect wait' && minor < 39) return 'inspecting';
  return state;
}

/** Ironic writes +00:00 and leaves milliseconds out. */
export function time(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms).replace(/\.\d{3}Z$/, '+00:00');
}
