// For load balancers, systemd and Prometheus: alive, ready, metrics.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { RouteDeps } from '../build.ts';
import { Readiness } from '../schemas.ts';

export function healthPlugin({ services, metrics }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/healthz',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'getHealth',
          summary: 'The process answers',
          tags: ['health'],
          response: { 200: Type.Object({ status: Type.Literal('ok') }) },
        },
      },
      async () => ({ status: 'ok' as const }),
    );

    app.get(
      '/readyz',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'getReadiness',
          summary: 'Each component can do its work; why one cannot is told by /api/status',
          tags: ['health'],
          response: { 200: Readiness.ref, 503: Readiness.ref },
        },
      },
      async (_request, reply) => {
        const components = (await services.system.readiness()).map(({ name, isReady }) => ({ name, ready: isReady }));
        const ready = components.every((component) => component.ready);
        return reply.code(ready ? 200 : 503).send({ ready, components });
      },
    );

    app.get(
      '/metrics',
      { config: { access: 'reader' }, schema: { operationId: 'getMetrics', summary: 'Prometheus text', tags: ['health'] } },
      async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
  };
}
