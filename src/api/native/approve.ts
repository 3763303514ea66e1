// /api/nodes/{id}/…: the yes and the no to a machine, its wipe plan; and /api/rules/test: which rule would fit it.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Approval, Approved, Tested } from '../../enrol/index.ts';
import { linesOf } from '../../enrol/index.ts';
import type { By, JsonObject, Node } from '../../nodes/index.ts';
import type { RouteDeps } from '../build.ts';
import { Approval as ApprovalSchema, EnrolmentEntry, RuleTest, WipePlan } from '../enrol-schemas.ts';
import { fail } from '../errors.ts';
import { closed, idPath, nullable } from '../schemas.ts';
import { enrolOf, entryBody, planBody, rulesBody } from './enrolments.ts';
import { nodeOr404 } from './find.ts';
import { macsByNode } from './node-body.ts';

const serial = Type.String({ minLength: 1, maxLength: 256 });
const choice = {
  profile: Type.Optional(
    nullable(Type.String({ minLength: 1, maxLength: 63, description: 'A [[profile]]; null: none. Without it the one that is proposed.' })),
  ),
  wipeSerials: Type.Optional(
    Type.Array(serial, { maxItems: 256, description: 'Serials or WWNs of disks that may be erased whatever is on them.' }),
  ),
};
const planHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the plan that the yes is to.' });
const approveBody = Type.Object({ planHash, name: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })), ...choice }, closed);
const rejectBody = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 255 })) }, closed);
const testBody = Type.Object(
  {
    node: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'UUID or name: by what its agent last reported.' })),
    inventory: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'What an agent would report.' })),
    pluginData: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);
/** As much as an agent may report. */
const INVENTORY_BYTES = 1024 * 1024;

type IdRequest = Pick<FastifyRequest<{ Params: Static<typeof idPath> }>, 'params'>;

const tags = ['enrolment'];
const about = { tags, params: idPath };
const operates = { access: 'operator' } as const;

export function wipePlanPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    const say = (operationId: string, summary: string) => ({ operationId, summary, ...about });
    app.get(
      '/:id/wipe-plan',
      {
        config: { access: 'reader' },
        schema: { ...say('getWipePlan', 'What a yes to this machine allows to erase'), response: { 200: EnrolmentEntry.ref } },
      },
      async (request) => entryOf(services, await nodeOf(services, request)),
    );
    app.post(
      '/:id/wipe-plan',
      {
        config: operates,
        schema: {
          ...say('proposeWipePlan', 'Make the plan anew, for a profile or with disks named one by one'),
          body: Type.Object(choice, closed),
          response: { 200: WipePlan.ref },
        },
      },
      async (request) => {
        const { profile, wipeSerials } = request.body;
        const chosen = { ...(profile === undefined ? {} : { profile }), ...(wipeSerials === undefined ? {} : { said: wipeSerials }) };
        return planBody(await enrolOf(services).plan(await nodeOf(services, request), chosen, byOf(request)));
      },
    );
  };
}

export function approvePlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    const say = (operationId: string, summary: string) => ({ operationId, summary, ...about });
    app.post(
      '/:id/approve',
      {
        config: operates,
        schema: {
          ...say('approveNode', 'Say yes to this machine and the plan with that hash'),
          body: approveBody,
          response: { 202: ApprovalSchema.ref },
        },
      },
      async (request, reply) => {
        const approved = await enrolOf(services).approve(await nodeOf(services, request), approvalOf(request.body), byOf(request));
        return reply.code(202).send(approvedBody(approved));
      },
    );
    app.post(
      '/:id/reject',
      {
        config: operates,
        schema: {
          ...say('rejectNode', 'Say no: it starts its own disk and stays in the list'),
          body: rejectBody,
          response: { 200: EnrolmentEntry.ref },
        },
      },
      async (request) => {
        const node = await nodeOf(services, request);
        return entryOf(services, await enrolOf(services).reject(node, request.body.reason ?? '', byOf(request)));
      },
    );
    app.post(
      '/:id/unreject',
      {
        config: operates,
        schema: { ...say('unrejectNode', 'Take a no back'), body: Type.Object({}, closed), response: { 200: EnrolmentEntry.ref } },
      },
      async (request) => entryOf(services, await enrolOf(services).unreject(await nodeOf(services, request), byOf(request))),
    );
  };
}

function nodeOf({ nodes }: RouteDeps['services'], request: IdRequest): Promise<Node> {
  return nodeOr404(nodes, request.params.id);
}

async function entryOf(services: RouteDeps['services'], node: Node): Promise<Static<typeof EnrolmentEntry.schema>> {
  const macs = await macsByNode(services.ports, [node]);
  return entryBody(await enrolOf(services).proposal(node), macs.get(node.uuid) ?? []);
}

export function rulesPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/test',
      {
        bodyLimit: INVENTORY_BYTES,
        config: { access: 'operator' },
        schema: {
          operationId: 'testRules',
          summary: 'Which [[rule]] would fit a machine, and why; nothing is changed',
          tags,
          body: testBody,
          response: { 200: RuleTest.ref },
        },
      },
      async (request) => {
        const { node: id, inventory, pluginData } = request.body;
        if ((id === undefined) === (inventory === undefined)) {
          throw fail('api.validation', {
            message: 'body needs either node or inventory',
            hint: 'Name a node that the agent has looked at, or send what an agent would report.',
            detail: { field: 'body' },
          });
        }
        const node = id === undefined ? undefined : await nodeOr404(services.nodes, id);
        const stored = node === undefined ? undefined : await services.nodes.inventory(node.uuid);
        // JSON out of a request, as JSON.parse makes it.
        const sent = { inventory: (inventory ?? {}) as JsonObject, pluginData: (pluginData ?? {}) as JsonObject };
        return testedBody(await enrolOf(services).test(stored ?? sent, node));
      },
    );
  };
}

function approvalOf({ planHash: hash, name, profile, wipeSerials }: Static<typeof approveBody>): Approval {
  return {
    planHash: hash,
    ...(name === undefined ? {} : { name }),
    ...(profile === undefined ? {} : { profile }),
    ...(wipeSerials === undefined ? {} : { wipeSerials }),
  };
}

function approvedBody({ node, plan, name, taskId, next }: Approved): Static<typeof ApprovalSchema.schema> {
  return { node: node.uuid, name, planHash: plan.hash, lines: linesOf(plan.plan), taskId, next };
}

function testedBody({ rule, traces, reason, name }: Tested): Static<typeof RuleTest.schema> {
  return {
    rule: rule?.name ?? null,
    profile: rule?.profile ?? null,
    autoApprove: rule?.auto_approve ?? false,
    name,
    reason,
    rules: rulesBody({ traces }),
  };
}

function byOf({ identity }: Pick<FastifyRequest, 'identity'>): By {
  return { who: 'user', actor: identity?.name ?? 'nobody' };
}
