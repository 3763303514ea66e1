// Holds people with a project to what the policy gives them: sees whose the thing is that a request names, and hides what is not theirs.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isAtLeast } from '../access/index.ts';
import { BugError } from '../lib/index.ts';
import { fail } from './errors.ts';
import { lesseeStepsRefusal, mayPatch, projectRule, type Relation, type Subject } from './project-policy.ts';
import { findSubject, type SubjectServices } from './project-subjects.ts';
import type { Identity } from './services.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the project of whoever asks is to the thing that the path names. */
    relation: Relation | null;
  }
}

/** Of a node that is not the project's own, as Ironic writes it. */
const REDACTED: Readonly<Record<string, unknown>> = {
  driver_info: { content: '** Redacted - requires baremetal:node:get:driver_info permission. **' },
  driver_internal_info: { content: '** Redacted - Requires baremetal:node:get:driver_internal_info permission. **' },
  last_error: '** Value Redacted - Requires baremetal:node:get:last_error permission. **',
  reservation: '** Redacted - requires baremetal:node:get:reservation permission. **',
};

/** For the filters of a list: nothing for those who see all. */
export function projectFilter(identity: Identity | null): { readonly project?: string } {
  return identity?.project === undefined ? {} : { project: identity.project };
}

/** Goes on the root after guardAccess. */
export function guardProjects(app: FastifyInstance, services: SubjectServices): void {
  app.decorateRequest('relation', null);
  app.addHook('preHandler', (request, _reply, done) => {
    const { identity } = request;
    if (identity?.project === undefined) done();
    else
      check(request, identity, identity.project, services)
        .then((relation) => {
          request.relation = relation;
        })
        .then(() => done(), done);
  });
  // On the text that leaves, because lists may be sent as text.
  app.addHook('onSend', (request, _reply, payload: unknown, done) => {
    const project = request.identity?.project;
    const isWhole = project === undefined || request.relation === 'owner' || request.routeOptions.url?.startsWith('/v1/nodes') !== true;
    if (isWhole || payload === undefined || payload === null || payload === '') done(null, payload);
    else hidden(payload, project).then((text) => done(null, text), done);
  });
}

async function check(request: FastifyRequest, identity: Identity, project: string, services: SubjectServices): Promise<Relation | null> {
  const rule = projectRule(request.method, request.routeOptions.url ?? '');
  if (rule === undefined) throw denied(identity, 'may not use this endpoint');
  const { subject, least } = rule;
  if (subject === 'list' || subject === 'allocation' || subject === 'nothing') {
    if (least.owner === null || !isAtLeast(identity.role, least.owner))
      throw denied(identity, `may not do this with the role ${identity.role}`);
    return null;
  }
  const { whose, notFound } = await findSubject(subject, request, services);
  const relation = whose?.owner === project ? 'owner' : whose?.lessee === project ? 'lessee' : undefined;
  // The same answer as for what is not there.
  if (relation === undefined) throw notFound;
  const needed = least[relation];
  if (needed === null) throw denied(identity, `may not do this as its ${relation}`);
  if (!isAtLeast(identity.role, needed))
    throw denied(identity, `may not do this as its ${relation} with the role ${identity.role}; it needs ${needed}`);
  if (request.method === 'PATCH') checkPatch(request.body, identity, subject, relation);
  const stepsRefusal = relation === 'lessee' ? lesseeStepsRefusal(request.body) : undefined;
  if (stepsRefusal !== undefined) throw denied(identity, stepsRefusal);
  return relation;
}

function checkPatch(body: unknown, identity: Identity, subject: Subject, relation: Relation): void {
  const parts: readonly unknown[] = Array.isArray(body) ? body : [];
  for (const part of parts) {
    const path = typeof part === 'object' && part !== null && 'path' in part ? String(part.path) : '';
    const field = path.split('/')[1] ?? '';
    if (!mayPatch(identity.role, field, subject, relation))
      throw denied(identity, `may not change ${field.slice(0, 64)} as its ${relation}`);
  }
}

function denied({ name, project }: Identity, what: string): Error {
  return fail('api.forbidden', { message: `${name} of the project ${project} ${what}`, hint: 'Ask an administrator.' });
}

async function hidden(payload: unknown, project: string): Promise<string> {
  if (typeof payload !== 'string') throw new BugError('a reply about nodes is no text: what a project may see of it is not known');
  return JSON.stringify(redacted(JSON.parse(payload), project));
}

function redacted(payload: unknown, project: string): unknown {
  if (typeof payload !== 'object' || payload === null) return payload;
  if (!('nodes' in payload) || !Array.isArray(payload.nodes)) return redactedNode(payload, project);
  return { ...payload, nodes: payload.nodes.map((one: unknown) => redactedNode(one, project)) };
}

function redactedNode(node: unknown, project: string): unknown {
  if (typeof node !== 'object' || node === null || ('owner' in node && node.owner === project)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]: [string, unknown]) => [key, value === null ? null : (REDACTED[key] ?? value)]),
  );
}
