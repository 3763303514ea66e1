// The nodes' door: the model, the state machine as a table, the one place that moves a node. Knows nothing of power, boot or Proxmox.

export { nameRefusal } from './checks.ts';
export type { NodeChanges } from './columns.ts';
export { mermaidText, statesSvg, statesTable } from './diagram.ts';
export { NODE_ERRORS } from './errors.ts';
export { nodeTitle } from './guards.ts';
export type { HistoryQuery } from './history.ts';
export { JSON_CAPS, type JsonObject, type JsonValue, jsonColumn, parseJsonColumn } from './json.ts';
export {
  isNodeSortKey,
  MAX_PAGE,
  NODE_SORT_KEYS,
  type NodeFilters,
  type NodeQuery,
  type NodeSortKey,
  type NodeVersion,
  type Reader,
  SOME_NODES,
} from './list.ts';
export {
  type DueTimeout,
  dueTimeouts,
  eventOfVerb,
  explainRefusal,
  isDeletable,
  isProvisionState,
  isTransient,
  isUpdatable,
  isVerb,
  type Next,
  nextState,
  onResumeOf,
  type State,
  stateOf,
  targetAfter,
  verbsFrom,
  whatIsPossible,
} from './machine.ts';
export {
  type HistoryEntry,
  INTERFACES,
  type Interface,
  type Interfaces,
  type Inventory,
  isUuid,
  type Node,
  type NodeFields,
  type NodeUuid,
  POWER_STATES,
  type Port,
  type PortUuid,
  type PowerState,
  parseNodeUuid,
  parsePortUuid,
} from './model.ts';
export { type Moved, type MoveRequest, moveRefusal } from './move.ts';
export { type By, createNodes, type FoundNode, type NodeInput, type Nodes, type NodesOptions } from './nodes.ts';
export { MAX_PORTS, type PortInput, type PortQuery, type Ports } from './ports.ts';
export { publishStates, stateDocs } from './publish.ts';
export type { Chassis } from './records/chassis.ts';
export { isLogicalName } from './records/checks.ts';
export { RECORD_ERRORS } from './records/errors.ts';
export type { BiosSetting, FirmwareComponent, HardwareRecords, VirtualMedium } from './records/hardware.ts';
export type { InspectionRule } from './records/inspection-rules.ts';
export {
  BASE_SORTABLE,
  type Changes,
  type Content,
  createKeeper,
  type Keeper,
  type KeeperDeps,
  type Kind as RecordKind,
  type RecordQuery,
  type Stored,
} from './records/keeper.ts';
export { listText, wordsIn } from './records/lists.ts';
export type { OfNodes, PageQuery } from './records/page.ts';
export type { PortChanges } from './records/port-rules.ts';
export { DEFAULT_BOND_MODE, type Portgroup } from './records/portgroups.ts';
export type { PortPageQuery } from './records/ports-list.ts';
export { createRecords, type PortRecords, type Records, type RecordsOptions } from './records/records.ts';
export { CONDITION_ARGS, RULE_ACTION_ARGS } from './records/rule-words.ts';
export type { Runbook, Runbooks } from './records/runbooks.ts';
export { isStepInterface, type RunbookStep, STEP_INTERFACES, type StepInterface, type TemplateStep } from './records/steps.ts';
export type { DeployTemplate } from './records/templates.ts';
export { isTraitName } from './records/trait-names.ts';
export type { Vif, VifRequest, Vifs } from './records/vifs.ts';
export type { VolumeConnector, VolumeTarget } from './records/volume.ts';
export { changeRefusal, removalRefusal } from './rules.ts';
export { type DriverInfo, isSecretKey, SealedSecret, type SecretTree } from './sealed.ts';
export {
  DELETABLE_STATES,
  FIRST_STATE,
  type Guard,
  MOVES,
  type Move,
  type OnResume,
  type ProvisionEvent,
  type ProvisionState,
  STATE_NAMES,
  STATES,
  type Tone,
  UPDATE_ALLOWED_STATES,
  VERBS,
  type Verb,
  WHO,
  type Who,
  type Work,
} from './states.ts';
export { createStateTimers, type StateTimers, type StateTimersOptions } from './timers.ts';
