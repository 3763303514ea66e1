// The nodes as the rest of the code uses them: make, read, change, move, remove. Every write is in the caller's transaction,
// raises the version and says so in the event log.

import type { Clock, Log, Random } from '../lib/index.ts';
import { prepared, preparedInsert, type Store, type Tx } from '../store/index.ts';
import { announce, announceOutside } from './announce.ts';
import { checkFields } from './checks.ts';
import { BLANK, columnsOf, type NodeChanges } from './columns.ts';
import { withConflicts } from './conflicts.ts';
import { fail } from './errors.ts';
import { nodeTitle } from './guards.ts';
import { getHistoryEntry, type HistoryQuery, listHistory } from './history.ts';
import { type JsonObject, jsonColumn } from './json.ts';
import { checkLinks, checkOwner, dropAllocation } from './links.ts';
import {
  countByShard,
  countByState,
  findVersion,
  listNodes,
  listSome,
  listVersions,
  type NodeQuery,
  type NodeVersion,
  type Reader,
} from './list.ts';
import { isTransient } from './machine.ts';
import {
  type HistoryEntry,
  type Inventory,
  inventoryOfRow,
  type Node,
  type NodeFields,
  type NodeUuid,
  nodeOfRow,
  type Port,
  parseNodeUuid,
} from './model.ts';
import { changedMeanwhile, firstStateColumns, type Moved, type MoveRequest, move } from './move.ts';
import { createPorts, type PortDeps, type PortInput, type Ports, portsByAddress } from './ports.ts';
import { changeRefusal, removalRefusal, withConsequences } from './rules.ts';
import { type DriverInfo, openDriverInfo } from './sealed.ts';
import type { Who } from './states.ts';
import { writeColumns } from './write-columns.ts';

export interface NodesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface NodeInput extends Partial<NodeFields> {
  readonly driver: string;
  readonly uuid?: NodeUuid;
  readonly ports?: readonly PortInput[];
  /** `enroll` unless told. */
  readonly firstState?: 'available';
}

/** Who changes something, for the rules and the event log. */
export interface By {
  readonly who: Who;
  readonly actor?: string;
}

export interface FoundNode {
  readonly node: Node;
  /** The ports by which it was found. */
  readonly ports: readonly Port[];
}

export interface Nodes {
  /** A new node in `enroll`, with its ports. */
  create(tx: Tx, input: NodeInput, by: By): Promise<Node>;
  /** By UUID or name. Throws nodes.not_found. Inside a transaction pass it as `on`. */
  get(uuidOrName: string, on?: Reader): Promise<Node>;
  find(uuidOrName: string, on?: Reader): Promise<Node | undefined>;
  list(query: NodeQuery, on?: Reader): Promise<Node[]>;
  /** The same page without its content, for whoever has kept that. */
  listVersions(query: NodeQuery): Promise<NodeVersion[]>;
  /** Those of the first SOME_NODES of these that are there, in no order. */
  listSome(uuids: readonly NodeUuid[]): Promise<Node[]>;
  /** By UUID or name. */
  findVersion(uuidOrName: string): Promise<NodeVersion | undefined>;
  countByShard(on?: Reader): ReturnType<typeof countByShard>;
  countByState(on?: Reader): Promise<Readonly<Record<string, number>>>;
  /** The nodes that have one of these MACs; usually one. Text that is no MAC matches nothing; the first 64 are looked at. */
  findByAddresses(addresses: readonly string[], on?: Reader): Promise<FoundNode[]>;
  /** `node` as it was read: throws nodes.changed_meanwhile when it is no longer so. */
  update(tx: Tx, node: Node, changes: NodeChanges, by: By): Promise<Node>;
  remove(tx: Tx, node: Node, by: By): Promise<void>;
  /** The one way from a provision state to another. */
  move(tx: Tx, request: MoveRequest): Promise<Moved>;
  /** Something of the node was heard (heartbeat, step finished): its timeout counts from now. Nothing in states without one. */
  signOfLife(tx: Tx, uuid: NodeUuid): Promise<void>;
  readonly ports: Ports;
  saveInventory(tx: Tx, uuid: NodeUuid, report: { readonly inventory: JsonObject; readonly pluginData: JsonObject }): Promise<Inventory>;
  inventory(uuid: NodeUuid, on?: Reader): Promise<Inventory | undefined>;
  /** Moves, the newest first unless told. */
  history(uuid: NodeUuid, query?: HistoryQuery, on?: Reader): Promise<HistoryEntry[]>;
  /** Throws nodes.no_history. */
  historyEntry(uuid: NodeUuid, entry: string, on?: Reader): Promise<HistoryEntry>;
  /** driver_info with its secrets opened: only for whoever is about to talk to the machine. */
  openDriverInfo(node: Node): DriverInfo;
}

interface Deps extends PortDeps {
  readonly store: Store;
  readonly log: Log;
}

export function createNodes({ store, clock, random, log }: NodesOptions): Nodes {
  const deps: Deps = { store, db: store.db, clock, random, log, events: store.events, outbox: store.outbox };
  const ports = createPorts(deps);
  return {
    create: (tx, input, by) => createNode(tx, input, by, ports, deps),
    get: async (ref, on) => (await findNode(on ?? store.db, ref)) ?? notFound(ref),
    find: (ref, on) => findNode(on ?? store.db, ref),
    list: (query, on) => listNodes(on ?? store.db, query),
    listVersions: (query) => listVersions(store.db, query),
    listSome: (uuids) => listSome(store.db, uuids),
    findVersion: (ref) => findVersion(store.db, ref),
    countByShard: (on) => countByShard(on ?? store.db),
    countByState: (on) => countByState(on ?? store.db),
    findByAddresses: (addresses, on) => findByAddresses(on ?? store.db, addresses),
    update: (tx, node, changes, by) => updateNode(tx, node, changes, by, deps),
    remove: (tx, node, by) => removeNode(tx, node, by, deps),
    move: (tx, request) => move(tx, request, deps),
    signOfLife: (tx, uuid) => signOfLife(tx, uuid, deps),
    ports,
    saveInventory: (tx, uuid, report) => saveInventory(tx, uuid, report, deps),
    inventory: (uuid, on) => getInventory(on ?? store.db, uuid),
    history: (uuid, query, on) => listHistory(on ?? store.db, uuid, query ?? {}),
    historyEntry: (uuid, entry, on) => getHistoryEntry(on ?? store.db, uuid, entry),
    openDriverInfo: (node) => openDriverInfo(node.driverInfo, store.vault),
  };
}

async function createNode(tx: Tx, input: NodeInput, by: By, ports: Ports, deps: Deps): Promise<Node> {
  const { uuid: wanted, ports: cards, firstState, ...given } = input;
  const fields: NodeFields = { ...BLANK, ...given };
  checkFields(fields);
  const now = deps.clock.now();
  const uuid = wanted ?? parseNodeUuid(deps.random.uuid());
  if (uuid === undefined) throw new TypeError('the source of randomness gives no UUIDs');
  await checkLinks(tx, uuid, fields);
  const row = {
    uuid,
    ...columnsOf(uuid, fields, deps.store.vault),
    ...firstStateColumns(firstState),
    inspection_started_at: null,
    inspection_finished_at: null,
    created_at: now,
    updated_at: now,
    version: 1,
  };
  await withConflicts({ 'nodes.name': row.name, 'nodes.uuid': uuid, 'nodes.instance_uuid': row.instance_uuid }, () => insertNode(tx, row));
  const node = nodeOfRow(row);
  const message = `node ${nodeTitle(node)} enrolled by ${byText(by)}`;
  await announceOutside(tx, deps, { type: 'node.created', nodeUuid: uuid, message, data: { name: node.name, driver: node.driver, ...by } });
  for (const card of cards ?? []) await ports.add(tx, uuid, card);
  return node;
}

const nodeByUuid = prepared((db, given: { readonly uuid: string }) => db.selectFrom('nodes').selectAll().where('uuid', '=', given.uuid));
const nodeByName = prepared((db, given: { readonly name: string }) => db.selectFrom('nodes').selectAll().where('name', '=', given.name));
const insertNode = preparedInsert('nodes');

async function findNode(db: Reader, ref: string): Promise<Node | undefined> {
  const uuid = parseNodeUuid(ref);
  const [row] = await (uuid === undefined ? nodeByName(db, { name: ref }) : nodeByUuid(db, { uuid }));
  return row === undefined ? undefined : nodeOfRow(row);
}

function notFound(ref: string): never {
  throw fail('nodes.not_found', { message: `there is no node ${ref.slice(0, 255)}`, hint: 'List the nodes to see which there are.' });
}

async function findByAddresses(db: Reader, addresses: readonly string[]): Promise<FoundNode[]> {
  const found = Map.groupBy(await portsByAddress(db, addresses), (port) => port.nodeUuid);
  if (found.size === 0) return [];
  const rows = await db
    .selectFrom('nodes')
    .selectAll()
    .where('uuid', 'in', [...found.keys()])
    .orderBy('created_at')
    .orderBy('uuid')
    .execute();
  return rows.map(nodeOfRow).map((node) => ({ node, ports: found.get(node.uuid) ?? [] }));
}

async function updateNode(tx: Tx, node: Node, changes: NodeChanges, by: By, deps: Deps): Promise<Node> {
  const wanted = withConsequences(changes);
  checkFields(wanted);
  const refusal = changeRefusal(node, changes, by.who);
  if (refusal !== undefined) throw refusal;
  await checkLinks(tx, node.uuid, changes);
  await checkOwner(tx, node, changes);
  await dropAllocation(tx, node, wanted);
  const set = { ...columnsOf(node.uuid, wanted, deps.store.vault), updated_at: deps.clock.now(), version: node.version + 1 };
  const [row] = await withConflicts({ 'nodes.name': wanted.name, 'nodes.instance_uuid': wanted.instanceUuid }, () =>
    writeColumns(tx, node, set),
  );
  if (row === undefined) throw await changedMeanwhile(tx, node);
  const changed = nodeOfRow(row);
  const fields = Object.keys(changes);
  const message = `node ${nodeTitle(changed)}: ${fields.join(', ')} changed by ${byText(by)}`;
  await announce(tx, deps, { type: 'node.updated', nodeUuid: node.uuid, message, data: { fields, version: changed.version, ...by } });
  return changed;
}

// Ports, inventory and history go with the row: their foreign keys cascade.
async function removeNode(tx: Tx, node: Node, by: By, deps: Deps): Promise<void> {
  const refusal = removalRefusal(node);
  if (refusal !== undefined) throw refusal;
  const gone = await tx.deleteFrom('nodes').where('uuid', '=', node.uuid).where('version', '=', node.version).executeTakeFirst();
  if (gone.numDeletedRows === 0n) throw await changedMeanwhile(tx, node);
  // Under maintenance a node goes with its instance; the allocation claims nothing any more.
  await tx.deleteFrom('allocations').where('node_uuid', '=', node.uuid).execute();
  const message = `node ${nodeTitle(node)} removed by ${byText(by)}`;
  await announceOutside(tx, deps, { type: 'node.removed', nodeUuid: node.uuid, message, data: { name: node.name, ...by } });
}

async function signOfLife(tx: Tx, uuid: NodeUuid, deps: Deps): Promise<void> {
  const node = await findNode(tx, uuid);
  if (node === undefined) return notFound(uuid);
  if (!isTransient(node.provisionState)) return;
  const now = deps.clock.now();
  // The version rises, so that a timer that had just read the node as silent loses.
  const { numUpdatedRows } = await tx
    .updateTable('nodes')
    .set({ provision_updated_at: now, updated_at: now, version: node.version + 1 })
    .where('uuid', '=', uuid)
    .where('version', '=', node.version)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw await changedMeanwhile(tx, node);
}

async function saveInventory(tx: Tx, uuid: NodeUuid, report: Pick<Inventory, 'inventory' | 'pluginData'>, deps: Deps): Promise<Inventory> {
  const content = {
    inventory: jsonColumn('inventory', report.inventory),
    plugin_data: jsonColumn('plugin_data', report.pluginData),
    received_at: deps.clock.now(),
  };
  const node = (await findNode(tx, uuid)) ?? notFound(uuid);
  const row = { node_uuid: uuid, ...content };
  await tx
    .insertInto('inventories')
    .values(row)
    .onConflict((conflict) => conflict.column('node_uuid').doUpdateSet(content))
    .execute();
  await announce(tx, deps, { type: 'node.inventory_saved', nodeUuid: uuid, message: `inventory of node ${nodeTitle(node)} saved` });
  return inventoryOfRow(row);
}

async function getInventory(db: Reader, uuid: NodeUuid): Promise<Inventory | undefined> {
  const row = await db.selectFrom('inventories').selectAll().where('node_uuid', '=', uuid).executeTakeFirst();
  return row === undefined ? undefined : inventoryOfRow(row);
}

function byText({ who, actor }: By): string {
  return actor === undefined ? who : `${who} ${actor}`;
}
