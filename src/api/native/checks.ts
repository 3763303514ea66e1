// /api/nodes/{id}/readiness and /checks: is a machine ready for what it shall become, and what tests of it measured.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { CHECK_KINDS, type Check, VERDICTS } from '../../checks/index.ts';
import { ReadinessItemSchema, storedReadiness } from '../../inspect/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, idPath, instant, nullable } from '../schemas.ts';
import type { CheckService } from '../services.ts';
import { nodeOr404 } from './find.ts';

const SECONDS = { benchmark: 40, 'burn-in': 3600, rehearse: 0 } as const;
const CHECKS_MAX = 100;

const checkBody = Type.Object(
  {
    kind: Type.Enum([...CHECK_KINDS]),
    seconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 604_800, description: 'Of benchmark (40 unless told) and burn-in (3600 unless told).' }),
    ),
    parts: Type.Optional(
      Type.Array(Type.Enum(['cpu', 'memory', 'disk', 'network']), {
        maxItems: 4,
        description: 'Without it all of them. Disks are only read.',
      }),
    ),
    ask: Type.Optional(Type.Boolean({ description: 'For rehearse: a person may be asked to switch the machine.' })),
  },
  closed,
);
const checkReply = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  verdict: Type.String({ description: VERDICTS.join(', ') }),
  message: Type.String(),
  figures: Type.Record(Type.String(), Type.Number()),
  startedAt: instant,
  finishedAt: instant,
});
const readinessReply = Type.Object({
  level: nullable(Type.String({ description: 'green, yellow or red: that of its worst item. Null: our agent has not reported yet.' })),
  items: Type.Array(ReadinessItemSchema),
});

const about = { tags: ['nodes'], params: idPath };

export function checksPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/:id/readiness',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'getNodeReadiness',
          summary: 'Is the machine ready: each item with what to do about it',
          ...about,
          response: { 200: readinessReply },
        },
      },
      async (request) => {
        const { uuid } = await nodeOr404(services.nodes, request.params.id);
        const stored = storedReadiness((await services.nodes.inventory(uuid))?.pluginData);
        return { level: stored?.level ?? null, items: stored?.items ?? [] };
      },
    );
    app.get(
      '/:id/checks',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listChecks',
          summary: 'What tests of the machine measured, the newest first',
          ...about,
          response: { 200: Type.Object({ checks: Type.Array(checkReply) }) },
        },
      },
      async (request) => {
        const node = await nodeOr404(services.nodes, request.params.id);
        return { checks: (await checksOf(services).list(node, CHECKS_MAX)).map(checkBodyOf) };
      },
    );
    app.post(
      '/:id/checks',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'startCheck',
          summary: 'Measure how fast the machine is, burn it in, or rehearse its restart; nothing is written to its disks',
          ...about,
          body: checkBody,
          response: { 202: Type.Object({ taskId: Type.String() }) },
        },
      },
      async (request, reply) => {
        const { kind, seconds, parts = [], ask = false } = request.body;
        const node = await nodeOr404(services.nodes, request.params.id);
        const checks = checksOf(services);
        const by = { who: 'user', actor: request.identity?.name ?? 'unknown' } as const;
        const taskId =
          kind === 'rehearse'
            ? await checks.rehearse(node, ask, by)
            : await checks.measure(node, { kind, seconds: seconds ?? SECONDS[kind], parts });
        return reply.code(202).send({ taskId });
      },
    );
  };
}

function checksOf({ checks }: Pick<RouteDeps['services'], 'checks'>): CheckService {
  if (checks !== undefined) return checks;
  throw fail('api.not_found', { message: 'this appliance tests no machines', hint: 'It was built without tests.' });
}

function checkBodyOf({ startedAt, finishedAt, figures, ...rest }: Check) {
  return { ...rest, figures: { ...figures }, startedAt: isoTime(startedAt), finishedAt: isoTime(finishedAt) };
}
