// /api/nodes/{id}/power-done: the person who was asked to switch a machine says that it is done.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { RouteDeps } from '../build.ts';
import { idPath } from '../schemas.ts';
import { nodeOr404 } from './find.ts';

export function powerDonePlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.put(
      '/:id/power-done',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'powerDone',
          summary: 'Say that the machine was switched as a person was asked to (event power.press)',
          tags: ['nodes'],
          params: idPath,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { uuid } = await nodeOr404(services.nodes, request.params.id);
        services.power?.confirm?.(uuid);
        return reply.code(204).send(null);
      },
    );
  };
}
