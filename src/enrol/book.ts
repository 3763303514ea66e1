// The table of machines that nobody had named: what is proposed for each, and what was decided. Decides nothing.

import type { Clock } from '../lib/index.ts';
import type { Reader } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';

/** `proposed` waits for a yes; `approved` is being taken in; `failed` stopped on the way and may be approved again. */
export const ENROLMENT_STATES = ['proposed', 'approved', 'done', 'failed', 'rejected'] as const;
export type EnrolmentStateName = (typeof ENROLMENT_STATES)[number];

export interface EnrolmentRow {
  readonly nodeUuid: string;
  readonly state: EnrolmentStateName;
  readonly profile: string | null;
  readonly name: string | null;
  readonly rule: string | null;
  readonly reason: string;
  readonly planUuid: string | null;
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
  readonly taskId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type EnrolmentChanges = Partial<Omit<EnrolmentRow, 'nodeUuid' | 'createdAt' | 'updatedAt'>>;

export interface ListPage {
  readonly limit: number;
  /** UUID of the last node of the page before. */
  readonly after?: string | undefined;
}

export interface Book {
  get(uuid: string, on?: Reader): Promise<EnrolmentRow | undefined>;
  /** The oldest first, those behind `after`, which need not be in one of these states any more. */
  list(states: readonly EnrolmentStateName[], page: ListPage): Promise<EnrolmentRow[]>;
  /** Made when it is not there. */
  write(tx: Tx, uuid: string, changes: EnrolmentChanges): Promise<EnrolmentRow>;
}

export function createBook({ db, clock }: { readonly db: Reader; readonly clock: Clock }): Book {
  const get: Book['get'] = async (uuid, on) => {
    const row = await (on ?? db).selectFrom('enrolments').selectAll().where('node_uuid', '=', uuid).executeTakeFirst();
    return row === undefined ? undefined : rowOf(row);
  };
  return {
    get,

    async list(states, { limit, after }) {
      const last = after === undefined ? undefined : await get(after);
      const rows = db.selectFrom('enrolments').selectAll().where('state', 'in', states);
      const behind =
        last === undefined
          ? rows
          : rows.where((eb) =>
              eb.or([
                eb('created_at', '>', last.createdAt),
                eb.and([eb('created_at', '=', last.createdAt), eb('node_uuid', '>', last.nodeUuid)]),
              ]),
            );
      return (await behind.orderBy('created_at').orderBy('node_uuid').limit(limit).execute()).map(rowOf);
    },

    async write(tx, nodeUuid, changes) {
      const now = clock.now();
      const before = (await get(nodeUuid, tx)) ?? { ...BLANK, nodeUuid, createdAt: now, updatedAt: now };
      const after = { ...before, ...changes, updatedAt: now };
      const { node_uuid: _, created_at: __, ...columns } = columnsOf(after);
      await tx
        .insertInto('enrolments')
        .values(columnsOf(after))
        .onConflict((conflict) => conflict.column('node_uuid').doUpdateSet(columns))
        .execute();
      return after;
    },
  };
}

const BLANK = {
  state: 'proposed',
  profile: null,
  name: null,
  rule: null,
  reason: '',
  planUuid: null,
  approvedBy: null,
  approvedAt: null,
  taskId: null,
} as const;

function columnsOf(row: EnrolmentRow) {
  return {
    node_uuid: row.nodeUuid,
    state: row.state,
    profile: row.profile,
    name: row.name,
    rule: row.rule,
    reason: row.reason,
    plan_uuid: row.planUuid,
    approved_by: row.approvedBy,
    approved_at: row.approvedAt,
    task_id: row.taskId,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

function rowOf(
  row: ReturnType<typeof columnsOf> | (Omit<ReturnType<typeof columnsOf>, 'state'> & { readonly state: string }),
): EnrolmentRow {
  return {
    nodeUuid: row.node_uuid,
    state: row.state as EnrolmentStateName, // write() is given nothing else
    profile: row.profile,
    name: row.name,
    rule: row.rule,
    reason: row.reason,
    planUuid: row.plan_uuid,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    taskId: row.task_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
