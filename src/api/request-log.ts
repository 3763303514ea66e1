// One log line and one observation per request, and the headers every reply has.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../lib/index.ts';
import { atOnce } from './hooks.ts';
import { loggableUrl } from './logger.ts';
import type { ApiMetrics } from './metrics.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedAt: number;
  }
}

interface Observers {
  readonly clock: Clock;
  readonly metrics: ApiMetrics;
  readonly log: Pick<Logger, 'isLevelEnabled'>;
}

export function observeRequests(app: FastifyInstance, { clock, metrics, log }: Observers): void {
  app.decorateRequest('startedAt', 0);
  const begin = atOnce((request, reply) => {
    request.startedAt = clock.monotonic();
    reply.headers({ [REQUEST_ID_HEADER]: request.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  const end = atOnce((request, reply) => {
    const seconds = (clock.monotonic() - request.startedAt) / 1000;
    const route = request.routeOptions.url; // undefined: no such route; the address itself would make labels without end
    metrics.observeRequest({
      method: route === undefined ? 'any' : request.method,
      route: route ?? 'unknown',
      status: reply.statusCode,
      seconds,
    });
    const level = reply.statusCode >= 500 ? 'warn' : isChange(request) ? 'info' : 'debug';
    if (log.isLevelEnabled(level)) request.log[level](lineOf(request, reply, seconds), 'request');
  });
  app.addHook('onRequest', begin);
  app.addHook('onResponse', end);
}

function lineOf(request: FastifyRequest, { statusCode }: FastifyReply, seconds: number): object {
  return {
    method: request.method,
    url: loggableUrl(request.url),
    status: statusCode,
    ms: Math.round(seconds * 1000),
    peer: request.ip,
    ...(request.identity === null ? {} : { who: request.identity.name }),
  };
}

/** What a person changed. Agents report every half minute, readers poll: neither belongs in a log by default. */
function isChange({ method, routeOptions }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD' && routeOptions.config.access !== 'agent';
}
