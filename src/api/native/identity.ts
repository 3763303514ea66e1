// /api/nodes/{id}/identity and /merge, /api/shared-macs: by what a machine is told from others, and what a person says where that fails.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Identities } from '../../inspect/index.ts';
import { isoTime, parseMac } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, idPath, instant, NodeDetail, nullable } from '../schemas.ts';
import { nodeOr404 } from './find.ts';
import { nodeDetailBody } from './node-body.ts';

const identityReply = Type.Object({
  smbiosUuid: nullable(Type.String()),
  smbiosSerial: nullable(Type.String()),
  macs: Type.Array(Type.String()),
  sharedMacs: Type.Array(Type.String(), { description: 'Those of its ports that identify no machine, since they were seen in several.' }),
  mayBe: Type.Array(Type.Object({ uuid: Type.String(), name: nullable(Type.String()), reason: Type.String() }), {
    description: 'Nodes that a discovered machine may be. A person says whether it is: POST /api/nodes/{id}/merge.',
  }),
});
const mergeBody = Type.Object(
  {
    into: Type.String({ minLength: 1, maxLength: 255, description: 'UUID or name of the node that the machine is.' }),
    dropPorts: Type.Optional(Type.Boolean({ description: 'Ports of that node which the machine did not report are removed.' })),
  },
  closed,
);
const sharedReply = Type.Object({
  macs: Type.Array(
    Type.Object({
      mac: Type.String(),
      node: nullable(Type.String({ description: 'The node that has it as a port.' })),
      seen: Type.Array(Type.Object({ smbiosUuid: Type.String(), firstSeenAt: instant, lastSeenAt: instant })),
    }),
  ),
});
const macPath = Type.Object({ mac: Type.String({ maxLength: 17 }) }, closed);
const forgetQuery = Type.Object(
  {
    to: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'UUID or name of the node whose port it is from now on.' })),
  },
  closed,
);

export function identityPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const about = { tags: ['nodes'], params: idPath };
  return async (app) => {
    app.get(
      '/:id/identity',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'getNodeIdentity',
          summary: 'What tells this machine from others, and which node a discovered one may be',
          ...about,
          response: { 200: identityReply },
        },
      },
      async (request) => {
        const node = await nodeOr404(services.nodes, request.params.id);
        const identities = identitiesOf(services);
        const macs = (await services.ports.ofNodes([node.uuid])).map(({ address }) => String(address));
        const shared = new Set((await identities.sharedMacs()).map(({ mac }) => mac));
        const mayBe = await Promise.all(
          identities.mayBe(node).map(async ({ uuid, reason }) => ({ uuid, name: (await services.nodes.find(uuid))?.name ?? null, reason })),
        );
        const { smbiosUuid, smbiosSerial } = node;
        return { smbiosUuid, smbiosSerial, macs, sharedMacs: macs.filter((mac) => shared.has(mac)), mayBe };
      },
    );
    app.post(
      '/:id/merge',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'mergeNode',
          summary: 'This discovered machine is that node: its ports and identity go there, and the discovered node is removed',
          ...about,
          body: mergeBody,
          response: { 200: NodeDetail.ref },
        },
      },
      async (request) => {
        const { into: other, dropPorts = false } = request.body;
        const from = await nodeOr404(services.nodes, request.params.id);
        const into = await nodeOr404(services.nodes, other);
        const node = await identitiesOf(services).merge(from, into, { dropPorts }, byOf(request));
        return nodeDetailBody(node, await services.ports.ofNodes([node.uuid]));
      },
    );
  };
}

export function sharedMacsPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['nodes'];
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listSharedMacs',
          summary: 'Network cards that were seen in several machines, and identify none',
          tags,
          response: { 200: sharedReply },
        },
      },
      async () => {
        const rows = Map.groupBy(await identitiesOf(services).sharedMacs(), ({ mac }) => mac);
        const macs = [...rows].map(async ([text, seen]) => {
          const mac = parseMac(text);
          const [port] = mac === undefined ? [] : await services.ports.list({ address: mac });
          return {
            mac: text,
            node: port?.nodeUuid ?? null,
            seen: seen.map(({ smbiosUuid, firstSeenAt, lastSeenAt }) => ({
              smbiosUuid,
              firstSeenAt: isoTime(firstSeenAt),
              lastSeenAt: isoTime(lastSeenAt),
            })),
          };
        });
        return { macs: await Promise.all(macs) };
      },
    );
    app.delete(
      '/:mac',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'forgetMac',
          summary: 'This network card has its place for good: it identifies again, where told as a port of that node',
          tags,
          params: macPath,
          querystring: forgetQuery,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const mac = parseMac(request.params.mac);
        if (mac === undefined)
          throw fail('api.validation', {
            message: `${JSON.stringify(request.params.mac)} is no MAC`,
            hint: 'For example: aa:bb:cc:dd:ee:ff',
            detail: { field: 'params.mac' },
          });
        const to = request.query.to === undefined ? null : await nodeOr404(services.nodes, request.query.to);
        await identitiesOf(services).forgetMac(mac, to, byOf(request));
        return reply.code(204).send(null);
      },
    );
  };
}

function byOf({ identity }: { readonly identity?: { readonly name: string } | undefined | null }) {
  return { who: 'user', actor: identity?.name ?? 'nobody' } as const;
}

function identitiesOf({ identities }: Pick<RouteDeps['services'], 'identities'>): Identities {
  if (identities !== undefined) return identities;
  throw fail('api.not_found', { message: 'this appliance does not tell machines apart', hint: 'It was built without identity.' });
}
