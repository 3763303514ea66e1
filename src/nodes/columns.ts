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
};

export function flag(value: boolean): Flag;
export function flag(value: boolean | undefined): Flag | undefined;
export function flag(value: boolean | undefined): Flag | undefined {
  if (value === undefined) return undefined;
  return value ? 1 : 0;
}

function json(column: JsonColumn, value: JsonObject | undefined): string | undefined {
  return value === undefined ? undefined : jsonColumn(column, value);
}
