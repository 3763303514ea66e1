// /v1/allocations and /v1/nodes/{id}/allocation: claims on nodes by what they shall be.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { isLogicalName, isTraitName, type JsonObject } from '../../nodes/index.ts';
import { ALLOCATION_STATES, type Allocation, type AllocationRequest } from '../../reservations/index.ts';
import type { Tx } from '../../store/index.ts';
import { fail } from '../errors.ts';
import { masked } from '../mask.ts';
import { closed, idPath } from '../schemas.ts';
import { type Attribute, jsonObject, type Kind, maybeText, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { needVersion, oneFields } from './lists.ts';
import { nodeOf } from './nodes/find.ts';
import { bad, PAGE_QUERY } from './query.ts';
import { type Asked, type Resource, resourcePlugin } from './resource.ts';
import { maybeName } from './resource-kinds.ts';
import { shown } from './view.ts';

const SINCE = 52;
const PATCH_SINCE = 57;
const BACKFILL_SINCE = 58;
const OWNER_SINCE = 60;
/** As many as a list in a record may hold. */
const MAX_WORDS = 1000;

// Its lists show everything.
const FIELDS: readonly Field<Allocation>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: ({ uuid }) => uuid },
  { name: 'created_at', since: SINCE, isDefault: true, read: ({ createdAt }) => time(createdAt) },
  { name: 'updated_at', since: SINCE, isDefault: true, read: changedTime },
  { name: 'candidate_nodes', since: SINCE, isDefault: true, read: ({ candidateNodes }) => candidateNodes },
  { name: 'extra', since: SINCE, isDefault: true, read: ({ extra }) => masked(extra) },
  { name: 'last_error', since: SINCE, isDefault: true, read: ({ lastError }) => lastError },
  { name: 'name', since: SINCE, isDefault: true, read: ({ name }) => name },
  { name: 'owner', since: OWNER_SINCE, isDefault: true, read: ({ owner }) => owner },
  { name: 'resource_class', since: SINCE, isDefault: true, read: ({ resourceClass }) => resourceClass },
  { name: 'state', since: SINCE, isDefault: true, read: ({ state }) => state },
  { name: 'traits', since: SINCE, isDefault: true, read: ({ traits }) => traits },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'allocations', uuid) },
  { name: 'node_uuid', since: SINCE, isDefault: true, read: ({ nodeUuid }) => nodeUuid },
];

interface Given {
  readonly uuid: string | null;
  readonly name: string | null;
  readonly resourceClass: string | null;
  readonly candidateNodes: readonly string[];
  readonly traits: readonly string[];
  readonly owner: string | null;
  readonly node: string | null;
  readonly extra: JsonObject;
}

const words: Kind<readonly string[]> = {
  schema: Type.Unsafe<unknown>({
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1, maxLength: 255 },
    maxItems: MAX_WORDS,
  }),
  read: (value) => (Array.isArray(value) ? [...new Set(value.map(String))] : []),
};

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'resource_class', since: SINCE, field: 'resourceClass', kind: maybeText(80), only: 'create' },
  { name: 'candidate_nodes', since: SINCE, field: 'candidateNodes', kind: words, only: 'create' },
  { name: 'traits', since: SINCE, field: 'traits', kind: words, only: 'create' },
  { name: 'owner', since: OWNER_SINCE, field: 'owner', kind: maybeText(255), only: 'create' },
  { name: 'node', since: SINCE, field: 'node', kind: maybeText(255), only: 'create' },
  { name: 'name', since: SINCE, field: 'name', kind: maybeName },
  { name: 'extra', since: SINCE, field: 'extra', kind: jsonObject },
];

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

export function allocationsPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  return resourcePlugin(deps, resourceOf(deps));
}

function resourceOf({ services }: Deps): Resource<Allocation, Given> {
  const { allocations, nodes } = services;
  return {
    collection: 'allocations',
    path: '/v1/allocations',
    noun: 'Allocation',
    since: SINCE,
    isRefusedByMethod: true,
    isNamed: true,
    writers: 'member',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [
      ['node', SINCE],
      ['resource_class', SINCE],
      ['state', SINCE],
      ['owner', OWNER_SINCE],
    ],
    list: async ({ ofNodes: _none, ...page }, query, { identity }) => {
      const project = identity?.project;
      if (project !== undefined && query.owner !== undefined && query.owner !== project)
        throw fail('api.forbidden', { message: 'Not authorized.', hint: 'Leave the owner out: the list holds what is yours.' });
      const node = query.node === undefined ? undefined : await nodes.find(query.node);
      if (query.node !== undefined && node === undefined) throw bad(`Node ${query.node.slice(0, 255)} could not be found.`);
      // A word that is no state finds nothing, as with Ironic.
      const state = ALLOCATION_STATES.find((one) => one === query.state);
      if (query.state !== undefined && state === undefined) return [];
      const owner = project ?? query.owner;
      const where = {
        ...(node === undefined ? {} : { nodeUuid: node.uuid }),
        ...(query.resource_class === undefined ? {} : { resourceClass: query.resource_class }),
        ...(state === undefined ? {} : { state }),
        ...(owner === undefined ? {} : { owner }),
      };
      return allocations.list({ ...page, where });
    },
    find: (ref, tx) => allocations.find(ref, tx),
    create: (tx, given, asked) => create(services, tx, given, asked),
    update: (tx, before, changes) => {
      checkName(changes.name, 'update');
      return allocations.update(tx, before, changes);
    },
    remove: (tx, one) => allocations.remove(tx, one),
    more: (app) => {
      app.addHook('onRequest', async (request) => {
        if (request.method === 'PATCH' && request.ironicMinor >= SINCE && request.ironicMinor < PATCH_SINCE)
          throw fail('api.method_not_allowed', { message: 'The API version does not allow updating allocations' });
      });
      // One of another project is not there.
      app.addHook('preHandler', async (request) => {
        const project = request.identity?.project;
        const { id } = Object(request.params) as { readonly id?: string }; // the routes of this resource have that or nothing
        if (project === undefined || id === undefined) return;
        if ((await allocations.find(id))?.owner !== project)
          throw fail('api.not_found', { message: `Allocation ${id.slice(0, 255)} could not be found.` });
      });
    },
  };
}

async function create(services: Deps['services'], tx: Tx, given: Partial<Given>, { view, identity }: Asked): Promise<Allocation> {
  const { allocations, nodes } = services;
  const project = identity?.project;
  const ref = given.node ?? '';
  checkName(given.name, 'create');
  if (ref !== '' && view.minor < BACKFILL_SINCE) throw bad('Cannot set node when creating an allocation in this API version');
  const found = ref === '' ? undefined : await nodes.find(ref, tx);
  const node = found !== undefined && isVisible(found, project) ? found : undefined;
  if (ref !== '' && node === undefined) throw bad(`Node ${ref} could not be found.`);
  const resourceClass = given.resourceClass === '' ? null : (given.resourceClass ?? null);
  if (resourceClass === null && node === undefined) throw bad('The resource_class field is mandatory when not backfilling');
  for (const trait of given.traits ?? [])
    if (!isTraitName(trait)) throw bad(`Schema error for allocation: '${trait}' is not the name of a trait`);
  if (project !== undefined && typeof given.owner === 'string' && given.owner !== project) {
    throw fail('api.forbidden', {
      message: `Cannot create allocation with an owner Project ID value ${given.owner} not matching the requester Project ID ${project}.`,
    });
  }
  const request: AllocationRequest = {
    uuid: given.uuid ?? null,
    name: given.name ?? null,
    resourceClass: resourceClass ?? node?.resourceClass ?? null,
    candidateNodes: await uuidsOf(services, tx, given.candidateNodes ?? [], project),
    traits: given.traits ?? [],
    owner: project ?? given.owner ?? null,
    extra: given.extra ?? {},
  };
  return node === undefined ? allocations.create(tx, request) : allocations.backfill(tx, request, node);
}

/** In the order in which they were named. */
async function uuidsOf({ nodes }: Deps['services'], tx: Tx, refs: readonly string[], project: string | undefined): Promise<string[]> {
  const found = new Set<string>();
  const missing: string[] = [];
  for (const ref of refs) {
    const node = await nodes.find(ref, tx);
    if (node !== undefined && isVisible(node, project)) found.add(node.uuid);
    else missing.push(ref);
  }
  if (missing.length > 0) throw bad(`Nodes cannot be found: ${missing.join(', ').slice(0, 1000)}`);
  return [...found];
}

function isVisible(node: { readonly owner: string | null; readonly lessee: string | null }, project: string | undefined): boolean {
  return project === undefined || node.owner === project || node.lessee === project;
}

function checkName(name: string | null | undefined, verb: 'create' | 'update'): void {
  if (typeof name === 'string' && !isLogicalName(name)) throw bad(`Cannot ${verb} allocation with invalid name '${name.slice(0, 255)}'`);
}

const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);

/** Of one node. Who may see it, the guard of projects has looked at the node itself. */
export function nodeAllocationPlugin({ services, viewOf }: Deps): FastifyPluginAsyncTypebox {
  const { allocations, nodes } = services;
  /** Throws where there is none, or one of another project. */
  const theirs = (request: FastifyRequest, ref: string, allocation: Allocation | undefined): Allocation => {
    const project = request.identity?.project;
    if (allocation !== undefined && (project === undefined || allocation.owner === project)) return allocation;
    throw fail('api.not_found', { message: `Allocation for node ${ref.slice(0, 255)} was not found` });
  };
  return async (app) => {
    app.get('/:id/allocation', { config: { access: 'reader' }, schema: { params: idPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const fields = oneFields(FIELDS, request.query, view);
      const { uuid } = await nodeOf(nodes, request.params.id, view);
      return shown(theirs(request, request.params.id, await allocations.ofNode(uuid)), fields, view);
    });

    app.delete('/:id/allocation', { config: { access: 'member' }, schema: { params: idPath } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const { uuid } = await nodeOf(nodes, request.params.id, view);
      await services.transaction(async (tx) =>
        allocations.remove(tx, theirs(request, request.params.id, await allocations.ofNode(uuid, tx))),
      );
      return reply.code(204).send();
    });
  };
}
