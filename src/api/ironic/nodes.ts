// /v1/nodes: lists, one node, and what hangs below it. Reading only.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isNodeSortKey, isProvisionState, NODE_SORT_KEYS, type Node, type NodeFilters, type NodeQuery } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import { closed, idPath } from '../schemas.ts';
import type { View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { NODE_FIELDS } from './node-fields.ts';
import { bad, booleanOf, detailOf, fieldNames, limitOf, nextLink, PAGE_QUERY } from './query.ts';
import { chosenFields, defaultFields, fullFields, newerField, type Shown, shown } from './view.ts';

const word = Type.Optional(Type.String({ maxLength: 255 }));
const listQuery = Type.Object({ ...PAGE_QUERY, provision_state: word, maintenance: word, driver: word, resource_class: word }, closed);
type ListQuery = Static<typeof listQuery>;
const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);

/** Filters and the version from which on they may be used. */
const FILTERS_SINCE = { provision_state: 9, driver: 16, resource_class: 21, maintenance: 1 } as const;

export function nodesPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const { nodes } = services;
  const config = { access: 'reader' } as const;

  async function nodeOf(request: FastifyRequest<{ Params: Static<typeof idPath> }>): Promise<Node> {
    const node = await nodes.find(request.params.id);
    if (node !== undefined) return node;
    throw fail('api.not_found', { message: `Node ${request.params.id} could not be found.` });
  }

  async function list(query: ListQuery, view: View, path: string, fields: Shown<Node>): Promise<Record<string, unknown>> {
    const limit = limitOf(query.limit);
    const page = await nodes.list({ filters: filtersOf(query, view), limit, ...sortOf(query), ...(await markerOf(query.marker)) });
    return { nodes: page.map((node) => shown(node, fields, view)), ...nextLink({ baseUrl: view.baseUrl, path, query, limit, page }) };
  }

  async function markerOf(marker: string | undefined): Promise<Pick<NodeQuery, 'marker'>> {
    if (marker === undefined) return {};
    const node = await nodes.find(marker);
    if (node === undefined) throw fail('api.not_found', { message: `Node ${marker} could not be found.` });
    return { marker: node.uuid };
  }

  return async (app) => {
    app.get('/', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      const { isFull, names } = detailOf(request.query, view);
      const fields = isFull
        ? fullFields(NODE_FIELDS, view)
        : names === undefined
          ? defaultFields(NODE_FIELDS, view)
          : chosenFields(NODE_FIELDS, names, view);
      return list(request.query, view, '/v1/nodes', fields);
    });

    app.get('/detail', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      if (fieldNames(request.query.fields) !== undefined) throw bad("Can't fetch a subset of fields with 'detail' set.");
      return list(request.query, view, '/v1/nodes/detail', fullFields(NODE_FIELDS, view));
    });

    app.get('/:id', { config, schema: { params: idPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      const { names } = detailOf(request.query, view);
      const fields = names === undefined ? fullFields(NODE_FIELDS, view) : chosenFields(NODE_FIELDS, names, view);
      return shown(await nodeOf(request), fields, view);
    });

    app.get('/:id/inventory', { config, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      if (view.minor < 81) throw newerField('inventory', 81, view.minor);
      const node = await nodeOf(request);
      const inventory = await nodes.inventory(node.uuid);
      if (inventory === undefined) throw fail('api.not_found', { message: `Node ${node.uuid} has no inventory yet.` });
      return { inventory: inventory.inventory, plugin_data: inventory.pluginData };
    });
  };
}

function filtersOf(query: ListQuery, { minor }: View): NodeFilters {
  for (const [name, since] of Object.entries(FILTERS_SINCE)) {
    if (Object.hasOwn(query, name) && minor < since) throw newerField(name, since, minor);
  }
  const { provision_state: state, maintenance, driver, resource_class: resourceClass } = query;
  if (state !== undefined && !isProvisionState(state)) throw bad(`Provision state ${JSON.stringify(state)} is not valid.`);
  return {
    ...(state === undefined ? {} : { provisionState: state }),
    ...(maintenance === undefined ? {} : { maintenance: booleanOf('maintenance', maintenance) }),
    ...(driver === undefined ? {} : { driver }),
    ...(resourceClass === undefined ? {} : { resourceClass }),
  };
}

function sortOf({ sort_key: key, sort_dir: direction }: ListQuery): Pick<NodeQuery, 'sort'> {
  const sortKey = key ?? 'created_at'; // Ironic's `id`: order of making
  if (!isNodeSortKey(sortKey))
    throw bad(`The sort_key value ${JSON.stringify(key)} is an invalid field for sorting: ${NODE_SORT_KEYS.join(', ')}.`);
  return { sort: { key: sortKey, descending: direction === 'desc' } };
}
