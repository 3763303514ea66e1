// /v1/nodes/{id}/maintenance: hands off, and hands on again.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { closed, idPath, nullable } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { byOf, orEmptyBody } from '../lists.ts';
import { nodeOf } from './find.ts';
import { needUnlocked } from './locked.ts';

const reason = nullable(Type.String({ maxLength: 4096 }));
const body = Type.Object({ reason: Type.Optional(reason) }, closed);
const query = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 4096 })) }, closed);

export function nodeMaintenancePlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  function set(request: FastifyRequest<{ Params: Static<typeof idPath> }>, maintenance: boolean, why: string | null): Promise<unknown> {
    return services.transaction(async (tx) => {
      const node = await nodeOf({ find: (name) => services.nodes.find(name, tx) }, request.params.id, viewOf(request));
      const isSame = node.maintenance === maintenance && node.maintenanceReason === why && node.fault === null;
      if (isSame) return;
      await needUnlocked(services, tx, node.uuid);
      await services.nodes.update(tx, node, { maintenance, maintenanceReason: why }, byOf(request));
    });
  }

  const config = { access: 'operator' } as const;
  return async (app) => {
    app.put(
      '/:id/maintenance',
      { config, preValidation: orEmptyBody, schema: { params: idPath, body, querystring: query } },
      async (request, reply) => {
        await set(request, true, request.body.reason ?? request.query.reason ?? null);
        return reply.code(202).send();
      },
    );
    app.delete('/:id/maintenance', { config, schema: { params: idPath } }, async (request, reply) => {
      await set(request, false, null);
      return reply.code(202).send();
    });
  };
}
