// /api/nodes/{id}/ignored and …/observed: a machine that we shall neither boot nor touch, and one that we only watch, until this is taken back.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { RouteDeps } from '../build.ts';
import { idPath, NodeDetail } from '../schemas.ts';
import { nodeOr404 } from './find.ts';
import { nodeDetailBody } from './node-body.ts';

type Mark = 'ignored' | 'observeOnly';
type IdRequest = FastifyRequest<{ Params: Static<typeof idPath> }>;

export function ignorePlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const config = { access: 'operator' } as const;
  const schemaOf = (operationId: string, summary: string) =>
    ({ operationId, summary, tags: ['nodes'], params: idPath, response: { 200: NodeDetail.ref } }) as const;

  async function set(request: IdRequest, mark: Mark, to: boolean) {
    const actor = request.identity?.name ?? 'nobody';
    const found = await nodeOr404(services.nodes, request.params.id);
    const node =
      found[mark] === to
        ? found
        : await services.transaction((tx) => services.nodes.update(tx, found, { [mark]: to }, { who: 'user', actor }));
    return nodeDetailBody(node, await services.ports.ofNodes([node.uuid]));
  }

  return async (app) => {
    app.put(
      '/:id/ignored',
      { config, schema: schemaOf('ignoreNode', 'Leave this machine alone: it starts its own disk') },
      async (request) => set(request, 'ignored', true),
    );
    app.delete('/:id/ignored', { config, schema: schemaOf('unignoreNode', 'No longer leave this machine alone') }, async (request) =>
      set(request, 'ignored', false),
    );
    app.put(
      '/:id/observed',
      { config, schema: schemaOf('observeNode', 'Only watch this node: every write to it is refused, and it starts its own disk') },
      async (request) => set(request, 'observeOnly', true),
    );
    app.delete('/:id/observed', { config, schema: schemaOf('unobserveNode', 'No longer only watch this node') }, async (request) =>
      set(request, 'observeOnly', false),
    );
  };
}
