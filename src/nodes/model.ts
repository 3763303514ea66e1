// What a node, a port and their attachments are to the rest of the code, and how they come out of their rows.
// Pure: rows in, models out. Writes go through nodes.ts, and the provision state through move.ts.

import { type Mac, parseMac } from '../lib/index.ts';
import type { InventoryTable, NodeHistoryTable, NodeTable, PortTable, Severity } from '../store/index.ts';
import { damaged, type JsonObject, parseJsonColumn, parseTexts } from './json.ts';
import { isProvisionState } from './machine.ts';
import { type DriverInfo, readDriverInfo } from './sealed.ts';
import type { ProvisionEvent, ProvisionState, Who } from './states.ts';
import { MOVES, WHO } from './states.ts';

export type NodeUuid = string & { readonly __brand: 'NodeUuid' };
export type PortUuid = string & { readonly __brand: 'PortUuid' };

export const POWER_STATES = ['power on', 'power off', 'rebooting', 'soft rebooting', 'soft power off', 'error'] as const;
export type PowerState = (typeof POWER_STATES)[number];

/** What anybody may set, within the rules of update(). The provision state is not among it: move() alone writes that. */
export interface NodeFields {
  readonly name: string | null;
  readonly description: string | null;
  readonly driver: string;
  readonly resourceClass: string | null;
  readonly properties: JsonObject;
  readonly driverInfo: DriverInfo;
  readonly driverInternalInfo: JsonObject;
  readonly instanceInfo: JsonObject;
  readonly extra: JsonObject;
  readonly instanceUuid: string | null;
  readonly owner: string | null;
  readonly lessee: string | null;
  readonly powerState: PowerState | null;
  readonly targetPowerState: PowerState | null;
  readonly maintenance: boolean;
  readonly maintenanceReason: string | null;
  readonly fault: string | null;
  readonly protected: boolean;
  readonly protectedReason: string | null;
  readonly ignored: boolean;
  readonly lastError: string | null;
  /** SMBIOS identity, null where the firmware has junk. */
  readonly smbiosUuid: string | null;
  readonly smbiosSerial: string | null;
  readonly chassisUuid: string | null;
  readonly conductorGroup: string;
  readonly shard: string | null;
  readonly parentNode: string | null;
  readonly retired: boolean;
  readonly retiredReason: string | null;
  /** Null: as the site's default says. */
  readonly automatedClean: boolean | null;
  readonly disablePowerOff: boolean;
  /** Every write to the machine is refused. */
  readonly observeOnly: boolean;
  readonly consoleEnabled: boolean;
  readonly networkData: JsonObject;
  readonly bootMode: string | null;
  readonly secureBoot: boolean | null;
  readonly health: string | null;
  readonly instanceName: string | null;
  readonly allocationUuid: string | null;
  readonly raidConfig: JsonObject;
  readonly targetRaidConfig: JsonObject;
  /** The step under way; {} while there is none. */
  readonly cleanStep: JsonObject;
  readonly deployStep: JsonObject;
  readonly serviceStep: JsonObject;
  /** Sorted, each once. */
  readonly traits: readonly string[];
  /** What was chosen; an interface that is not named is the hardware type's own. */
  readonly interfaces: Interfaces;
}

/** The parts of a machine's driver that can be chosen one by one, in Ironic's names. */
export const INTERFACES = [
  'bios',
  'boot',
  'console',
  'deploy',
  'firmware',
  'inspect',
  'management',
  'network',
  'power',
  'raid',
  'rescue',
  'storage',
  'vendor',
] as const;
export type Interface = (typeof INTERFACES)[number];
export type Interfaces = { readonly [name in Interface]?: string };

export interface Node extends NodeFields {
  readonly uuid: NodeUuid;
  readonly provisionState: ProvisionState;
  readonly targetProvisionState: ProvisionState | null;
  /** The last move, or the last sign of life while something is under way. */
  readonly provisionUpdatedAt: number | null;
  readonly inspectionStartedAt: number | null;
  readonly inspectionFinishedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Raised by every write; the ETag, and what a write is checked against. */
  readonly version: number;
}

export interface Port {
  readonly uuid: PortUuid;
  readonly nodeUuid: NodeUuid;
  readonly address: Mac;
  readonly name: string | null;
  readonly pxeEnabled: boolean;
  readonly localLinkConnection: JsonObject;
  readonly extra: JsonObject;
  readonly portgroupUuid: string | null;
  readonly physicalNetwork: string | null;
  readonly isSmartnic: boolean;
  readonly internalInfo: JsonObject;
  readonly description: string | null;
  readonly vendor: string | null;
  readonly category: string | null;
  /** May the appliance bond it by itself. */
  readonly availableForDynamicPortgroup: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Inventory {
  readonly nodeUuid: NodeUuid;
  readonly inventory: JsonObject;
  readonly pluginData: JsonObject;
  readonly receivedAt: number;
}

export interface HistoryEntry {
  readonly uuid: string;
  readonly nodeUuid: NodeUuid;
  readonly at: number;
  readonly event: ProvisionEvent;
  readonly from: ProvisionState;
  readonly to: ProvisionState;
  readonly who: Who;
  readonly actor: string | null;
  readonly severity: Severity;
  readonly reason: string | null;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text.toLowerCase());
}

export function parseNodeUuid(text: string): NodeUuid | undefined {
  const lower = text.toLowerCase();
  return UUID.test(lower) ? (lower as NodeUuid) : undefined; // the pattern proved the form
}

export function parsePortUuid(text: string): PortUuid | undefined {
  const lower = text.toLowerCase();
  return UUID.test(lower) ? (lower as PortUuid) : undefined; // the pattern proved the form
}

export function nodeOfRow(row: NodeTable): Node {
  const where = `node ${row.uuid}`;
  return {
    uuid: nodeUuidOf(row.uuid),
    name: row.name,
    description: row.description,
    driver: row.driver,
    resourceClass: row.resource_class,
    provisionState: stateIn(row.provision_state, where),
    targetProvisionState: row.target_provision_state === null ? null : stateIn(row.target_provision_state, where),
    provisionUpdatedAt: row.provision_updated_at,
    powerState: powerIn(row.power_state, where),
    targetPowerState: powerIn(row.target_power_state, where),
    maintenance: row.maintenance === 1,
    maintenanceReason: row.maintenance_reason,
    fault: row.fault,
    protected: row.protected === 1,
    protectedReason: row.protected_reason,
    ignored: row.ignored === 1,
    lastError: row.last_error,
    properties: parseJsonColumn('properties', row.properties, where),
    driverInfo: readDriverInfo(row.uuid, parseJsonColumn('driver_info', row.driver_info, where)),
    driverInternalInfo: parseJsonColumn('driver_internal_info', row.driver_internal_info, where),
    instanceInfo: parseJsonColumn('instance_info', row.instance_info, where),
    extra: parseJsonColumn('extra', row.extra, where),
    instanceUuid: row.instance_uuid,
    owner: row.owner,
    lessee: row.lessee,
    smbiosUuid: row.smbios_uuid,
    smbiosSerial: row.smbios_serial,
    chassisUuid: row.chassis_uuid,
    conductorGroup: row.conductor_group,
    shard: row.shard,
    parentNode: row.parent_node,
    retired: row.retired === 1,
    retiredReason: row.retired_reason,
    automatedClean: row.automated_clean === null ? null : row.automated_clean === 1,
    disablePowerOff: row.disable_power_off === 1,
    observeOnly: row.observe_only === 1,
    consoleEnabled: row.console_enabled === 1,
    networkData: parseJsonColumn('network_data', row.network_data, where),
    bootMode: row.boot_mode,
    secureBoot: row.secure_boot === null ? null : row.secure_boot === 1,
    health: row.health,
    instanceName: row.instance_name,
    allocationUuid: row.allocation_uuid,
    raidConfig: parseJsonColumn('raid_config', row.raid_config, where),
    targetRaidConfig: parseJsonColumn('target_raid_config', row.target_raid_config, where),
    cleanStep: parseJsonColumn('clean_step', row.clean_step, where),
    deployStep: parseJsonColumn('deploy_step', row.deploy_step, where),
    serviceStep: parseJsonColumn('service_step', row.service_step, where),
    traits: parseTexts('traits', row.traits, where),
    interfaces: interfacesIn(parseJsonColumn('interfaces', row.interfaces, where), where),
    inspectionStartedAt: row.inspection_started_at,
    inspectionFinishedAt: row.inspection_finished_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}

export function portOfRow(row: PortTable): Port {
  const where = `port ${row.uuid}`;
  const uuid = parsePortUuid(row.uuid);
  const address = parseMac(row.address);
  if (uuid === undefined || address === undefined) throw damaged(`${where} has the address ${row.address}`);
  return {
    uuid,
    nodeUuid: nodeUuidOf(row.node_uuid),
    address,
    name: row.name,
    pxeEnabled: row.pxe_enabled === 1,
    localLinkConnection: parseJsonColumn('local_link_connection', row.local_link_connection, where),
    extra: parseJsonColumn('extra', row.extra, where),
    portgroupUuid: row.portgroup_uuid,
    physicalNetwork: row.physical_network,
    isSmartnic: row.is_smartnic === 1,
    internalInfo: parseJsonColumn('internal_info', row.internal_info, where),
    description: row.description,
    vendor: row.vendor,
    category: row.category,
    availableForDynamicPortgroup: row.available_for_dynamic_portgroup === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function inventoryOfRow(row: InventoryTable): Inventory {
  const where = `the inventory of node ${row.node_uuid}`;
  return {
    nodeUuid: nodeUuidOf(row.node_uuid),
    inventory: parseJsonColumn('inventory', row.inventory, where),
    pluginData: parseJsonColumn('plugin_data', row.plugin_data, where),
    receivedAt: row.received_at,
  };
}

export function historyOfRow(row: NodeHistoryTable): HistoryEntry {
  const where = `history ${row.uuid}`;
  const [who, ...actor] = row.who.split(':');
  return {
    uuid: row.uuid,
    nodeUuid: nodeUuidOf(row.node_uuid),
    at: row.at,
    event: oneOf(EVENTS, row.event, 'event', where),
    from: stateIn(row.from_state, where),
    to: stateIn(row.to_state, where),
    who: oneOf(WHO, who ?? '', 'mover', where),
    actor: actor.length === 0 ? null : actor.join(':'),
    severity: oneOf(SEVERITIES, row.severity, 'severity', where),
    reason: row.reason,
  };
}

const EVENTS: readonly ProvisionEvent[] = [...new Set(MOVES.map((move) => move.event))];
const SEVERITIES = ['info', 'warning', 'error'] as const satisfies readonly Severity[];

export function nodeUuidOf(text: string): NodeUuid {
  const uuid = parseNodeUuid(text);
  if (uuid === undefined) throw damaged(`a node has the UUID ${text}`);
  return uuid;
}

function stateIn(text: string, where: string): ProvisionState {
  if (isProvisionState(text)) return text;
  throw damaged(`${where} is in the provision state ${text}, which does not exist`);
}

function interfacesIn(stored: JsonObject, where: string): Interfaces {
  return Object.fromEntries(
    Object.entries(stored).map(([name, chosen]) => {
      if (typeof chosen !== 'string') throw damaged(`${where} has no name for its ${name} interface`);
      return [oneOf(INTERFACES, name, 'interface', where), chosen];
    }),
  );
}

function powerIn(text: string | null, where: string): PowerState | null {
  return text === null ? null : oneOf(POWER_STATES, text, 'power state', where);
}

function oneOf<T extends string>(known: readonly T[], text: string, what: string, where: string): T {
  const found = known.find((word) => word === text);
  if (found === undefined) throw damaged(`${where} has the ${what} ${text}, which does not exist`);
  return found;
}
