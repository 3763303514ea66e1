// What tasks print, in batches: a line costs no commit of its own.

import type { Kysely } from 'kysely';
import type { Clock, Log } from '../lib/index.ts';
import { Batch } from './batch.ts';
import type { Database, TaskLogTable } from './schema.ts';
import { cut } from './text.ts';
import type { TaskLogLine, TaskLogs, Tx } from './types.ts';

const EVERY_MS = 200;
const BATCH_LINES = 500;
const WAITING_LINES = 10_000;
const LINE_LIMIT = 4000;
const LIST_LIMIT = 1000;
/** A task that prints for ever keeps its last lines. */
const KEPT_LINES = 20_000;
const TRIM_EVERY_LINES = 1000;

type NewLine = Omit<TaskLogTable, 'id'>;

export interface TaskLogsOptions {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly log: Log;
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
}

export interface ClosableTaskLogs extends TaskLogs {
  close(): Promise<void>;
}

export function createTaskLogs({ db, clock, log, transaction }: TaskLogsOptions): ClosableTaskLogs {
  const sinceTrim = new Map<string, number>();

  async function write(lines: readonly NewLine[], dropped: number): Promise<void> {
    const rows = dropped === 0 ? lines : withGap(lines, dropped);
    const full = tasksToTrim(sinceTrim, rows);
    await transaction(async (tx) => {
      await tx
        .insertInto('task_logs')
        .values([...rows])
        .execute();
      for (const taskId of full) await trim(tx, taskId);
    });
  }

  const batch = new Batch<NewLine>({
    name: 'task logs',
    clock,
    log,
    everyMs: EVERY_MS,
    size: BATCH_LINES,
    capacity: WAITING_LINES,
    write,
  });
  return {
    append: (line) => batch.add(rowOf(line, clock.now())),
    flush: () => batch.flush(),
    close: () => batch.close(),
    list: ({ taskId, afterId, limit }) =>
      db
        .selectFrom('task_logs')
        .select(['id', 'at', 'position', 'stream', 'line'])
        .where('task_id', '=', taskId)
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(Math.min(limit, LIST_LIMIT))
        .execute(),
  };
}

function rowOf(line: TaskLogLine, at: number): NewLine {
  return { task_id: line.taskId, position: line.position, at, stream: line.stream, line: cut(line.line, LINE_LIMIT) };
}

/** The line that stands for the ones dropped at the cap, before the first that was kept. */
function withGap(lines: readonly NewLine[], dropped: number): readonly NewLine[] {
  const [first] = lines;
  if (first === undefined) return lines;
  return [
    { ...first, stream: 'note', line: `… ${dropped} lines of task output were dropped here: they came faster than the store could write` },
    ...lines,
  ];
}

/** Counts lines per task and names those due for a trim. */
function tasksToTrim(sinceTrim: Map<string, number>, rows: readonly NewLine[]): string[] {
  for (const { task_id } of rows) sinceTrim.set(task_id, (sinceTrim.get(task_id) ?? 0) + 1);
  const full = [...sinceTrim].filter(([, lines]) => lines >= TRIM_EVERY_LINES).map(([taskId]) => taskId);
  for (const taskId of full) sinceTrim.delete(taskId);
  if (sinceTrim.size > WAITING_LINES) sinceTrim.clear(); // only delays a trim
  return full;
}

async function trim(tx: Tx, taskId: string): Promise<void> {
  const oldest = tx.selectFrom('task_logs').select('id').where('task_id', '=', taskId).orderBy('id', 'desc').limit(1).offset(KEPT_LINES);
  await tx.deleteFrom('task_logs').where('task_id', '=', taskId).where('id', '<=', oldest).execute();
}
