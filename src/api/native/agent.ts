// /api/agent: what a machine booted into our agent says. Open to the provisioning network, so capped in every direction;
// who may say what is decided by the inspect domain, from the one-time secret and the agent's token.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  HeartbeatReplySchema,
  HeartbeatRequestSchema,
  InventoryReplySchema,
  InventoryRequestSchema,
  LookupReplySchema,
  LookupRequestSchema,
  PROTOCOL_LIMITS,
} from '../../inspect/index.ts';
import { bearerToken } from '../access.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { createRateLimiter } from '../rate-limit.ts';

const MAX_ADDRESSES = 4096;

export function agentPlugin({ services, clock, limits }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['agent'];
  const config = { access: 'agent' } as const;
  const { bodyBytes: bodyLimit } = PROTOCOL_LIMITS;
  const limiter = createRateLimiter({ burst: limits.agentBurst, perSecond: limits.agentPerSecond, maxAddresses: MAX_ADDRESSES }, clock);
  return async (app) => {
    app.addHook('onRequest', async (request) => {
      const retryAfterSeconds = limiter.take(request.ip);
      if (retryAfterSeconds === undefined) return;
      throw fail('api.rate_limited', {
        message: `too many requests from ${request.ip}`,
        hint: `Try again in ${retryAfterSeconds} s.`,
        detail: { retryAfterSeconds },
      });
    });

    app.addHook('preClose', () => services.inspect.releaseHeld());

    app.post(
      '/lookup',
      {
        config,
        bodyLimit,
        schema: {
          operationId: 'agentLookup',
          summary: 'Trade the one-time secret of the boot for a token',
          tags,
          body: LookupRequestSchema,
          response: { 200: LookupReplySchema },
        },
      },
      (request) => services.inspect.lookup(request.body, request.ip),
    );

    app.post(
      '/inventory',
      {
        config,
        bodyLimit,
        schema: {
          operationId: 'agentInventory',
          summary: 'Report what the machine is',
          tags,
          body: InventoryRequestSchema,
          response: { 200: InventoryReplySchema },
        },
      },
      (request) => services.inspect.receiveInventory(agentToken(request), request.body),
    );

    app.post(
      '/heartbeat',
      {
        config,
        bodyLimit,
        schema: {
          operationId: 'agentHeartbeat',
          summary: 'Still here; what is there to do?',
          tags,
          body: HeartbeatRequestSchema,
          response: { 200: HeartbeatReplySchema },
        },
      },
      (request, reply) => services.inspect.heartbeat(agentToken(request), request.body, goneSignal(reply)),
    );
  };
}

/** Aborted when the machine does not wait for the reply any more. */
function goneSignal({ raw }: Pick<FastifyReply, 'raw'>): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  return gone.signal;
}

function agentToken(request: Pick<FastifyRequest, 'headers'>): string {
  const token = bearerToken(request);
  if (token !== undefined) return token;
  throw fail('api.unauthenticated', { message: 'the agent sent no token', hint: 'Look up first: POST /api/agent/lookup.' });
}
