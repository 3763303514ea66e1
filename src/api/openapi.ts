// What the OpenAPI document says beyond the routes' own schemas: title, security, error replies.

import type { SwaggerOptions } from '@fastify/swagger';

const PROBLEM = { 'application/problem+json': { schema: { $ref: 'Problem#' } } };

/** /v1 is described by Ironic's own documentation. */
const IRONIC = /^\/(?:v1(?:\/|$)|$)/;

export function openapiDocument(version: string): SwaggerOptions {
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
