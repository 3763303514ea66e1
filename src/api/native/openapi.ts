// /api/openapi.json: what the routes themselves say.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';

/** `describe` is asked once, when the first reader comes. */
export function openapiPlugin(describe: () => Promise<string>): FastifyPluginAsyncTypebox {
  let text: Promise<string> | undefined;
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: { operationId: 'getOpenapi', summary: 'This description, OpenAPI 3.1', tags: ['appliance'] },
      },
      async (_request, reply) => {
        text ??= describe();
        return reply.type('application/json').send(await text);
      },
    );
  };
}
