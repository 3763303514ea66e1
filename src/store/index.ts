// The store's door: everything Rackseed remembers. Knows nothing of nodes, tasks or the network.

export { STORE_ERRORS } from './errors.ts';
export { openStore } from './open.ts';
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
