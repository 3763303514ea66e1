// The agent's server side.

export { withoutAgent } from './agent-record.ts';
export { type DiskRef, DiskRefSchema } from './commands.ts';
export { DISCOVERED_DRIVER } from './discovered.ts';
export {
  contentItems,
  type DiskContents,
  DiskContentsSchema,
  type Partition,
  type Signature,
  type SignatureKind,
  UNRECOGNISED,
} from './disk-contents.ts';
export { INSPECT_ERRORS } from './errors.ts';
export { type Identified, identify, type Maybe } from './identify.ts';
export { rulesTable } from './identify-decide.ts';
export { cleanDmiText, cleanSerial, cleanSmbiosUuid } from './identity.ts';
export { createInspect, type Inspect, type InspectOptions } from './inspect.ts';
export { INVENTORY_LIMITS, type Inventory as MachineInventory, InventorySchema, PluginDataSchema } from './inventory.ts';
export { createIdentities, type Identities } from './merge.ts';
export { createOrders, type OrderListener, type OrderProgress, type Orders, type OrdersOptions, type OrderWord } from './orders.ts';
export { orderOutcome } from './orders-book.ts';
export { taskOf as taskOfOrder } from './orders-decide.ts';
export {
  AGENT_PATHS,
  type HeartbeatReply,
  HeartbeatReplySchema,
  type HeartbeatRequest,
  HeartbeatRequestSchema,
  type InventoryReply,
  InventoryReplySchema,
  type InventoryRequest,
  InventoryRequestSchema,
  KERNEL_WORDS,
  type LookupReply,
  LookupReplySchema,
  type LookupRequest,
  LookupRequestSchema,
  PROTOCOL_LIMITS,
} from './protocol.ts';
export {
  createRamdisk,
  type Heartbeat,
  type KnownMachine,
  type LookupAsked,
  type Ramdisk,
  type RamdiskOptions,
} from './ramdisk.ts';
export { firstAtThisBoot, ReadinessItemSchema, storedReadiness } from './readiness.ts';
export type { AgentReport } from './reports.ts';
export { createRuleRunner, type RuleRunner } from './rules-apply.ts';
export { MAY_BE, type MayBe, mayBeIn } from './write-node.ts';
