// What Ironic's API remembers beside nodes and ports, who may use the appliance, and what was done. A new column of an old table has
// a default, so that rows of the version before stay good. Once released this file is never edited.

import { sql } from 'kysely';
import { type Index, type Kind, makeIndexes, makeTable, type Table, typeOf } from './tables.ts';
import type { ColumnTypes, Migration, MigrationTx } from './types.ts';

export const ironic: Migration = {
  version: 2,
  name: 'ironic',
  async up(tx, types) {
    await widen(tx, types);
    for (const table of TABLES) await makeTable(tx, types, table);
    await makeIndexes(tx, INDEXES);
    await tx.insertInto('counters').values({ name: 'audit', value: 0 }).execute();
  },
};

const TIMES = { created_at: 'int!', updated_at: 'int!' } as const;

const TABLES: readonly Table[] = [
  { name: 'chassis', key: ['uuid'], columns: { uuid: 'text!', description: 'text', extra: 'text!', ...TIMES } },
  {
    name: 'portgroups',
    key: ['uuid'],
    ofNode: true,
    columns: {
      uuid: 'text!',
      node_uuid: 'text!',
      name: 'text',
      address: 'text',
      mode: 'text!',
      properties: 'text!',
      standalone_ports_supported: 'int!',
      physical_network: 'text',
      category: 'text',
      dynamic_portgroup: 'int!',
      internal_info: 'text!',
      extra: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'allocations',
    key: ['uuid'],
    columns: {
      uuid: 'text!',
      name: 'text',
      state: 'text!',
      node_uuid: 'text',
      resource_class: 'text',
      candidate_nodes: 'text!',
      traits: 'text!',
      owner: 'text',
      last_error: 'text',
      extra: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'deploy_templates',
    key: ['uuid'],
    columns: { uuid: 'text!', name: 'text!', description: 'text', steps: 'text!', extra: 'text!', ...TIMES },
  },
  {
    name: 'runbooks',
    key: ['uuid'],
    columns: {
      uuid: 'text!',
      name: 'text!',
      description: 'text',
      steps: 'text!',
      disable_ramdisk: 'int!',
      public: 'int!',
      owner: 'text',
      traits: 'text!',
      extra: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'inspection_rules',
    key: ['uuid'],
    columns: {
      uuid: 'text!',
      description: 'text',
      priority: 'int!',
      phase: 'text!',
      sensitive: 'int!',
      conditions: 'text!',
      actions: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'volume_connectors',
    key: ['uuid'],
    ofNode: true,
    columns: { uuid: 'text!', node_uuid: 'text!', type: 'text!', connector_id: 'text!', extra: 'text!', ...TIMES },
  },
  {
    name: 'volume_targets',
    key: ['uuid'],
    ofNode: true,
    columns: {
      uuid: 'text!',
      node_uuid: 'text!',
      volume_type: 'text!',
      volume_id: 'text!',
      boot_index: 'int!',
      properties: 'text!',
      extra: 'text!',
      ...TIMES,
    },
  },
  {
    name: 'vifs',
    key: ['node_uuid', 'vif_id'],
    ofNode: true,
    columns: { node_uuid: 'text!', vif_id: 'text!', port_uuid: 'text', portgroup_uuid: 'text', created_at: 'int!' },
  },
  {
    name: 'bios_settings',
    key: ['node_uuid', 'name'],
    ofNode: true,
    // `registry`: JSON of what the firmware says of the setting (attribute_type, allowable_values, bounds, read_only, …).
    columns: { node_uuid: 'text!', name: 'text!', value: 'text', registry: 'text!', ...TIMES },
  },
  {
    name: 'firmware_components',
    key: ['node_uuid', 'component'],
    ofNode: true,
    columns: {
      node_uuid: 'text!',
      component: 'text!',
      initial_version: 'text',
      current_version: 'text',
      last_version_flashed: 'text',
      ...TIMES,
    },
  },
  {
    name: 'virtual_media',
    key: ['node_uuid', 'device_type'],
    ofNode: true,
    columns: { node_uuid: 'text!', device_type: 'text!', image_url: 'text!', image_download_source: 'text', inserted_at: 'int!' },
  },
  {
    name: 'conductors',
    key: ['hostname'],
    columns: { hostname: 'text!', conductor_group: 'text!', drivers: 'text!', seen_at: 'int!', ...TIMES },
  },
  {
    name: 'wipe_plans',
    key: ['uuid'],
    ofNode: true,
    // `plan`: the disks as JSON. `state`: proposed, approved, void, spent.
    columns: {
      uuid: 'text!',
      node_uuid: 'text!',
      hash: 'text!',
      plan: 'text!',
      state: 'text!',
      approved_by: 'text',
      approved_at: 'int',
      reason: 'text',
      ...TIMES,
    },
  },
  {
    name: 'users',
    key: ['name'],
    columns: {
      name: 'text!',
      role: 'text!',
      password: 'text!',
      is_disabled: 'int!',
      failures: 'int!',
      locked_until: 'int!',
      last_login_at: 'int',
      ...TIMES,
    },
  },
  {
    name: 'sessions',
    key: ['hash'],
    columns: {
      hash: 'text!',
      user_name: 'text!',
      csrf_hash: 'text!',
      created_at: 'int!',
      seen_at: 'int!',
      expires_at: 'int!',
      address: 'text',
      agent: 'text',
    },
  },
  {
    name: 'api_tokens',
    key: ['id'],
    columns: {
      id: 'text!',
      name: 'text!',
      hash: 'text!',
      role: 'text!',
      scopes: 'text!',
      project: 'text',
      created_by: 'text!',
      created_at: 'int!',
      expires_at: 'int',
      used_at: 'int',
    },
  },
  {
    name: 'audit',
    key: ['seq'],
    // Each row's hash covers the one before it: a row that was changed or taken out shows.
    columns: {
      seq: 'int!',
      at: 'int!',
      actor: 'text!',
      role: 'text!',
      method: 'text!',
      path: 'text!',
      status: 'int!',
      address: 'text',
      request_id: 'text',
      detail: 'text!',
      hash: 'text!',
    },
  },
];

const INDEXES: readonly Index[] = [
  { table: 'nodes', columns: ['resource_class', 'provision_state'] },
  { table: 'nodes', columns: ['parent_node'] },
  { table: 'nodes', columns: ['chassis_uuid'] },
  { table: 'nodes', columns: ['shard'] },
  { table: 'nodes', columns: ['created_at', 'uuid'] },
  { table: 'ports', columns: ['portgroup_uuid'] },
  { table: 'portgroups', columns: ['name'], unique: true },
  { table: 'portgroups', columns: ['address'], unique: true },
  { table: 'portgroups', columns: ['node_uuid'] },
  { table: 'allocations', columns: ['name'], unique: true },
  { table: 'allocations', columns: ['node_uuid'] },
  { table: 'allocations', columns: ['state'] },
  { table: 'deploy_templates', columns: ['name'], unique: true },
  { table: 'runbooks', columns: ['name'], unique: true },
  { table: 'volume_connectors', columns: ['node_uuid'] },
  { table: 'volume_connectors', columns: ['type', 'connector_id'], unique: true },
  { table: 'volume_targets', columns: ['node_uuid', 'boot_index'], unique: true },
  { table: 'vifs', columns: ['vif_id'], unique: true },
  { table: 'wipe_plans', columns: ['node_uuid', 'created_at'] },
  { table: 'sessions', columns: ['user_name'] },
  { table: 'sessions', columns: ['expires_at'] },
  { table: 'api_tokens', columns: ['hash'], unique: true },
  { table: 'audit', columns: ['at'] },
];

/** Columns that nodes and ports get, with what an old row means by them. */
const NODE_COLUMNS: Readonly<Record<string, readonly [kind: Kind, old: string | number | null]>> = {
  chassis_uuid: ['text', null],
  conductor_group: ['text!', ''],
  shard: ['text', null],
  parent_node: ['text', null],
  retired: ['int!', 0],
  retired_reason: ['text', null],
  automated_clean: ['int', null],
  disable_power_off: ['int!', 0],
  observe_only: ['int!', 0],
  console_enabled: ['int!', 0],
  network_data: ['text!', '{}'],
  boot_mode: ['text', null],
  secure_boot: ['int', null],
  health: ['text', null],
  instance_name: ['text', null],
  allocation_uuid: ['text', null],
  raid_config: ['text!', '{}'],
  target_raid_config: ['text!', '{}'],
  clean_step: ['text!', '{}'],
  deploy_step: ['text!', '{}'],
  service_step: ['text!', '{}'],
  traits: ['text!', '[]'],
  interfaces: ['text!', '{}'],
};

const PORT_COLUMNS: typeof NODE_COLUMNS = {
  portgroup_uuid: ['text', null],
  physical_network: ['text', null],
  is_smartnic: ['int!', 0],
  internal_info: ['text!', '{}'],
  description: ['text', null],
  vendor: ['text', null],
  category: ['text', null],
  available_for_dynamic_portgroup: ['int!', 1],
};

async function widen(tx: MigrationTx, types: ColumnTypes): Promise<void> {
  for (const [table, columns] of [['nodes', NODE_COLUMNS] as const, ['ports', PORT_COLUMNS] as const])
    for (const [name, [kind, old]] of Object.entries(columns))
      await tx.schema
        .alterTable(table)
        .addColumn(name, typeOf(kind, types), (c) => (kind.endsWith('!') ? c.notNull().defaultTo(sql.lit(old)) : c))
        .execute();
}
