// /api/nodes: the inventory as our own clients read it. Changing nodes is not done here.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isProvisionState, type Node, type NodeQuery, type NodeSortKey } from '../../nodes/index.ts';
import type { RouteDeps } from '../build.ts';
import { decodePageToken, encodePageToken } from '../cursor.ts';
import { fail } from '../errors.ts';
import { closed, HistoryEntry, idPath, NodeDetail, Node as NodeSchema, nextPageToken, pageQuery, Reason } from '../schemas.ts';
import { nodeOr404 } from './find.ts';
import { historyBody, macsByNode, nodeBody, nodeDetailBody } from './node-body.ts';
import { reasonsOf } from './reasons.ts';

const SORTS = {
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  name: 'name',
  provisionState: 'provision_state',
} as const satisfies Readonly<Record<string, NodeSortKey>>;
type Sort = keyof typeof SORTS;

const listQuery = Type.Object(
  {
    ...pageQuery,
    sort: Type.Enum(['createdAt', 'updatedAt', 'name', 'provisionState'] satisfies Sort[], { default: 'createdAt' }),
    order: Type.Enum(['asc', 'desc'], { default: 'asc' }),
    state: Type.Optional(Type.String({ maxLength: 15, description: 'A provision state of GET /api/states.' })),
    maintenance: Type.Optional(Type.Boolean()),
    ignored: Type.Optional(Type.Boolean()),
    driver: Type.Optional(Type.String({ maxLength: 255 })),
  },
  closed,
);
const limitQuery = Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 1000, default: 200 }) }, closed);

export function nodesPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['nodes'];
  const config = { access: 'reader' } as const;
  return async (app) => {
    app.get(
      '/',
      {
        config,
        schema: {
          operationId: 'listNodes',
          summary: 'Nodes, page by page',
          tags,
          querystring: listQuery,
          response: { 200: Type.Object({ nodes: Type.Array(NodeSchema.ref), nextPageToken }) },
        },
      },
      async (request) => {
        const { limit, pageToken, sort, order, state, maintenance, ignored, driver } = request.query;
        if (state !== undefined && !isProvisionState(state)) throw unknownState(state);
        const filters = {
          ...(state === undefined ? {} : { provisionState: state }),
          ...(maintenance === undefined ? {} : { maintenance }),
          ...(ignored === undefined ? {} : { ignored }),
          ...(driver === undefined ? {} : { driver }),
        };
        const scope = JSON.stringify(['nodes', sort, order, filters]);
        const found = await services.nodes.list({
          filters,
          // One more than asked for tells whether there is a next page.
          limit: limit + 1,
          sort: { key: SORTS[sort], descending: order === 'desc' },
          ...markerOf(pageToken, scope),
        });
        const page = found.slice(0, limit);
        const macs = await macsByNode(services.ports, page);
        return { nodes: page.map((node) => nodeBody(node, macs.get(node.uuid) ?? [])), nextPageToken: tokenAfter(found, page, scope) };
      },
    );

    app.get(
      '/:id',
      {
        config,
        schema: { operationId: 'getNode', summary: 'One node, by UUID or name', tags, params: idPath, response: { 200: NodeDetail.ref } },
      },
      async (request, reply) => {
        const node = await nodeOr404(services.nodes, request.params.id);
        reply.header('etag', `"${node.version}"`);
        return nodeDetailBody(node, await services.ports.ofNodes([node.uuid]));
      },
    );

    app.get(
      '/:id/reasons',
      {
        config,
        schema: {
          operationId: 'listNodeReasons',
          summary: 'Why it did or did not boot, match, install: the newest first',
          tags,
          params: idPath,
          querystring: limitQuery,
          response: { 200: Type.Object({ reasons: Type.Array(Reason.ref) }) },
        },
      },
      async (request) => {
        const node = await nodeOr404(services.nodes, request.params.id);
        const ports = await services.ports.ofNodes([node.uuid]);
        const subjects = [`node:${node.uuid}`, ...ports.map((port) => `mac:${port.address}`)];
        return { reasons: await reasonsOf(services.reasons, subjects, request.query.limit) };
      },
    );

    app.get(
      '/:id/history',
      {
        config,
        schema: {
          operationId: 'listNodeHistory',
          summary: 'Its moves between provision states: the newest first',
          tags,
          params: idPath,
          querystring: limitQuery,
          response: { 200: Type.Object({ history: Type.Array(HistoryEntry.ref) }) },
        },
      },
      async (request) => {
        const node = await nodeOr404(services.nodes, request.params.id);
        return { history: (await services.nodes.history(node.uuid, { limit: request.query.limit })).map(historyBody) };
      },
    );
  };
}

function markerOf(pageToken: string | undefined, scope: string): Pick<NodeQuery, 'marker'> {
  if (pageToken === undefined) return {};
  return { marker: String(decodePageToken(pageToken, scope, 1)[0]) };
}

function tokenAfter(found: readonly Node[], page: readonly Node[], scope: string): string | null {
  const last = page.at(-1);
  return last === undefined || found.length === page.length ? null : encodePageToken({ scope, after: [last.uuid] });
}

function unknownState(state: string): Error {
  return fail('api.validation', {
    message: `query.state ${JSON.stringify(state)} is not a provision state`,
    hint: 'GET /api/states lists them.',
    detail: { field: 'query.state' },
  });
}
