// GET /api/status: what runs here, how it is configured to behave, and what somebody should look at.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { Status } from '../schemas.ts';
import { enrolmentBody } from './enrolment.ts';

export function statusPlugin({ services, clock, version }: RouteDeps): FastifyPluginAsyncTypebox {
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: { operationId: 'getStatus', summary: 'The appliance itself', tags: ['appliance'], response: { 200: Status.ref } },
      },
      async () => {
        const [status, components, enrolment] = await Promise.all([
          services.system.status(),
          services.system.readiness(),
          services.enrolment.get(),
        ]);
        return {
          version,
          startedAt: isoTime(startedAt),
          uptimeSeconds: Math.floor((clock.monotonic() - startedMonotonic) / 1000),
          mode: status.dhcpMode,
          observeOnly: status.isObserveOnly,
          enrolment: enrolmentBody(enrolment),
          components: components.map(({ name, isReady, reason }) => ({ name, ready: isReady, reason })),
          warnings: status.warnings.map(({ code, message, hint }) => ({ code, message, hint })),
        };
      },
    );
  };
}
