// The tables, as Kysely sees them. The same on SQLite and PostgreSQL: times are UTC milliseconds, truth values are 0 or 1,
// JSON is text. The migrations in migrations/ make exactly this; a test compares the two.

import type { Generated } from 'kysely';
import type { AccessTables } from './schema-access.ts';
import type { AgentTables } from './schema-agent.ts';
import type { InstallTables } from './schema-install.ts';
import type { RecordTables } from './schema-records.ts';

export type Flag = 0 | 1;

export interface Database extends RecordTables, AccessTables, AgentTables, InstallTables {
  /** Facts about the store itself: key check value, instance id. */
  meta: { key: string; value: string };
  /** Gap-free counters, raised inside the transaction that uses them. */
  counters: { name: string; value: number };
  settings: { key: string; value: string; updated_at: number };
  nodes: NodeTable;
  ports: PortTable;
  inventories: InventoryTable;
  node_history: NodeHistoryTable;
  events: EventTable;
  outbox: OutboxTable;
  leases: LeaseTable;
  tasks: TaskTable;
  task_steps: TaskStepTable;
  task_logs: TaskLogTable;
  secrets: SecretTable;
  dhcp_leases: DhcpLeaseTable;
  reasons: ReasonTable;
  boot_secrets: BootSecretTable;
}

export interface NodeTable {
  uuid: string;
  name: string | null;
  description: string | null;
  driver: string;
  resource_class: string | null;
  provision_state: string;
  target_provision_state: string | null;
  provision_updated_at: number | null;
  power_state: string | null;
  target_power_state: string | null;
  maintenance: Flag;
  maintenance_reason: string | null;
  fault: string | null;
  protected: Flag;
  protected_reason: string | null;
  ignored: Flag;
  last_error: string | null;
  /** JSON objects. driver_info holds sealed secrets as {"$sealed": "…"}. */
  properties: string;
  driver_info: string;
  driver_internal_info: string;
  instance_info: string;
  extra: string;
  instance_uuid: string | null;
  owner: string | null;
  lessee: string | null;
  /** SMBIOS identity, null where the firmware has junk. */
  smbios_uuid: string | null;
  smbios_serial: string | null;
  inspection_started_at: number | null;
  inspection_finished_at: number | null;
  chassis_uuid: string | null;
  conductor_group: string;
  shard: string | null;
  parent_node: string | null;
  retired: Flag;
  retired_reason: string | null;
  /** Null: as the site's default says. */
  automated_clean: Flag | null;
  disable_power_off: Flag;
  /** Every write to the machine is refused. */
  observe_only: Flag;
  console_enabled: Flag;
  network_data: string;
  boot_mode: string | null;
  secure_boot: Flag | null;
  health: string | null;
  instance_name: string | null;
  allocation_uuid: string | null;
  /** JSON objects. The three steps are {} while none runs. */
  raid_config: string;
  target_raid_config: string;
  clean_step: string;
  deploy_step: string;
  service_step: string;
  /** JSON array, sorted. */
  traits: string;
  /** JSON object: the interfaces that were chosen (power, deploy, …); one left out is the hardware type's own. */
  interfaces: string;
  created_at: number;
  updated_at: number;
  /** Raised by every write; the ETag. */
  version: number;
}

export interface PortTable {
  uuid: string;
  node_uuid: string;
  address: string;
  name: string | null;
  pxe_enabled: Flag;
  local_link_connection: string;
  extra: string;
  portgroup_uuid: string | null;
  physical_network: string | null;
  is_smartnic: Flag;
  internal_info: string;
  description: string | null;
  vendor: string | null;
  category: string | null;
  available_for_dynamic_portgroup: Flag;
  created_at: number;
  updated_at: number;
}

export interface InventoryTable {
  node_uuid: string;
  inventory: string;
  plugin_data: string;
  received_at: number;
}

export interface NodeHistoryTable {
  uuid: string;
  node_uuid: string;
  at: number;
  event: string;
  from_state: string;
  to_state: string;
  who: string;
  severity: string;
  reason: string | null;
}

export interface EventTable {
  /** Gap-free and in commit order. */
  seq: number;
  at: number;
  /** Dotted, noun first: node.moved, task.step_failed, dhcp.other_server. */
  type: string;
  severity: string;
  node_uuid: string | null;
  task_id: string | null;
  message: string;
  /** JSON object. Never secrets. */
  data: string;
}

export interface OutboxTable {
  id: string;
  event_seq: number;
  kind: string;
  payload: string;
  created_at: number;
  attempts: number;
  next_at: number;
  done_at: number | null;
  last_error: string | null;
}

export interface LeaseTable {
  key: string;
  holder: string;
  /** Why it is held: shown to whoever is refused. */
  purpose: string;
  expires_at: number;
  /** Raised at each change of holder; goes with every write made under the lease. */
  fence: number;
}

export interface TaskTable {
  id: string;
  kind: string;
  /** What it is about, for lists: node:UUID, cluster:NAME. */
  subject: string;
  node_uuid: string | null;
  /** JSON array of lease keys that it holds while it runs. */
  locks: string;
  args: string;
  state: string;
  priority: number;
  step: number;
  /** 0 to 1, and in words. */
  progress: number;
  progress_text: string | null;
  cancel_requested: Flag;
  error: string | null;
  result: string | null;
  owner: string | null;
  fence: number;
  /** Until when the owner has it; then another may take it up. */
  lease_until: number;
  /** The wake a suspended step waits for, and JSON of those that have come. */
  wake_event: string | null;
  wakes: string;
  /** The submitter's: the same key is the same task. */
  idempotency_key: string | null;
  run_after: number;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  updated_at: number;
}

export interface TaskStepTable {
  task_id: string;
  position: number;
  name: string;
  title: string;
  state: string;
  attempt: number;
  /** How often this attempt was cut off by the end of a process and taken up again. */
  resumes: number;
  error: string | null;
  /** JSON: what the step returned; later steps read it. */
  result: string | null;
  started_at: number | null;
  finished_at: number | null;
}

export interface TaskLogTable {
  id: Generated<number>;
  task_id: string;
  position: number;
  at: number;
  stream: string;
  line: string;
}

export interface SecretTable {
  name: string;
  /** sealed text: key id, nonce, ciphertext, tag. */
  sealed: string;
  updated_at: number;
}

export interface DhcpLeaseTable {
  address: string;
  subnet: string;
  mac: string;
  client_id: string | null;
  smbios_uuid: string | null;
  hostname: string | null;
  /** offered leases live in memory only; bound, released, declined are stored. */
  state: string;
  starts_at: number;
  expires_at: number;
}

export interface ReasonTable {
  id: Generated<number>;
  /** mac:aa:bb:… or node:UUID */
  subject: string;
  at: number;
  /** dhcp, boot, tftp, rule, inspect … */
  area: string;
  decision: string;
  reason: string;
  data: string;
}

export interface BootSecretTable {
  /** SHA-256 of the secret, hex. */
  hash: string;
  mac: string;
  smbios_uuid: string | null;
  created_at: number;
  expires_at: number;
  spent_at: number | null;
  /** SHA-256 of what the agent chose at its look-up: the same secret with another claim is somebody else. */
  claim_hash: string | null;
  /** SHA-256 of the token it was given, hex. */
  token_hash: string | null;
  node_uuid: string | null;
}
