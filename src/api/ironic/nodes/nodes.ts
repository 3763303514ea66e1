// /v1/nodes: lists and single nodes; making, changing and removing them.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Node } from '../../../nodes/index.ts';
import { closed, idPath } from '../../schemas.ts';
import { bodySchema } from '../attributes.ts';
import type { View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { patchBody } from '../json-patch.ts';
import { byOf, detailFields, listFields, oneFields } from '../lists.ts';
import { booleanOf, limitOf, PAGE_QUERY } from '../query.ts';
import { fullFields, newerField, type Shown, shown } from '../view.ts';
import { viewOfNodes } from './about.ts';
import { NODE_ATTRIBUTES } from './attributes.ts';
import { NODE_FIELDS } from './fields.ts';
import { type NodeListQuery, nodeListQuery, nodeQueryOf } from './filters.ts';
import { nodeOf, versionOf } from './find.ts';
import { NodePages } from './pages.ts';
import { createNode, patchNode, removeNode } from './writes.ts';

const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);
const patchQuery = Type.Object({ reset_interfaces: Type.Optional(Type.String({ maxLength: 8 })) }, closed);

interface List {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly asked: NodeListQuery;
  readonly path: string;
  readonly fields: Shown<Node>;
}

/** What a project sees of nodes is made of text: project.ts. */
function sendBytes({ identity }: FastifyRequest, reply: FastifyReply, bytes: Buffer): FastifyReply {
  reply.type('application/json; charset=utf-8');
  return reply.send(identity?.project === undefined ? bytes : bytes.toString());
}

export function nodesPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const { nodes } = services;
  const config = { access: 'reader' } as const;
  const writes = { access: 'operator' } as const;

  const pages = new NodePages(services);

  async function list({ request, reply, asked, path, fields }: List): Promise<FastifyReply> {
    const view = viewOf(request);
    const limit = limitOf(asked.limit);
    const query = { ...(await nodeQueryOf(services, asked, request.identity, view)), limit };
    // One node at most has an instance: there is no next page, whatever the limit was.
    const shownLimit = asked.instance_uuid === undefined ? limit : Number.POSITIVE_INFINITY;
    const bytes = await pages.bytes({ query, conductor: asked.conductor, fields, view, path, asked, limit: shownLimit });
    return sendBytes(request, reply, bytes);
  }

  async function shownOne(node: Node, fields: Shown<Node>, view: View): Promise<object> {
    return shown(node, fields, await viewOfNodes(services, view, [node], fields));
  }

  return async (app) => {
    app.get('/', { config, schema: { querystring: nodeListQuery } }, async (request, reply) => {
      const asked = request.query;
      return list({ request, reply, asked, path: '/v1/nodes', fields: listFields(NODE_FIELDS, asked, viewOf(request)) });
    });

    app.get('/detail', { config, schema: { querystring: nodeListQuery } }, async (request, reply) => {
      const asked = request.query;
      return list({ request, reply, asked, path: '/v1/nodes/detail', fields: detailFields(NODE_FIELDS, asked, viewOf(request)) });
    });

    app.get('/:id', { config, schema: { params: idPath, querystring: oneQuery } }, async (request, reply) => {
      const view = viewOf(request);
      const fields = oneFields(NODE_FIELDS, request.query, view);
      if (request.query.fields !== undefined) return shownOne(await nodeOf(nodes, request.params.id, view), fields, view);
      const version = await versionOf(nodes, request.params.id, view);
      return sendBytes(request, reply, await pages.one({ version, fields, view }));
    });

    app.post('/', { config: writes, schema: { body: bodySchema(NODE_ATTRIBUTES) } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await createNode(services, request.body, view, byOf(request));
      pages.forget(node.uuid);
      reply.code(201).header('location', `${view.baseUrl}/v1/nodes/${node.uuid}`);
      return shownOne(node, fullFields(NODE_FIELDS, view), view);
    });

    const patchSchema = { params: idPath, querystring: patchQuery, body: patchBody };
    app.patch('/:id', { config: writes, schema: patchSchema }, async (request) => {
      const view = viewOf(request);
      const { reset_interfaces: reset } = request.query;
      if (reset !== undefined && view.minor < 45) throw newerField('reset_interfaces', 45, view.minor);
      const resetInterfaces = reset !== undefined && booleanOf('reset_interfaces', reset);
      const wanted = { ref: request.params.id, patch: request.body, resetInterfaces, relation: request.relation };
      return shownOne(await patchNode(services, wanted, view, byOf(request)), fullFields(NODE_FIELDS, view), view);
    });

    app.delete('/:id', { config: writes, schema: { params: idPath } }, async (request, reply) => {
      await removeNode(services, request.params.id, viewOf(request), byOf(request));
      return reply.code(204).send();
    });
  };
}
