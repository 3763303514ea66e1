// The OpenAPI document: what the routes themselves say, and beyond their schemas title, security and error replies.

import type { SwaggerOptions } from '@fastify/swagger';
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import { CLUSTER_SCHEMAS } from './cluster-schemas.ts';
import { ENROL_SCHEMAS } from './enrol-schemas.ts';
import { NAMED_SCHEMAS } from './schemas.ts';
import { NO_COMPILERS } from './validators.ts';

const PROBLEM = { 'application/problem+json': { schema: { $ref: 'Problem#' } } };

/** /v1 is described by Ironic's own documentation. */
const IRONIC = /^\/(?:v1(?:\/|$)|$)/;

/** Fills as routes are added after it. */
export function collectRoutes(app: FastifyInstance): readonly RouteOptions[] {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD') routes.push(route);
  });
  return routes;
}

/** Made on an app of its own, which answers nothing: its makers are loaded when the document is first asked for, not at each start. */
export async function describeRoutes(routes: readonly RouteOptions[], version: string): Promise<string> {
  const { default: swagger } = await import('@fastify/swagger');
  const app = fastify({ schemaController: NO_COMPILERS });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => '');
  for (const schema of [...NAMED_SCHEMAS, ...ENROL_SCHEMAS, ...CLUSTER_SCHEMAS]) app.addSchema(schema);
  await app.register(swagger, openapiDocument(version));
  for (const { method, url, schema, config } of routes) {
    app.route({
      method,
      url,
      ...(schema === undefined ? {} : { schema }),
      ...(config === undefined ? {} : { config }),
      handler: () => null,
    });
  }
  await app.ready();
  const text = JSON.stringify(app.swagger());
  await app.close();
  return text;
}

function openapiDocument(version: string): SwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Rackseed', version, description: 'Errors are application/problem+json (RFC 9457). Times are RFC 3339, UTC.' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => (typeof schema.$id === 'string' ? schema.$id : `schema${index}`),
    },
    transform: ({ schema, url, route }) => {
      if (IRONIC.test(url)) return { schema: { ...schema, hide: true }, url };
      const isPublic = route.config?.access === 'public';
      const response = {
        ...replies(schema),
        '4XX': { description: 'Refused.', content: PROBLEM },
        '5XX': { description: 'Failed.', content: PROBLEM },
      };
      return { schema: { ...schema, response, ...(isPublic ? { security: [] } : {}) }, url };
    },
  };
}

function replies(schema: unknown): Record<string, unknown> {
  const response = typeof schema === 'object' && schema !== null && 'response' in schema ? schema.response : undefined;
  return typeof response === 'object' && response !== null ? { ...response } : { 200: { description: 'See the summary.' } };
}
