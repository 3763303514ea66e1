// The task engine as the API uses it: each request is a transaction of its own.

import type { Store } from '../store/index.ts';
import type { TaskEngine, TaskState } from '../tasks/index.ts';
import type { TaskService } from './services.ts';

const UNFINISHED = ['queued', 'running', 'waiting'] as const satisfies readonly TaskState[];

export function createTaskService(store: Store, engine: Pick<TaskEngine, 'get' | 'list' | 'cancel'>): TaskService {
  return {
    get: (id) => engine.get(id),
    list: (query) => engine.list(query),
    cancel: (id, reason) => store.transaction((tx) => engine.cancel(tx, id, reason)),
    logs: store.taskLogs,
    countUnfinished: async () => {
      const rows = await store.db
        .selectFrom('tasks')
        .select((eb) => ['state', eb.fn.countAll<number | string>().as('count')])
        .where('state', 'in', [...UNFINISHED])
        .groupBy('state')
        .execute();
      const counts = new Map(rows.map((row) => [row.state, Number(row.count)]));
      return Object.fromEntries(UNFINISHED.map((state) => [state, counts.get(state) ?? 0]));
    },
  };
}
