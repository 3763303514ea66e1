// /api/pipelines and /api/nodes/{id}/pipeline: what follows an installation: what there is, how it stands, what it would do; and the words by
// which it begins, goes on and ends.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { By, Node } from '../../nodes/index.ts';
import type { Pipelines, PipelineView } from '../../pipeline/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, idPath, instant, nullable } from '../schemas.ts';
import { nodeOr404 } from './find.ts';

const text = Type.String();
const STEP = Type.String({ minLength: 1, maxLength: 80, description: 'As the run names it: its name, or name#2.' });
const stepPath = Type.Object({ ...idPath.properties, step: STEP }, closed);
const pipelineName = Type.Optional(
  Type.String({ minLength: 1, maxLength: 63, description: 'Another pipeline than the one of its profile.' }),
);
const named = Type.Object({ pipeline: pipelineName }, closed);
const nothing = Type.Object({}, closed);
const skipBody = Type.Object(
  {
    reason: Type.String({ minLength: 1, maxLength: 500, description: 'Why it is left out; kept with the run.' }),
    stay: Type.Optional(Type.Boolean({ description: 'The run does not go on yet.' })),
  },
  closed,
);

const fault = Type.Object({ line: nullable(Type.Integer({ minimum: 1 })), key: text, message: text });
const fileReply = Type.Object({
  name: text,
  description: text,
  path: text,
  own: Type.Boolean({ description: "The operator's, and not one that came along." }),
  steps: Type.Array(text),
  faults: Type.Array(fault),
});
const stepReply = Type.Object({
  id: text,
  step: text,
  title: text,
  state: Type.String({ description: 'pending, working, waiting, satisfied, done, not-asked, skipped or failed.' }),
  words: text,
  hint: nullable(text),
  failures: Type.Integer({ minimum: 0 }),
  waitsUntil: nullable(instant),
  startedAt: nullable(instant),
  endedAt: nullable(instant),
});
const runReply = Type.Object({
  uuid: text,
  pipeline: text,
  state: Type.String({ description: 'running, failed, aborted or done.' }),
  steps: Type.Array(stepReply),
  startedAt: instant,
  updatedAt: instant,
  endedAt: nullable(instant),
});
const viewReply = Type.Object({
  pipeline: nullable(Type.String({ description: 'That of its profile.' })),
  nodeState: text,
  run: Type.Unsafe<Static<typeof runReply> | null>({ anyOf: [runReply, { type: 'null' }], description: 'The newest.' }),
  next: nullable(Type.String({ description: 'What a person is to do now.' })),
});
const plannedReply = Type.Object({
  id: text,
  title: text,
  is: Type.String({ description: 'satisfied, needed, impossible, unknown or not-asked.' }),
  words: Type.Array(text),
  hint: nullable(text),
});
const planReply = Type.Object({ pipeline: text, steps: Type.Array(plannedReply) });
const verifyReply = Type.Object({
  ...planReply.properties,
  drift: Type.String({ description: 'none, drift or unknown.' }),
  words: text,
});

const tags = ['pipelines'];
const reader = { access: 'reader' } as const;
const operator = { access: 'operator' } as const;
/** Accepted: how it goes on is told by GET. */
const accepted = { 202: viewReply };

type TypedApp = Parameters<FastifyPluginAsyncTypebox>[0];

export function pipelinesPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/',
      {
        config: reader,
        schema: {
          operationId: 'listPipelines',
          summary: 'The pipelines there are, with what is wrong in their files',
          tags,
          response: { 200: Type.Object({ pipelines: Type.Array(fileReply) }) },
        },
      },
      async () => ({
        pipelines: (await pipelinesOf(services).list()).map(({ name, description, path, isOwn, pipeline, faults }) => ({
          name,
          description,
          path,
          own: isOwn,
          steps: pipeline.entries.map(({ step }) => step),
          faults: faults.map((one) => ({ ...one })),
        })),
      }),
    );
  };
}

export function nodePipelinePlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/:id/pipeline',
      {
        config: reader,
        schema: {
          operationId: 'getNodePipeline',
          summary: 'How the newest run of a pipeline on the node stands, step by step',
          tags,
          params: idPath,
          response: { 200: viewReply },
        },
      },
      async (request) => viewBody(await pipelinesOf(services).show(await nodeOr404(services.nodes, request.params.id))),
    );
    looks(app, services);
    words(app, services);
    stepWords(app, services);
  };
}

/** Both run checks on the machine, and change nothing. */
function looks(app: TypedApp, services: RouteDeps['services']): void {
  app.post(
    '/:id/pipeline/plan',
    {
      config: operator,
      schema: {
        operationId: 'planNodePipeline',
        summary: 'What a run would do, step by step; changes nothing',
        tags,
        params: idPath,
        body: named,
        response: { 200: planReply },
      },
    },
    async (request) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      const { pipeline, steps } = await pipelinesOf(services).plan(node, request.body.pipeline);
      return { pipeline, steps: steps.map((one) => ({ ...one, words: [...one.words] })) };
    },
  );
  app.post(
    '/:id/pipeline/verify',
    {
      config: operator,
      schema: {
        operationId: 'verifyNode',
        summary: 'Is the node still as its pipeline left it; changes nothing',
        tags,
        params: idPath,
        body: nothing,
        response: { 200: verifyReply },
      },
    },
    async (request) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      const { pipeline, steps, drift } = await pipelinesOf(services).verify(node);
      return { pipeline, steps: steps.map((one) => ({ ...one, words: [...one.words] })), drift: drift.is, words: drift.words };
    },
  );
}

function words(app: TypedApp, services: RouteDeps['services']): void {
  const common = { tags, params: idPath, response: accepted };
  app.post(
    '/:id/pipeline/run',
    {
      config: operator,
      schema: { operationId: 'runNodePipeline', summary: 'Begin a run, as a service of the node', ...common, body: named },
    },
    async (request, reply) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      await pipelinesOf(services).run(node, request.body.pipeline, byOf(request));
      return reply.code(202).send(await viewOf(services, node));
    },
  );
  app.post(
    '/:id/pipeline/resume',
    {
      config: operator,
      schema: { operationId: 'resumeNodePipeline', summary: 'Go on with the run that failed, at its step', ...common, body: nothing },
    },
    async (request, reply) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      await pipelinesOf(services).resume(node, byOf(request));
      return reply.code(202).send(await viewOf(services, node));
    },
  );
  app.post(
    '/:id/pipeline/abort',
    {
      config: operator,
      schema: {
        operationId: 'abortNodePipeline',
        summary: 'End the run before its next step; the node is active again, and what was done stays',
        ...common,
        body: nothing,
      },
    },
    async (request, reply) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      await pipelinesOf(services).abort(node, byOf(request));
      return reply.code(202).send(await viewOf(services, node));
    },
  );
}

function stepWords(app: TypedApp, services: RouteDeps['services']): void {
  const common = { tags, params: stepPath, response: accepted };
  app.post(
    '/:id/pipeline/steps/:step/retry',
    {
      config: operator,
      schema: { operationId: 'retryPipelineStep', summary: 'Look at a step anew and go on', ...common, body: nothing },
    },
    async (request, reply) => {
      const node = await nodeOr404(services.nodes, request.params.id);
      await pipelinesOf(services).retry(node, request.params.step, byOf(request));
      return reply.code(202).send(await viewOf(services, node));
    },
  );
  app.post(
    '/:id/pipeline/steps/:step/skip',
    {
      config: operator,
      schema: { operationId: 'skipPipelineStep', summary: 'Leave a step out, and go on', ...common, body: skipBody },
    },
    async (request, reply) => {
      const { reason, stay = false } = request.body;
      const node = await nodeOr404(services.nodes, request.params.id);
      await pipelinesOf(services).skip(node, request.params.step, { reason, stays: stay }, byOf(request));
      return reply.code(202).send(await viewOf(services, node));
    },
  );
}

function pipelinesOf({ pipelines }: Pick<RouteDeps['services'], 'pipelines'>): Pipelines {
  if (pipelines !== undefined) return pipelines;
  throw fail('api.not_found', { message: 'this appliance runs no pipelines', hint: 'It was built without them.' });
}

function byOf(request: FastifyRequest): By {
  return { who: 'user', actor: request.identity?.name ?? 'unknown' };
}

async function viewOf(services: RouteDeps['services'], { uuid }: Node): Promise<Static<typeof viewReply>> {
  return viewBody(await pipelinesOf(services).show(await services.nodes.get(uuid)));
}

function viewBody({ pipeline, nodeState, run, next }: PipelineView): Static<typeof viewReply> {
  return { pipeline, nodeState, run: run === null ? null : runBody(run), next };
}

function runBody({ uuid, pipeline, state, steps, startedAt, updatedAt, endedAt }: NonNullable<PipelineView['run']>) {
  return {
    uuid,
    pipeline,
    state,
    steps: steps.map(({ id, step, title, state: now, words: said, hint, failures, notBefore, ...times }) => ({
      id,
      step,
      title,
      state: now,
      words: said,
      hint,
      failures,
      waitsUntil: timeOf(notBefore),
      startedAt: timeOf(times.startedAt),
      endedAt: timeOf(times.endedAt),
    })),
    startedAt: isoTime(startedAt),
    updatedAt: isoTime(updatedAt),
    endedAt: timeOf(endedAt),
  };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}
