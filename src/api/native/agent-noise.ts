// /api/agent/noise: bytes of nothing in particular, for an agent that measures the network. Few at once: it takes as much as there is.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { bearerToken } from '../access.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';
import { createAgentStreams } from './agent-streams.ts';

const BLOCK = Buffer.alloc(64 * 1024, 'rackseed');
const BYTES_MAX = 1024 ** 3;
/** Ten minutes are 256 MiB at 3.6 Mbit/s: whoever is slower has been measured. */
const STREAMS = { perNode: 1, inAll: 8, what: 'measurements of the network', totalMs: 600_000 } as const;

export function agentNoisePlugin({ services, clock }: RouteDeps): FastifyPluginAsyncTypebox {
  const streams = createAgentStreams(STREAMS, clock);
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
        const uuid = await services.inspect.nodeOfToken(bearerToken(request) ?? '');
        if (uuid === null) throw fail('api.not_found', { message: 'nothing is measured for a machine that is no node yet' });
        const { bytes } = request.query;
        reply.headers({ 'content-type': 'application/octet-stream', 'cache-control': 'no-store', 'content-length': String(bytes) });
        return streams.send(reply, uuid, () => noise(bytes));
      },
    );
  };
}

function* noise(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}
