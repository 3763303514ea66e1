// /v1/chassis, and the nodes in one.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Chassis, JsonObject } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import { idPath } from '../schemas.ts';
import { type Attribute, jsonObject, maybeText, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { detailFields, listFields, pageBody } from './lists.ts';
import { viewOfNodes } from './nodes/about.ts';
import { NODE_FIELDS } from './nodes/fields.ts';
import { nodeListQuery, nodeQueryOf } from './nodes/filters.ts';
import { limitOf } from './query.ts';
import { findAs, type Resource, resourcePlugin } from './resource.ts';

const FIELDS: readonly Field<Chassis>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (chassis) => chassis.uuid },
  { name: 'description', since: 1, isDefault: true, read: (chassis) => chassis.description },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (chassis, view) => links(view, 'chassis', chassis.uuid) },
  { name: 'created_at', since: 1, read: (chassis) => time(chassis.createdAt) },
  { name: 'updated_at', since: 1, read: changedTime },
  { name: 'extra', since: 1, read: (chassis) => masked(chassis.extra) },
  // A list in a list: so Ironic has always written it.
  { name: 'nodes', since: 1, isLink: true, read: (chassis, view) => [links(view, 'chassis', `${chassis.uuid}/nodes`)] },
];

interface Given {
  readonly uuid: string | null;
  readonly description: string | null;
  readonly extra: JsonObject;
}

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: 1, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'description', since: 1, field: 'description', kind: maybeText(255) },
  { name: 'extra', since: 1, field: 'extra', kind: jsonObject },
];

export function chassisPlugin(deps: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { chassis } = deps.services.records;
  const resource: Resource<Chassis, Given> = {
    collection: 'chassis',
    path: '/v1/chassis',
    noun: 'Chassis',
    since: 1,
    hasDetail: true,
    writers: 'operator',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [],
    list: ({ ofNodes: _none, ...page }) => chassis.list(page),
    find: (ref, tx) => chassis.find(ref, tx),
    create: (tx, { uuid, ...given }) => chassis.create(tx, { description: null, extra: {}, ...given }, uuid ?? undefined),
    update: (tx, before, changes) => chassis.update(tx, before, changes),
    remove: (tx, one) => chassis.remove(tx, one),
  };
  return async (app) => {
    await app.register(resourcePlugin(deps, resource));
    await app.register(nodesPlugin(deps));
  };
}

/** The nodes in a chassis: lists of nodes as /v1/nodes has them. */
function nodesPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const schema = { params: idPath, querystring: nodeListQuery };
  return async (app) => {
    for (const path of ['/:id/nodes', '/:id/nodes/detail'] as const)
      app.get(path, { config: { access: 'reader' }, schema }, async (request) => {
        const view = viewOf(request);
        const { chassis } = services.records;
        const { uuid } = await findAs({ noun: 'Chassis', find: (ref) => chassis.find(ref) }, request.params.id, view);
        const { query, identity } = request;
        const fields = path.endsWith('/detail') ? detailFields(NODE_FIELDS, query, view) : listFields(NODE_FIELDS, query, view);
        const limit = limitOf(query.limit);
        const rows = await services.nodes.list({
          ...(await nodeQueryOf(services, { ...query, chassis_uuid: uuid }, identity, view)),
          limit,
        });
        const nodeView = await viewOfNodes(services, view, rows, fields);
        const own = `/v1/chassis/${uuid}/nodes${path.endsWith('/detail') ? '/detail' : ''}`;
        return pageBody({ collection: 'nodes', rows, fields, view: nodeView, path: own, query, limit });
      });
  };
}
