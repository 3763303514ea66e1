// A node's fields as the columns that store them. Has no provision state: move.ts alone writes that one.

import type { Flag, NodeTable, Vault } from '../store/index.ts';
import { type JsonColumn, type JsonObject, jsonColumn } from './json.ts';
import type { NodeFields, NodeUuid } from './model.ts';
import { sealDriverInfo } from './sealed.ts';

export type NodeChanges = { readonly [F in keyof NodeFields]?: NodeFields[F] | undefined };

type OwnColumns =
  | 'uuid'
  | 'provision_state'
  | 'target_provision_state'
  | 'provision_updated_at'
  | 'inspection_started_at'
  | 'inspection_finished_at';
export type FieldColumns = Omit<NodeTable, OwnColumns | 'created_at' | 'updated_at' | 'version'>;
type SomeColumns = { readonly [C in keyof FieldColumns]: FieldColumns[C] | undefined };
type Sealer = Pick<Vault, 'seal' | 'open'>;

/** Only columns whose field is given are defined. */
export function columnsOf(uuid: NodeUuid, fields: NodeFields, vault: Sealer): FieldColumns;
export function columnsOf(uuid: NodeUuid, fields: NodeChanges, vault: Sealer): SomeColumns;
export function columnsOf(uuid: NodeUuid, fields: NodeChanges, vault: Sealer): SomeColumns {
  return {
    name: fields.name,
    description: fields.description,
    driver: fields.driver,
    resource_class: fields.resourceClass,
    properties: json('properties', fields.properties),
    driver_info: fields.driverInfo === undefined ? undefined : jsonColumn('driver_info', sealDriverInfo(uuid, fields.driverInfo, vault)),
    driver_internal_info: json('driver_internal_info', fields.driverInternalInfo),
    instance_info: json('instance_info', fields.instanceInfo),
    extra: json('extra', fields.extra),
    instance_uuid: fields.instanceUuid,
    owner: fields.owner,
    lessee: fields.lessee,
    power_state: fields.powerState,
    target_power_state: fields.targetPowerState,
    maintenance: flag(fields.maintenance),
    maintenance_reason: fields.maintenanceReason,
    fault: fields.fault,
    protected: flag(fields.protected),
    protected_reason: fields.protectedReason,
    ignored: flag(fields.ignored),
    last_error: fields.lastError,
    smbios_uuid: fields.smbiosUuid,
    smbios_serial: fields.smbiosSerial,
    chassis_uuid: fields.chassisUuid,
    conductor_group: fields.conductorGroup,
    shard: fields.shard,
    parent_node: fields.parentNode,
    retired: flag(fields.retired),
    retired_reason: fields.retiredReason,
    automated_clean: maybe(fields.automatedClean),
    disable_power_off: flag(fields.disablePowerOff),
    observe_only: flag(fields.observeOnly),
    console_enabled: flag(fields.consoleEnabled),
    network_data: json('network_data', fields.networkData),
    boot_mode: fields.bootMode,
    secure_boot: maybe(fields.secureBoot),
    health: fields.health,
    instance_name: fields.instanceName,
    allocation_uuid: fields.allocationUuid,
    raid_config: json('raid_config', fields.raidConfig),
    target_raid_config: json('target_raid_config', fields.targetRaidConfig),
    clean_step: json('clean_step', fields.cleanStep),
    deploy_step: json('deploy_step', fields.deployStep),
    service_step: json('service_step', fields.serviceStep),
    traits: fields.traits === undefined ? undefined : JSON.stringify([...new Set(fields.traits)].toSorted()),
    interfaces: fields.interfaces === undefined ? undefined : JSON.stringify(fields.interfaces),
  };
}

/** What a node has where nothing was said. */
export const BLANK: Omit<NodeFields, 'driver'> = {
  name: null,
  description: null,
  resourceClass: null,
  properties: {},
  driverInfo: {},
  driverInternalInfo: {},
  instanceInfo: {},
  extra: {},
  instanceUuid: null,
  owner: null,
  lessee: null,
  powerState: null,
  targetPowerState: null,
  maintenance: false,
  maintenanceReason: null,
  fault: null,
  protected: false,
  protectedReason: null,
  ignored: false,
  lastError: null,
  smbiosUuid: null,
  smbiosSerial: null,
  chassisUuid: null,
  conductorGroup: '',
  shard: null,
  parentNode: null,
  retired: false,
  retiredReason: null,
  automatedClean: null,
  disablePowerOff: false,
  observeOnly: false,
  consoleEnabled: false,
  networkData: {},
  bootMode: null,
  secureBoot: null,
  health: null,
  instanceName: null,
  allocationUuid: null,
  raidConfig: {},
  targetRaidConfig: {},
  cleanStep: {},
  deployStep: {},
  serviceStep: {},
  traits: [],
  interfaces: {},
};

function maybe(value: boolean | null | undefined): Flag | null | undefined {
  return value === null ? null : flag(value);
}

export function flag(value: boolean): Flag;
export function flag(value: boolean | undefined): Flag | undefined;
export function flag(value: boolean | undefined): Flag | undefined {
  if (value === undefined) return undefined;
  return value ? 1 : 0;
}

function json(column: JsonColumn, value: JsonObject | undefined): string | undefined {
  return value === undefined ? undefined : jsonColumn(column, value);
}
