// /api/tasks: the work under way and done, its steps and logs.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import { TASK_STATES, type TaskDetail, type TaskQuery } from '../../tasks/index.ts';
import type { RouteDeps } from '../build.ts';
import { decodePageToken, encodePageToken } from '../cursor.ts';
import { fail } from '../errors.ts';
import { closed, idPath, nextPageToken, pageQuery, TaskDetail as TaskDetailSchema, TaskLogLine, Task as TaskSchema } from '../schemas.ts';
import type { TaskService } from '../services.ts';
import { taskBody, taskDetailBody } from './task-body.ts';

const listQuery = Type.Object(
  {
    ...pageQuery,
    state: Type.Optional(Type.Enum([...TASK_STATES])),
    node: Type.Optional(Type.String({ minLength: 36, maxLength: 36, description: "The node's UUID." })),
  },
  closed,
);
const logsQuery = Type.Object(
  {
    after: Type.Integer({ minimum: 0, default: 0, description: 'The id of the last line seen.' }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500 }),
  },
  closed,
);

export function tasksPlugin({ services: { tasks } }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['tasks'];
  const config = { access: 'reader' } as const;
  return async (app) => {
    app.get(
      '/',
      {
        config,
        schema: {
          operationId: 'listTasks',
          summary: 'Tasks, the newest first',
          tags,
          querystring: listQuery,
          response: { 200: Type.Object({ tasks: Type.Array(TaskSchema.ref), nextPageToken }) },
        },
      },
      async (request) => {
        const { limit, pageToken, state, node } = request.query;
        const filters = {
          ...(state === undefined ? {} : { states: [state] }),
          ...(node === undefined ? {} : { nodeUuid: node.toLowerCase() }),
        };
        const scope = JSON.stringify(['tasks', filters]);
        const found = await tasks.list({ ...filters, limit: limit + 1, ...positionOf(pageToken, scope) });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const hasMore = last !== undefined && found.length > page.length;
        return { tasks: page.map(taskBody), nextPageToken: hasMore ? encodePageToken({ scope, after: [last.id] }) : null };
      },
    );

    app.get(
      '/:id',
      {
        config,
        schema: {
          operationId: 'getTask',
          summary: 'One task with its steps',
          tags,
          params: idPath,
          response: { 200: TaskDetailSchema.ref },
        },
      },
      async (request) => taskDetailBody(await taskOr404(tasks, request.params.id)),
    );

    app.get(
      '/:id/logs',
      {
        config,
        schema: {
          operationId: 'listTaskLogs',
          summary: 'What its steps wrote; ask again with `after` for more',
          tags,
          params: idPath,
          querystring: logsQuery,
          response: {
            200: Type.Object({ lines: Type.Array(TaskLogLine.ref), after: Type.Integer({ description: 'For the next request.' }) }),
          },
        },
      },
      async (request) => {
        const { id } = await taskOr404(tasks, request.params.id);
        await tasks.logs.flush(); // lines are written in batches: what was said a moment ago is wanted too
        const { after, limit } = request.query;
        const lines = await tasks.logs.list({ taskId: id, afterId: after, limit });
        return {
          lines: lines.map((line) => ({ id: line.id, at: isoTime(line.at), step: line.position, stream: line.stream, line: line.line })),
          after: lines.at(-1)?.id ?? after,
        };
      },
    );

    app.post(
      '/:id/cancel',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'cancelTask',
          summary: 'Ask it to stop; it ends where a step can be ended',
          tags,
          params: idPath,
          response: { 202: TaskDetailSchema.ref },
        },
      },
      async (request, reply) => {
        const { id } = await taskOr404(tasks, request.params.id);
        const isCancelled = await tasks.cancel(id, `cancelled by ${request.identity?.name ?? 'nobody'}`);
        if (!isCancelled)
          throw fail('api.task_ended', { message: `task ${id} has ended already`, hint: `GET /api/tasks/${id} tells how.` });
        return reply.code(202).send(taskDetailBody(await taskOr404(tasks, id)));
      },
    );
  };
}

function positionOf(pageToken: string | undefined, scope: string): Pick<TaskQuery, 'beforeId'> {
  return pageToken === undefined ? {} : { beforeId: String(decodePageToken(pageToken, scope, 1)[0]) };
}

async function taskOr404(tasks: TaskService, id: string): Promise<TaskDetail> {
  const task = await tasks.get(id);
  if (task !== undefined) return task;
  throw fail('api.not_found', { message: `there is no task ${JSON.stringify(id)}`, hint: 'GET /api/tasks lists them.' });
}
