// Rows with every column filled, for tests that need one of a kind.

import type { NodeTable, PortTable, Store, TaskTable } from '../../../src/store/index.ts';

export const NODE: NodeTable = {
  uuid: '6f1b4c1e-0000-4000-8000-000000000001',
  name: 'n1',
  description: null,
  driver: 'manual',
  resource_class: null,
  provision_state: 'enroll',
  target_provision_state: null,
  provision_updated_at: null,
  power_state: null,
  target_power_state: null,
  maintenance: 0,
  maintenance_reason: null,
  fault: null,
  protected: 0,
  protected_reason: null,
  ignored: 0,
  last_error: null,
  properties: '{}',
  driver_info: '{}',
  driver_internal_info: '{}',
  instance_info: '{}',
  extra: '{}',
  instance_uuid: null,
  owner: null,
  lessee: null,
  smbios_uuid: null,
  smbios_serial: null,
  inspection_started_at: null,
  inspection_finished_at: null,
  chassis_uuid: null,
  conductor_group: '',
  shard: null,
  parent_node: null,
  retired: 0,
  retired_reason: null,
  automated_clean: null,
  disable_power_off: 0,
  observe_only: 0,
  console_enabled: 0,
  network_data: '{}',
  boot_mode: null,
  secure_boot: null,
  health: null,
  instance_name: null,
  allocation_uuid: null,
  raid_config: '{}',
  target_raid_config: '{}',
  clean_step: '{}',
  deploy_step: '{}',
  service_step: '{}',
  traits: '[]',
  interfaces: '{}',
  created_at: 1_700_000_000_000,
  updated_at: 1_700_000_000_000,
  version: 1,
};

export const PORT: PortTable = {
  uuid: '6f1b4c1e-0000-4000-8000-0000000000a1',
  node_uuid: NODE.uuid,
  address: '52:54:00:00:00:01',
  name: null,
  pxe_enabled: 1,
  local_link_connection: '{}',
  extra: '{}',
  portgroup_uuid: null,
  physical_network: null,
  is_smartnic: 0,
  internal_info: '{}',
  description: null,
  vendor: null,
  category: null,
  available_for_dynamic_portgroup: 1,
  created_at: 1,
  updated_at: 1,
};

export const TASK: TaskTable = {
  id: 't1',
  kind: 'inspect',
  subject: `node:${NODE.uuid}`,
  node_uuid: NODE.uuid,
  locks: '[]',
  args: '{}',
  state: 'queued',
  priority: 0,
  step: 0,
  progress: 0.25,
  progress_text: null,
  cancel_requested: 0,
  error: null,
  result: null,
  owner: null,
  fence: 0,
  lease_until: 0,
  wake_event: null,
  wakes: '[]',
  idempotency_key: null,
  run_after: 0,
  created_at: 1,
  started_at: null,
  finished_at: null,
  updated_at: 1,
};

export async function addNode(store: Store, changes: Partial<NodeTable> = {}): Promise<NodeTable> {
  const node = { ...NODE, ...changes };
  await store.db.insertInto('nodes').values(node).execute();
  return node;
}

export async function setSetting(store: Store, key: string, value: string): Promise<void> {
  await store.transaction((tx) => tx.insertInto('settings').values({ key, value, updated_at: 1 }).execute());
}

export async function settingKeys(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('settings').select('key').orderBy('key').execute();
  return rows.map((row) => row.key);
}
