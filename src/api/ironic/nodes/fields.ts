// Which fields a node has in replies, since which version, and where their values come from. Data: a new field is a row here.

import { INTERFACES, type Interface, type Node } from '../../../nodes/index.ts';
import { masked } from '../../mask.ts';
import { type Field, links, time } from '../fields.ts';
import type { Minor } from '../version.ts';

/** Since when a node shows what it has chosen for the interface. */
const INTERFACE_SINCE: Readonly<Record<Interface, Minor>> = {
  bios: 40,
  boot: 31,
  console: 31,
  deploy: 31,
  firmware: 86,
  inspect: 31,
  management: 31,
  network: 20,
  power: 31,
  raid: 31,
  rescue: 38,
  storage: 33,
  vendor: 31,
};

export const NODE_FIELDS: readonly Field<Node>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (node) => node.uuid },
  { name: 'name', since: 5, isDefault: true, read: (node) => node.name },
  { name: 'instance_uuid', since: 1, isDefault: true, read: (node) => node.instanceUuid },
  { name: 'maintenance', since: 1, isDefault: true, read: (node) => node.maintenance },
  { name: 'power_state', since: 1, isDefault: true, read: (node) => node.powerState },
  { name: 'provision_state', since: 1, isDefault: true, read: (node, { minor }) => stateFor(node.provisionState, minor) },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (node, view) => links(view, 'nodes', node.uuid) },
  { name: 'allocation_uuid', since: 52, read: (node) => node.allocationUuid },
  { name: 'automated_clean', since: 47, read: (node) => node.automatedClean },
  { name: 'boot_mode', since: 75, read: (node) => node.bootMode },
  { name: 'chassis_uuid', since: 1, read: (node) => node.chassisUuid },
  { name: 'clean_step', since: 7, read: (node) => node.cleanStep },
  { name: 'conductor', since: 49, read: (node, view) => view.aboutNodes?.conductorOf(node) ?? null },
  { name: 'conductor_group', since: 46, read: (node) => node.conductorGroup },
  { name: 'console_enabled', since: 1, read: (node) => node.consoleEnabled },
  { name: 'created_at', since: 1, read: (node) => time(node.createdAt) },
  { name: 'deploy_step', since: 44, read: (node) => node.deployStep },
  { name: 'description', since: 51, read: (node) => node.description },
  { name: 'disable_power_off', since: 95, read: (node) => node.disablePowerOff },
  { name: 'driver', since: 1, read: (node) => node.driver },
  { name: 'driver_info', since: 1, read: (node) => masked(node.driverInfo) },
  { name: 'driver_internal_info', since: 3, read: (node) => masked(node.driverInternalInfo) },
  { name: 'extra', since: 1, read: (node) => masked(node.extra) },
  { name: 'fault', since: 42, read: (node) => node.fault },
  { name: 'health', since: 109, read: (node) => node.health },
  { name: 'inspection_finished_at', since: 6, read: (node) => time(node.inspectionFinishedAt) },
  { name: 'inspection_started_at', since: 6, read: (node) => time(node.inspectionStartedAt) },
  { name: 'instance_info', since: 1, read: (node) => masked(node.instanceInfo) },
  { name: 'instance_name', since: 104, read: (node) => node.instanceName },
  { name: 'last_error', since: 1, read: (node) => node.lastError },
  { name: 'lessee', since: 65, read: (node) => node.lessee },
  { name: 'maintenance_reason', since: 1, read: (node) => node.maintenanceReason },
  { name: 'network_data', since: 66, read: (node) => node.networkData },
  { name: 'owner', since: 50, read: (node) => node.owner },
  { name: 'parent_node', since: 83, read: (node) => node.parentNode },
  { name: 'properties', since: 1, read: (node) => masked(node.properties) },
  { name: 'protected', since: 48, read: (node) => node.protected },
  { name: 'protected_reason', since: 48, read: (node) => node.protectedReason },
  { name: 'provision_updated_at', since: 1, read: (node) => time(node.provisionUpdatedAt) },
  { name: 'raid_config', since: 12, read: (node) => node.raidConfig },
  { name: 'reservation', since: 1, read: (node, view) => view.aboutNodes?.holders.get(node.uuid) ?? null },
  { name: 'resource_class', since: 21, read: (node) => node.resourceClass },
  { name: 'retired', since: 61, read: (node) => node.retired },
  { name: 'retired_reason', since: 61, read: (node) => node.retiredReason },
  { name: 'secure_boot', since: 75, read: (node) => node.secureBoot },
  { name: 'service_step', since: 87, read: (node) => node.serviceStep },
  { name: 'shard', since: 82, read: (node) => node.shard },
  { name: 'target_power_state', since: 1, read: (node) => node.targetPowerState },
  { name: 'target_provision_state', since: 1, read: (node, { minor }) => stateFor(node.targetProvisionState, minor) },
  { name: 'target_raid_config', since: 12, read: (node) => node.targetRaidConfig },
  { name: 'traits', since: 37, read: (node) => node.traits },
  // Null until the first change, as from Ironic.
  { name: 'updated_at', since: 1, read: (node) => (node.version === 1 ? null : time(node.updatedAt)) },
  ...INTERFACES.map(
    (which): Field<Node> => ({
      name: `${which}_interface`,
      since: INTERFACE_SINCE[which],
      read: (node, view) => view.aboutNodes?.interfaceOf(node, which) ?? node.interfaces[which] ?? null,
    }),
  ),
  { name: 'ports', since: 1, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/ports`) },
  { name: 'states', since: 14, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/states`) },
  { name: 'portgroups', since: 24, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/portgroups`) },
  { name: 'volume', since: 32, isLink: true, read: (node, view) => links(view, 'nodes', `${node.uuid}/volume`) },
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

/** Old clients know fewer states: before 1.2 an available node has none, before 1.39 waiting for inspection is inspecting. */
function stateFor(state: Node['provisionState'] | null, minor: Minor): string | null {
  if (state === 'available' && minor < 2) return null;
  if (state === 'inspect wait' && minor < 39) return 'inspecting';
  return state;
}
