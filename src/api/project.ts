// What somebody with a project sees and does: as Ironic's owner and lessee, and nothing else. One table; what is not in it is denied.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isAtLeast } from '../access/index.ts';
import { fail } from './errors.ts';
import { type NodeRefs, nodeRefOf } from './project-nodes.ts';
import type { Identity, Role } from './services.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the project of whoever asks is to the node that the path names. */
    relation: 'owner' | 'lessee' | null;
  }
}

/** The least role of the project's people; null: never. */
interface Least {
  readonly owner: Role | null;
  readonly lessee: Role | null;
}

const READ: Least = { owner: 'reader', lessee: 'reader' };
const OWNERS_READ: Least = { owner: 'reader', lessee: null };
const USE: Least = { owner: 'member', lessee: 'member' };
/** Ironic's SYSTEM_OR_OWNER_MEMBER_AND_LESSEE_ADMIN; its admin and manager of a project are our operator. */
const RUN: Least = { owner: 'member', lessee: 'operator' };
const OWNERS_USE: Least = { owner: 'member', lessee: null };
const OWNERS_RUN: Least = { owner: 'operator', lessee: null };

/** Below /v1/nodes/:id. From Ironic's policies (common/policy.py, 2026). */
const ON_A_NODE: readonly (readonly [methods: string, path: RegExp, least: Least])[] = [
  ['GET', /^$/, READ],
  ['PATCH', /^$/, USE],
  ['DELETE', /^$/, { owner: 'admin', lessee: null }],
  [
    'GET',
    /^\/(?:states|vifs|traits|bios|firmware|vmedia|ports|portgroups|volume|allocation|management\/indicators)(?:\/(?!console).*)?$/,
    READ,
  ],
  ['GET', /^\/(?:history|inventory|children)(?:\/.*)?$/, OWNERS_READ],
  ['PUT', /^\/states\/(?:power|boot_mode|secure_boot)$/, USE],
  ['PUT', /^\/states\/provision$/, RUN],
  ['PUT', /^\/states\/raid$/, OWNERS_USE],
  ['GET PUT', /^\/states\/console$/, OWNERS_USE],
  ['GET', /^\/validate$/, RUN],
  ['PUT DELETE', /^\/maintenance$/, RUN],
  ['POST DELETE', /^\/vifs(?:\/.*)?$/, RUN],
  ['POST DELETE', /^\/vmedia$/, USE],
  ['PUT DELETE', /^\/traits(?:\/.*)?$/, OWNERS_RUN],
  ['GET PUT', /^\/management\/boot_device(?:\/supported)?$/, OWNERS_RUN],
  ['PUT', /^\/management\/inject_nmi$/, OWNERS_RUN],
  ['PUT', /^\/management\/indicators(?:\/.*)?$/, OWNERS_USE],
  ['DELETE', /^\/allocation$/, USE],
];

/** Lists that take projectFilter, and what is nobody's. */
const ANYWAY: readonly RegExp[] = [/^\/v1\/nodes(?:\/detail)?\/?$/, /^\/api\/(?:session|states|openapi\.json)\/?$/];

/** A PATCH of these roots is for the whole site's people only. */
const SITE_FIELDS = new Set(['owner', 'conductor_group', 'shard', 'parent_node', 'chassis_uuid', 'disable_power_off', 'automated_clean']);
/** What a lessee may patch, and from which role on. */
const LESSEE_FIELDS: ReadonlyMap<string, Role> = new Map([
  ['extra', 'member'],
  ['instance_info', 'operator'],
]);
const NODE_ROUTE = /^\/v1\/nodes\/:[^/]+(\/.*)?$/;
/** Of a node that is not the project's own. */
const REDACTED: Readonly<Record<string, unknown>> = {
  driver_info: { content: '** Redacted - requires baremetal:node:get:driver_info permission. **' },
  driver_internal_info: { content: '** Redacted - Requires baremetal:node:get:driver_internal_info permission. **' },
  last_error: '** Value Redacted - Requires baremetal:node:get:last_error permission. **',
  reservation: '** Redacted - requires baremetal:node:get:reservation permission. **',
};

/** For the filters of a list of nodes: nothing for those who see all. */
export function projectFilter(identity: Identity | null): { readonly project?: string } {
  return identity?.project === undefined ? {} : { project: identity.project };
}

/** Goes on the root after guardAccess. */
export function guardProjects(app: FastifyInstance, nodes: NodeRefs): void {
  app.decorateRequest('relation', null);
  app.addHook('preHandler', async (request) => {
    if (request.identity?.project !== undefined) await check(request, request.identity, request.identity.project, nodes);
  });
  app.addHook('preSerialization', async (request, _reply, payload: unknown) => {
    const project = request.identity?.project;
    const isWhole = project === undefined || request.relation === 'owner' || request.routeOptions.url?.startsWith('/v1/') !== true;
    return isWhole ? payload : redacted(payload, project);
  });
}

async function check(request: FastifyRequest, identity: Identity, project: string, nodes: NodeRefs): Promise<void> {
  const url = request.routeOptions.url ?? '';
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (ANYWAY.some((route) => route.test(url)) && (method === 'GET' || url.startsWith('/api/session'))) return;
  const below = NODE_ROUTE.exec(url);
  const row =
    below === null
      ? undefined
      : ON_A_NODE.find(([methods, path]) => methods.split(' ').includes(method) && path.test((below[1] ?? '').replace(/\/$/, '')));
  if (row === undefined) throw denied(identity, 'may not use this endpoint');
  const ref = nodeRefOf(request);
  const node = await nodes.find(ref);
  const relation = node?.owner === project ? 'owner' : node?.lessee === project ? 'lessee' : undefined;
  // The same answer as for a node that is not there.
  if (relation === undefined) throw fail('api.not_found', { message: `Node ${ref.slice(0, 255)} could not be found.` });
  request.relation = relation;
  const least = row[2][relation];
  if (least === null || !isAtLeast(identity.role, least))
    throw denied(identity, `may not do this as its ${relation}${least === null ? '' : `; that needs ${least}`}`);
  if (method === 'PATCH') checkPatch(request.body, identity, relation);
}

function checkPatch(body: unknown, identity: Identity, relation: keyof Least): void {
  const paths = Array.isArray(body)
    ? body.flatMap((one: unknown) => (typeof one === 'object' && one !== null && 'path' in one ? [String(one.path)] : []))
    : [];
  for (const field of paths.map((path) => path.split('/')[1] ?? '')) {
    if (relation === 'owner') {
      const isDriver = field === 'driver' || field.endsWith('_interface');
      if (SITE_FIELDS.has(field)) throw denied(identity, `may not change ${field}`);
      if (isDriver && !isAtLeast(identity.role, 'operator')) throw denied(identity, `may not change ${field}; that needs operator`);
    } else {
      const least = LESSEE_FIELDS.get(field);
      if (least === undefined || !isAtLeast(identity.role, least))
        throw denied(identity, `may not change ${field.slice(0, 64)} as its lessee`);
    }
  }
}

function denied({ name, project }: Identity, what: string): Error {
  return fail('api.forbidden', { message: `${name} of the project ${project} ${what}`, hint: 'Ask an administrator.' });
}

function redacted(payload: unknown, project: string): unknown {
  if (typeof payload !== 'object' || payload === null) return payload;
  if ('nodes' in payload && Array.isArray(payload.nodes))
    return { ...payload, nodes: payload.nodes.map((one: unknown) => redactedNode(one, project)) };
  return redactedNode(payload, project);
}

function redactedNode(node: unknown, project: string): unknown {
  if (typeof node !== 'object' || node === null || ('owner' in node && node.owner === project)) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, value === null ? null : (REDACTED[key] ?? value)]));
}
