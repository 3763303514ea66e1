// /api/enrolment: may unknown machines boot our agent now?

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, Enrolment } from '../schemas.ts';
import type { EnrolmentState } from '../services.ts';

const MAX_MINUTES = 7 * 24 * 60;

const body = Type.Object(
  {
    mode: Type.Enum(['open', 'closed']),
    minutes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_MINUTES, description: 'Closes by itself after so long; without it, it stays open.' }),
    ),
  },
  closed,
);

export function enrolmentPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['enrolment'];
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: { operationId: 'getEnrolment', summary: 'May unknown machines enrol?', tags, response: { 200: Enrolment.ref } },
      },
      async () => enrolmentBody(await services.enrolment.get()),
    );

    app.put(
      '/',
      {
        config: { access: 'operator' },
        schema: { operationId: 'setEnrolment', summary: 'Open or close enrolment', tags, body, response: { 200: Enrolment.ref } },
      },
      async (request) => {
        const { mode, minutes } = request.body;
        if (mode === 'closed' && minutes !== undefined) {
          throw fail('api.validation', {
            message: 'body.minutes goes with mode open only',
            hint: 'Leave minutes out to close.',
            detail: { field: 'body.minutes' },
          });
        }
        const actor = request.identity?.name ?? 'nobody';
        return enrolmentBody(await services.enrolment.set(mode, minutes ?? null, actor));
      },
    );
  };
}

export function enrolmentBody(state: EnrolmentState): Static<typeof Enrolment.schema> {
  return { mode: state.mode, until: state.until === null ? null : isoTime(state.until) };
}
