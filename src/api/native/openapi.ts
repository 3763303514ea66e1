// /api/openapi.json: what the routes themselves say.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';

export function openapiPlugin(): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: { operationId: 'getOpenapi', summary: 'This description, OpenAPI 3.1', tags: ['appliance'] },
      },
      async (_request, reply) => reply.type('application/json').send(JSON.stringify(app.swagger())),
    );
  };
}
