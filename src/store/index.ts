// The store's door: everything Rackseed remembers. Knows nothing of nodes, tasks or the network.

export { Batch, type BatchOptions } from './batch.ts';
export { STORE_ERRORS } from './errors.ts';
export { type KeySource, loadStoreKeys } from './keys.ts';
export { openStore } from './open.ts';
export { type Asked, prepared, preparedInsert, preparedWrite } from './prepared.ts';
export { ROTATION_STEPS, type Rotation, type RotationOptions, type RotationStep, rotateStoreKey } from './rotate.ts';
export type {
  BootSecretTable,
  Database,
  DhcpLeaseTable,
  EventTable,
  Flag,
  InventoryTable,
  LeaseTable,
  NodeHistoryTable,
  NodeTable,
  OutboxTable,
  PortTable,
  ReasonTable,
  SecretTable,
  TaskLogTable,
  TaskStepTable,
  TaskTable,
} from './schema.ts';
export type { ApiTokenTable, AuditTable, SessionTable, UserTable } from './schema-access.ts';
export type { InstallationTable, NodeAddressTable, PipelineRunTable } from './schema-install.ts';
export type {
  AllocationTable,
  BiosSettingTable,
  ChassisTable,
  ConductorTable,
  DeployTemplateTable,
  FirmwareComponentTable,
  InspectionRuleTable,
  PortgroupTable,
  RunbookTable,
  VifTable,
  VirtualMediaTable,
  VolumeConnectorTable,
  VolumeTargetTable,
} from './schema-records.ts';
export type {
  EventInput,
  EventLog,
  EventQuery,
  Lease,
  LeaseRequest,
  Leases,
  Outbox,
  OutboxItem,
  ReasonInput,
  Reasons,
  Severity,
  Store,
  StoredEvent,
  StoreKey,
  StoreOptions,
  TaskLogLine,
  TaskLogs,
  Tx,
  Vault,
} from './types.ts';
export { driverInfoContext, secretContext } from './vault.ts';
