// /api/enrolments: the machines that nobody had named, with what is proposed for each, the plan in words, and which rule fits why.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { ENROLMENT_STATES, type EnrolmentStateName, linesOf, type Matched, type Proposal, type StoredPlan } from '../../enrol/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import type { EnrolmentEntry, RuleFit, WipePlan } from '../enrol-schemas.ts';
import { EnrolmentEntry as EnrolmentEntrySchema } from '../enrol-schemas.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';
import type { EnrolService } from '../services.ts';
import { macsByNode } from './node-body.ts';

/** Each is made from its machine's inventory: a thousand at once would hold everybody else up. */
const MAX_PAGE = 50;

const query = Type.Object(
  {
    state: Type.Optional(
      Type.Enum([...ENROLMENT_STATES, 'all'], {
        description: 'proposed waits for a yes. Without it those that are not done: proposed, approved, failed.',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: MAX_PAGE, description: 'How many at most.' })),
    after: Type.Optional(Type.String({ minLength: 1, maxLength: 36, description: 'Node of the last one of the page before.' })),
  },
  closed,
);

const OPEN: readonly EnrolmentStateName[] = ['proposed', 'approved', 'failed'];

export function enrolmentsPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listEnrolments',
          summary: 'Machines that were discovered: what is proposed for them and why, the oldest first',
          tags: ['enrolment'],
          querystring: query,
          response: {
            200: Type.Object({
              enrolments: Type.Array(EnrolmentEntrySchema.ref),
              next: Type.Union([Type.String({ description: 'The `after` of the next page.' }), Type.Null()]),
            }),
          },
        },
      },
      async (request) => {
        const { state, limit = MAX_PAGE, after } = request.query;
        const states = state === undefined ? OPEN : state === 'all' ? ENROLMENT_STATES : [state];
        const found = await enrolOf(services).list(states, { limit, after });
        const macs = await macsByNode(
          services.ports,
          found.map(({ node }) => node),
        );
        const next = found.length === limit ? (found.at(-1)?.node.uuid ?? null) : null;
        return { enrolments: found.map((one) => entryBody(one, macs.get(one.node.uuid) ?? [])), next };
      },
    );
  };
}

export function enrolOf({ enrol }: Pick<RouteDeps['services'], 'enrol'>): EnrolService {
  if (enrol !== undefined) return enrol;
  throw fail('api.not_found', { message: 'this appliance takes no machines in', hint: 'It was built without enrolment.' });
}

export function entryBody(
  { node, row, plan, matched, isAgentThere }: Proposal,
  macs: readonly string[],
): Static<typeof EnrolmentEntry.schema> {
  return {
    node: node.uuid,
    name: node.name ?? row?.name ?? null,
    provisionState: node.provisionState,
    macs: [...macs],
    state: row?.state ?? null,
    profile: plan?.plan.profile ?? row?.profile ?? null,
    rule: row?.rule ?? null,
    reason: row?.reason ?? '',
    isIgnored: node.ignored,
    isAgentThere,
    approvedBy: row?.approvedBy ?? null,
    approvedAt: timeOf(row?.approvedAt),
    taskId: row?.taskId ?? null,
    discoveredAt: isoTime(node.createdAt),
    plan: plan === undefined ? null : planBody(plan),
    rules: matched === undefined ? [] : rulesBody(matched),
  };
}

export function planBody({ hash, state, plan, approvedBy, approvedAt, reason, createdAt }: StoredPlan): Static<typeof WipePlan.schema> {
  const { profile, said, disks, erased, kept, refused, problem } = plan;
  return {
    hash,
    state,
    profile,
    lines: linesOf(plan),
    erased: erased.map((disk, at) => ({
      ...disk,
      serial: disks[at]?.serial ?? null,
      wwn: disks[at]?.wwn ?? null,
      size: disks[at]?.size ?? 0,
    })),
    kept: [...kept],
    refused: [...refused],
    said: [...said],
    problem,
    approvedBy,
    approvedAt: timeOf(approvedAt),
    reason,
    createdAt: isoTime(createdAt),
  };
}

export function rulesBody({ traces }: Pick<Matched, 'traces'>): Static<typeof RuleFit.schema>[] {
  return traces.map(({ rule, fits, reason, conditions }) => ({ rule, fits, reason, conditions: [...conditions] }));
}

function timeOf(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : isoTime(ms);
}
