// /v1/nodes: lists and single nodes; making, changing and removing them.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Node } from '../../nodes/index.ts';
import { closed, idPath } from '../schemas.ts';
import { viewOfNodes } from './about-nodes.ts';
import { bodySchema } from './attributes.ts';
import type { View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { patchBody } from './json-patch.ts';
import { byOf, detailFields, listFields, oneFields, pageBody } from './lists.ts';
import { NODE_ATTRIBUTES } from './node-attributes.ts';
import { NODE_FIELDS } from './node-fields.ts';
import { type NodeListQuery, nodeListQuery, nodeQueryOf } from './node-filters.ts';
import { nodeOf } from './node-find.ts';
import { createNode, patchNode, removeNode } from './node-writes.ts';
import { booleanOf, limitOf, PAGE_QUERY } from './query.ts';
import { fullFields, newerField, type Shown, shown } from './view.ts';

const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);
const patchQuery = Type.Object({ reset_interfaces: Type.Optional(Type.String({ maxLength: 8 })) }, closed);

export function nodesPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const { nodes } = services;
  const config = { access: 'reader' } as const;
  const writes = { access: 'operator' } as const;

  async function list(request: FastifyRequest, query: NodeListQuery, path: string, fields: Shown<Node>): Promise<object> {
    const view = viewOf(request);
    const limit = limitOf(query.limit);
    const found = await nodes.list({ ...(await nodeQueryOf(services, query, request.identity, view)), limit });
    const { conductor } = query;
    const rows = conductor === undefined ? found : found.filter((node) => services.conductorOf?.(node) === conductor);
    const nodeView = await viewOfNodes(services, view, rows, fields);
    // One node at most has an instance: there is no next page, whatever the limit was.
    const shownLimit = query.instance_uuid === undefined ? limit : Number.POSITIVE_INFINITY;
    return pageBody({ collection: 'nodes', rows, fields, view: nodeView, path, query, limit: shownLimit });
  }

  async function shownOne(node: Node, fields: Shown<Node>, view: View): Promise<object> {
    return shown(node, fields, await viewOfNodes(services, view, [node], fields));
  }

  return async (app) => {
    app.get('/', { config, schema: { querystring: nodeListQuery } }, async (request) =>
      list(request, request.query, '/v1/nodes', listFields(NODE_FIELDS, request.query, viewOf(request))),
    );

    app.get('/detail', { config, schema: { querystring: nodeListQuery } }, async (request) =>
      list(request, request.query, '/v1/nodes/detail', detailFields(NODE_FIELDS, request.query, viewOf(request))),
    );

    app.get('/:id', { config, schema: { params: idPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      const fields = oneFields(NODE_FIELDS, request.query, view);
      return shownOne(await nodeOf(nodes, request.params.id, view), fields, view);
    });

    app.post('/', { config: writes, schema: { body: bodySchema(NODE_ATTRIBUTES) } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await createNode(services, request.body, view, byOf(request));
      reply.code(201).header('location', `${view.baseUrl}/v1/nodes/${node.uuid}`);
      return shownOne(node, fullFields(NODE_FIELDS, view), view);
    });

    const patchSchema = { params: idPath, querystring: patchQuery, body: patchBody };
    app.patch('/:id', { config: writes, schema: patchSchema }, async (request) => {
      const view = viewOf(request);
      const { reset_interfaces: reset } = request.query;
      if (reset !== undefined && view.minor < 45) throw newerField('reset_interfaces', 45, view.minor);
      const resetInterfaces = reset !== undefined && booleanOf('reset_interfaces', reset);
      const wanted = { ref: request.params.id, patch: request.body, resetInterfaces };
      return shownOne(await patchNode(services, wanted, view, byOf(request)), fullFields(NODE_FIELDS, view), view);
    });

    app.delete('/:id', { config: writes, schema: { params: idPath } }, async (request, reply) => {
      await removeNode(services, request.params.id, viewOf(request), byOf(request));
      return reply.code(204).send();
    });
  };
}
