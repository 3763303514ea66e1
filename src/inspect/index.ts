// The agent's server side.

export { INSPECT_ERRORS } from './errors.ts';
export { type Identified, identify } from './identify.ts';
export { cleanDmiText, cleanSerial, cleanSmbiosUuid } from './identity.ts';
export { createInspect, type Inspect, type InspectOptions } from './inspect.ts';
export { INVENTORY_LIMITS, type Inventory as MachineInventory, InventorySchema, PluginDataSchema } from './inventory.ts';
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
