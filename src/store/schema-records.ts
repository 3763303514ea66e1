// The tables behind the parts of Ironic's API beside nodes and ports, as Kysely sees them. The rules of schema.ts hold.

import type { Flag } from './schema.ts';

interface Times {
  created_at: number;
  updated_at: number;
}

export interface ChassisTable extends Times {
  uuid: string;
  description: string | null;
  extra: string;
}

export interface PortgroupTable extends Times {
  uuid: string;
  node_uuid: string;
  name: string | null;
  address: string | null;
  mode: string;
  properties: string;
  standalone_ports_supported: Flag;
  physical_network: string | null;
  category: string | null;
  dynamic_portgroup: Flag;
  internal_info: string;
  extra: string;
}

export interface AllocationTable extends Times {
  uuid: string;
  name: string | null;
  /** allocating, active, error. */
  state: string;
  node_uuid: string | null;
  resource_class: string | null;
  /** JSON arrays. */
  candidate_nodes: string;
  traits: string;
  owner: string | null;
  last_error: string | null;
  extra: string;
}

export interface DeployTemplateTable extends Times {
  uuid: string;
  name: string;
  description: string | null;
  /** JSON array. */
  steps: string;
  extra: string;
}

export interface RunbookTable extends Times {
  uuid: string;
  name: string;
  description: string | null;
  /** JSON array. */
  steps: string;
  disable_ramdisk: Flag;
  public: Flag;
  owner: string | null;
  /** JSON array. */
  traits: string;
  extra: string;
}

export interface InspectionRuleTable extends Times {
  uuid: string;
  description: string | null;
  priority: number;
  phase: string;
  sensitive: Flag;
  /** JSON arrays. */
  conditions: string;
  actions: string;
}

export interface VolumeConnectorTable extends Times {
  uuid: string;
  node_uuid: string;
  type: string;
  connector_id: string;
  extra: string;
}

export interface VolumeTargetTable extends Times {
  uuid: string;
  node_uuid: string;
  volume_type: string;
  volume_id: string;
  boot_index: number;
  properties: string;
  extra: string;
}

export interface VifTable {
  node_uuid: string;
  vif_id: string;
  port_uuid: string | null;
  portgroup_uuid: string | null;
  created_at: number;
}

export interface BiosSettingTable extends Times {
  node_uuid: string;
  name: string;
  value: string | null;
  /** JSON: what the firmware says of the setting (attribute_type, allowable_values, bounds, read_only, …). */
  registry: string;
}

export interface FirmwareComponentTable extends Times {
  node_uuid: string;
  component: string;
  initial_version: string | null;
  current_version: string | null;
  last_version_flashed: string | null;
}

export interface VirtualMediaTable {
  node_uuid: string;
  device_type: string;
  image_url: string;
  image_download_source: string | null;
  inserted_at: number;
}

/** The appliances that share this store. */
export interface ConductorTable extends Times {
  hostname: string;
  conductor_group: string;
  /** JSON array. */
  drivers: string;
  seen_at: number;
}

/** What may be erased on a node, disk by disk, and who said yes to it. */
export interface WipePlanTable extends Times {
  uuid: string;
  node_uuid: string;
  hash: string;
  /** JSON object. */
  plan: string;
  /** proposed, approved, void, spent. */
  state: string;
  approved_by: string | null;
  approved_at: number | null;
  reason: string | null;
}

export interface RecordTables {
  chassis: ChassisTable;
  portgroups: PortgroupTable;
  allocations: AllocationTable;
  deploy_templates: DeployTemplateTable;
  runbooks: RunbookTable;
  inspection_rules: InspectionRuleTable;
  volume_connectors: VolumeConnectorTable;
  volume_targets: VolumeTargetTable;
  vifs: VifTable;
  bios_settings: BiosSettingTable;
  firmware_components: FirmwareComponentTable;
  virtual_media: VirtualMediaTable;
  conductors: ConductorTable;
  wipe_plans: WipePlanTable;
}
