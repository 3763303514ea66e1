// /api/setup-link and /api/setup: the one-time way to the first administrator.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { createRateLimiter } from '../rate-limit.ts';
import { closed } from '../schemas.ts';
import { nameField, passwordField, SetupLinkBody, SignedIn } from './access-schemas.ts';
import { answerSignIn, originOf, refuseOtherSites } from './session.ts';

const LIMIT = { burst: 10, perSecond: 0.2, maxAddresses: 1024 };
const setupBody = Type.Object({ token: Type.String({ minLength: 1, maxLength: 128 }), name: nameField, password: passwordField }, closed);

export function setupPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const { access } = deps.services;
  const tags = ['access'];
  const limiter = createRateLimiter(LIMIT, deps.clock);
  return async (app) => {
    app.post(
      '/setup-link',
      {
        config: { access: 'admin', needsProof: true },
        schema: {
          operationId: 'renewSetupLink',
          summary: 'A one-time link that makes the first administrator; the one before is void',
          tags,
          response: { 201: SetupLinkBody },
        },
      },
      async (request, reply) => {
        const { word, expiresAt } = await access.setupLink.renew();
        const base = deps.publicUrl?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`;
        // After the #: browsers keep it to themselves, so that it is in no proxy's log.
        return reply.code(201).send({ url: `${base}/setup#${word}`, expiresAt: isoTime(expiresAt) });
      },
    );

    app.post(
      '/setup',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'setUp',
          summary: 'Make the first administrator with the token of the set-up link, and sign in',
          tags,
          body: setupBody,
          response: { 201: SignedIn },
        },
      },
      async (request, reply) => {
        const retryAfterSeconds = limiter.take(request.ip);
        if (retryAfterSeconds !== undefined) {
          const hint = `Try again in ${retryAfterSeconds} s.`;
          throw fail('api.rate_limited', { message: `too many requests from ${request.ip}`, hint, detail: { retryAfterSeconds } });
        }
        refuseOtherSites(request);
        const { token, name, password } = request.body;
        request.claimedName = name;
        const user = await access.setupLink.use(token, name, password);
        const session = await access.sessions.begin(user, originOf(request));
        return answerSignIn(deps, reply, { user, session });
      },
    );
  };
}
