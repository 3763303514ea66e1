// /api/reasons: why each decision about a machine was made, also for machines that are no nodes (yet).

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { isoTime, parseMac } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, Reason } from '../schemas.ts';
import type { ReasonService } from '../services.ts';

const query = Type.Object(
  {
    subject: Type.String({ minLength: 1, maxLength: 100, description: 'mac:aa:bb:cc:dd:ee:ff or node:UUID' }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 200 }),
  },
  closed,
);

export function reasonsPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listReasons',
          summary: 'Why a machine was (not) answered, booted, matched: the newest first',
          tags: ['reasons'],
          querystring: query,
          response: { 200: Type.Object({ reasons: Type.Array(Reason.ref) }) },
        },
      },
      async (request) => ({ reasons: await reasonsOf(services.reasons, [subjectOf(request.query.subject)], request.query.limit) }),
    );
  };
}

export async function reasonsOf(
  reasons: ReasonService,
  subjects: readonly string[],
  limit: number,
): Promise<Static<typeof Reason.schema>[]> {
  await reasons.flush(); // what was decided a moment ago is what is asked for
  const lists = await Promise.all(
    subjects.map(async (subject) => (await reasons.list(subject, limit)).map((reason) => ({ ...reason, subject }))),
  );
  // Each list is newest first and the sort is stable, so that reasons of one millisecond keep their order.
  const newestFirst = lists.flat().sort((a, b) => b.at - a.at);
  return newestFirst.slice(0, limit).map((reason) => ({ ...reason, at: isoTime(reason.at) }));
}

/** Any spelling of a MAC is found under the one it is stored in. */
function subjectOf(text: string): string {
  const node = /^node:([0-9a-f-]{36})$/i.exec(text)?.[1];
  if (node !== undefined) return `node:${node.toLowerCase()}`;
  const mac = text.startsWith('mac:') ? parseMac(text.slice('mac:'.length)) : undefined;
  if (mac !== undefined) return `mac:${mac}`;
  throw fail('api.validation', {
    message: `query.subject ${JSON.stringify(text)} is neither mac: with a MAC nor node: with a UUID`,
    hint: 'For example: /api/reasons?subject=mac:aa:bb:cc:dd:ee:ff',
    detail: { field: 'query.subject' },
  });
}
