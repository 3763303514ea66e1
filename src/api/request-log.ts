// One log line and one observation per request, and the headers every reply has.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../lib/index.ts';
import { loggableUrl } from './logger.ts';
import type { ApiMetrics } from './metrics.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedAt: number;
  }
}

export function observeRequests(app: FastifyInstance, { clock, metrics }: { readonly clock: Clock; readonly metrics: ApiMetrics }): void {
  app.decorateRequest('startedAt', 0);
  app.addHook('onRequest', async (request, reply) => {
    request.startedAt = clock.monotonic();
    reply.headers({ [REQUEST_ID_HEADER]: request.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  app.addHook('onResponse', async (request, reply) => {
    const seconds = (clock.monotonic() - request.startedAt) / 1000;
    const route = request.routeOptions.url; // undefined: no such route; the address itself would make labels without end
    metrics.observeRequest({
      method: route === undefined ? 'any' : request.method,
      route: route ?? 'unknown',
      status: reply.statusCode,
      seconds,
    });
    const line = {
      method: request.method,
      url: loggableUrl(request.url),
      status: reply.statusCode,
      ms: Math.round(seconds * 1000),
      peer: request.ip,
      ...(request.identity === null ? {} : { who: request.identity.name }),
    };
    if (reply.statusCode >= 500) request.log.warn(line, 'request');
    else if (isChange(request)) request.log.info(line, 'request');
    else request.log.debug(line, 'request');
  });
}

/** What a person changed. Agents report every half minute, readers poll: neither belongs in a log by default. */
function isChange({ method, routeOptions }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD' && routeOptions.config.access !== 'agent';
}
