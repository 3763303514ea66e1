// /api/agent/noise: bytes of nothing in particular, for an agent that measures the network. Few at once: it takes as much as there is.

import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { bearerToken } from '../access.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';

const BLOCK = Buffer.alloc(64 * 1024, 'rackseed');
const BYTES_MAX = 1024 ** 3;
const AT_ONCE = 8;
const RETRY_SECONDS = 30;

export function agentNoisePlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  let open = 0;
  return async (app) => {
    app.get(
      '/noise',
      {
        config: { access: 'agent' },
        schema: {
          operationId: 'agentNoise',
          summary: 'So many bytes, for an agent that measures the network',
          tags: ['agent'],
          querystring: Type.Object({ bytes: Type.Integer({ minimum: 1, maximum: BYTES_MAX }) }, closed),
        },
      },
      async (request, reply) => {
        // Throws what the agent shall be told.
        await services.inspect.nodeOfToken(bearerToken(request) ?? '');
        if (open >= AT_ONCE) {
          throw fail('api.rate_limited', {
            message: `${open} machines measure the network already`,
            hint: `Try again in ${RETRY_SECONDS} s.`,
            detail: { retryAfterSeconds: RETRY_SECONDS },
          });
        }
        open += 1;
        request.raw.once('close', () => {
          open -= 1;
        });
        const { bytes } = request.query;
        const body = Readable.from(noise(bytes), { objectMode: false });
        return reply.type('application/octet-stream').header('cache-control', 'no-store').header('content-length', bytes).send(body);
      },
    );
  };
}

function* noise(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}
