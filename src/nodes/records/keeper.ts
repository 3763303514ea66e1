// Keeps records of one kind: make, find, list, change, remove. What a kind is stands in its own file as data; rules that look at other
// tables are wrapped around. Every write is in the caller's transaction.

import { sql } from 'kysely';
import { type Clock, RackseedError, type Random } from '../../lib/index.ts';
import type { EventLog, Tx } from '../../store/index.ts';
import type { Reader } from '../list.ts';
import { isUuid } from '../model.ts';
import { fail } from './errors.ts';
import { type Cell, countOf, type PageQuery, pageOf, type Sortable } from './page.ts';

export interface Stored {
  readonly uuid: string;
  readonly createdAt: number;
  /** As createdAt until the first change. */
  readonly updatedAt: number;
}
export type Content<M extends Stored> = Omit<M, keyof Stored>;
export type Changes<M extends Stored> = { readonly [F in keyof Content<M>]?: Content<M>[F] | undefined };

export interface Kind<M extends Stored, R extends object> {
  readonly table: string;
  /** As Ironic begins "Deploy template X could not be found." */
  readonly noun: string;
  /** How many there may be, in all or of one node. */
  readonly cap: number;
  /** Found by name as well. */
  readonly isNamed?: true;
  readonly sortable: Sortable;
  /** What must be unique beside the UUID, and how it is said. */
  readonly unique: readonly { readonly columns: readonly string[]; readonly says: (model: M) => string }[];
  /** Throws what a field can not hold. */
  readonly check: (model: M) => void;
  readonly row: (model: M) => Readonly<Record<string, Cell>>;
  readonly model: (row: R) => M;
  /** Of records that belong to a node: which, and the word for events (node.WORD_added). */
  readonly ofNode?: { readonly word: string; readonly uuid: (model: M) => string };
}

export interface RecordQuery<M> extends PageQuery {
  readonly where?: { readonly [F in keyof M]?: M[F] & Cell };
}

export interface Keeper<M extends Stored> {
  create(tx: Tx, content: Content<M>, uuid?: string): Promise<M>;
  /** By UUID, or by name where the kind has names. Throws records.not_found. Inside a transaction pass it as `on`. */
  get(ref: string, on?: Reader): Promise<M>;
  find(ref: string, on?: Reader): Promise<M | undefined>;
  list(query: RecordQuery<M>, on?: Reader): Promise<M[]>;
  /** `before` as it was read in the same transaction. */
  update(tx: Tx, before: M, changes: Changes<M>): Promise<M>;
  remove(tx: Tx, record: M): Promise<void>;
}

export interface KeeperDeps {
  readonly db: Reader;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
}

export const BASE_SORTABLE = { uuid: 'text', created_at: 'number', updated_at: 'number' } as const;

export function createKeeper<M extends Stored, R extends object>(kind: Kind<M, R>, deps: KeeperDeps): Keeper<M> {
  const find: Keeper<M>['find'] = (ref, on) => findRecord(kind, on ?? deps.db, ref);
  return {
    find,
    get: async (ref, on) => (await find(ref, on)) ?? notFound(kind, ref),
    list: async (query, on) => (await pageOf<R>(on ?? deps.db, kind, query, columnsOf(query.where ?? {}))).map(kind.model),
    create: (tx, content, uuid) => createRecord(kind, tx, content, uuid, deps),
    update: (tx, before, changes) => updateRecord(kind, tx, before, changes, deps),
    remove: (tx, record) => removeRecord(kind, tx, record, deps),
  };
}

export function notFound(kind: { readonly noun: string }, ref: string): never {
  throw fail('records.not_found', { message: `${kind.noun} ${ref.slice(0, 255)} could not be found.` });
}

async function findRecord<M extends Stored, R extends object>(kind: Kind<M, R>, db: Reader, ref: string): Promise<M | undefined> {
  const isByUuid = isUuid(ref);
  if (!isByUuid && kind.isNamed !== true) return undefined;
  const equal = isByUuid ? { uuid: ref.toLowerCase() } : { name: ref };
  const [row] = await pageOf<R>(db, kind, { limit: 1 }, equal);
  return row === undefined ? undefined : kind.model(row);
}

async function createRecord<M extends Stored, R extends object>(
  kind: Kind<M, R>,
  tx: Tx,
  content: Content<M>,
  wanted: string | undefined,
  deps: KeeperDeps,
): Promise<M> {
  const now = deps.clock.now();
  const stamps: Stored = { uuid: wanted ?? deps.random.uuid(), createdAt: now, updatedAt: now };
  const model = { ...content, ...stamps } as M; // Content is M without Stored
  kind.check(model);
  await checkRoom(kind, tx, model);
  const row = kind.row(model);
  const columns = Object.keys(row).map((column) => sql.ref(column));
  const insert = sql`insert into ${sql.table(kind.table)} (${sql.join(columns)}) values (${sql.join(Object.values(row))})`;
  await withTaken(kind, model, () => insert.execute(tx));
  await say(kind, tx, model, 'added', deps);
  return model;
}

async function updateRecord<M extends Stored, R extends object>(
  kind: Kind<M, R>,
  tx: Tx,
  before: M,
  changes: Changes<M>,
  deps: KeeperDeps,
): Promise<M> {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  // Later than it was made, also within one millisecond: clients are told null until the first change.
  const model: M = { ...before, ...given, updatedAt: Math.max(deps.clock.now(), before.createdAt + 1) };
  kind.check(model);
  const was = kind.row(before);
  const different = Object.entries(kind.row(model)).filter(([column, value]) => was[column] !== value);
  if (different.every(([column]) => column === 'updated_at')) return before;
  const set = different.map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  const update = sql`update ${sql.table(kind.table)} set ${sql.join(set)} where uuid = ${before.uuid}`;
  const { numAffectedRows } = await withTaken(kind, model, () => update.execute(tx));
  if (numAffectedRows === 0n) notFound(kind, before.uuid);
  await say(kind, tx, model, 'changed', deps, Object.keys(given));
  return model;
}

async function removeRecord<M extends Stored, R extends object>(kind: Kind<M, R>, tx: Tx, record: M, deps: KeeperDeps): Promise<void> {
  const { numAffectedRows } = await sql`delete from ${sql.table(kind.table)} where uuid = ${record.uuid}`.execute(tx);
  if (numAffectedRows === 0n) notFound(kind, record.uuid);
  await say(kind, tx, record, 'removed', deps);
}

async function checkRoom<M extends Stored, R extends object>(kind: Kind<M, R>, tx: Tx, model: M): Promise<void> {
  const node = kind.ofNode?.uuid(model);
  const count = await countOf(tx, kind.table, node === undefined ? {} : { node_uuid: node });
  if (count < kind.cap) return;
  const where = node === undefined ? 'there are' : `node ${node} has`;
  throw fail('records.too_many', {
    message: `${kind.noun}: ${where} ${count} already, and no more than ${kind.cap} are kept`,
    hint: 'Remove those that nobody uses.',
    detail: { limit: kind.cap },
  });
}

async function withTaken<M extends Stored, R extends object, T>(kind: Kind<M, R>, model: M, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw taken(kind, model, error);
  }
}

function taken<M extends Stored, R extends object>(kind: Kind<M, R>, model: M, error: unknown): unknown {
  if (!(error instanceof RackseedError) || error.code !== 'store.conflict') return error;
  const refused: readonly unknown[] = Array.isArray(error.detail?.columns) ? error.detail.columns : [];
  const known = kind.unique.find(({ columns }) => columns.every((column) => refused.includes(`${kind.table}.${column}`)));
  const isUuidTaken = refused.includes(`${kind.table}.uuid`);
  if (known === undefined && !isUuidTaken) return error;
  const noun = kind.noun.toLowerCase();
  const says = known?.says(model) ?? `UUID ${model.uuid}`;
  return fail('records.duplicate', { message: `${/^[aeiou]/.test(noun) ? 'An' : 'A'} ${noun} with ${says} already exists.`, cause: error });
}

async function say<M extends Stored, R extends object>(
  { ofNode }: Kind<M, R>,
  tx: Tx,
  model: M,
  what: 'added' | 'changed' | 'removed',
  { events }: KeeperDeps,
  fields?: readonly string[],
): Promise<void> {
  if (ofNode === undefined) return;
  await events.append(tx, {
    type: `node.${ofNode.word}_${what}`,
    nodeUuid: ofNode.uuid(model),
    message: `${ofNode.word.replaceAll('_', ' ')} ${model.uuid} ${what}`,
    data: { uuid: model.uuid, ...(fields === undefined ? {} : { fields }) },
  });
}

/** nodeUuid → node_uuid. */
function columnsOf(where: object): Record<string, Cell> {
  return Object.fromEntries(
    Object.entries(where).map(([field, value]: [string, Cell]) => [
      field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
