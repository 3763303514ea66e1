// /v1/nodes/{id}/vendor_passthru: what a node's vendor interface has beside everything else, under names of its own.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { JsonObject } from '../../../nodes/index.ts';
import type { VendorMethod } from '../../../power/index.ts';
import { closed, idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { isPlain } from '../json-patch.ts';
import { byOf } from '../lists.ts';
import { bad } from '../query.ts';
import { nodeOf } from './find.ts';
import { lifeOf } from './management.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const name = Type.String({ maxLength: 255 });
const methodPath = Type.Object({ id: Type.String(), method: name }, closed);
const methodQuery = Type.Object({ method: Type.Optional(name) }, closed);

export function nodeVendorPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const config = { access: 'admin' } as const;

  async function call(request: FastifyRequest, reply: FastifyReply, id: string, method: string): Promise<FastifyReply> {
    const life = lifeOf(services);
    const node = await nodeOf(services.nodes, id, viewOf(request));
    const methods = life.vendorMethods(node);
    const known = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (known === undefined) throw bad(`No handler for method ${method}`);
    // A body is answered for a HEAD as it is for a GET.
    const verb = request.method === 'HEAD' ? 'GET' : request.method;
    if (!known.httpMethods.includes(verb)) throw bad(`The method ${method} does not support HTTP ${verb}`);
    const result = await life.callVendor(node, method, verb, argsOf(request.body), byOf(request));
    // Ironic answers these before it is done. Here it is done, or failed and said why: clients that wait for 202 see no difference.
    if (known.isAsync !== false) return reply.code(202).send();
    return reply
      .code(200)
      .type('application/json')
      .send(JSON.stringify(result ?? null));
  }

  return async (app) => {
    app.get('/:id/vendor_passthru/methods', { config, schema: { params: idPath } }, async (request) => {
      const methods = lifeOf(services).vendorMethods(await nodeOf(services.nodes, request.params.id, viewOf(request)));
      return Object.fromEntries(Object.entries(methods).map(([key, method]) => [key, described(method)]));
    });
    app.route({
      method: METHODS,
      url: '/:id/vendor_passthru/:method',
      config,
      schema: { params: methodPath },
      handler: (request, reply) => call(request, reply, request.params.id, request.params.method),
    });
    app.route({
      method: METHODS,
      url: '/:id/vendor_passthru',
      config,
      schema: { params: idPath, querystring: methodQuery },
      handler: (request, reply) => {
        const { method } = request.query;
        if (method === undefined) throw bad('Missing mandatory parameter: method');
        return call(request, reply, request.params.id, method);
      },
    });
  };
}

function described({ httpMethods, description, isAsync = true, needsLock = true }: VendorMethod): Record<string, unknown> {
  return { http_methods: httpMethods, async: isAsync, description, attach: false, require_exclusive_lock: needsLock };
}

function argsOf(body: unknown): JsonObject {
  if (body === undefined || body === null) return {};
  if (!isPlain(body)) throw bad('The body of a vendor method is a JSON object.');
  return body as JsonObject; // it came as JSON
}
