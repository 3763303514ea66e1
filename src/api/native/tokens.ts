// /api/tokens: for programs. Everybody may make some, worth no more than they are themselves.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { ApiToken, Identity } from '../../access/index.ts';
import { BugError, isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { closed, idPath } from '../schemas.ts';
import { NewTokenBody, NoBody, roleField, scopesField, TokenBody } from './access-schemas.ts';

const MAX_DAYS = 3650;
const DAY_MS = 86_400_000;
const newBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9 ._@-]*$' }),
    role: roleField,
    scopes: Type.Optional(scopesField),
    project: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'Sees and does only what Ironic’s owner or lessee of this name may.' }),
    ),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_DAYS, description: 'Ends by itself after so long; without it, never.' })),
  },
  closed,
);

export function tokensPlugin({ services, clock }: RouteDeps): FastifyPluginAsyncTypebox {
  const { tokens } = services.access;
  const tags = ['access'];
  const config = { access: 'reader', needsProof: true } as const;
  return async (app) => {
    app.get(
      '/',
      {
        config,
        schema: {
          operationId: 'listTokens',
          summary: 'One’s own API tokens; for administrators all',
          tags,
          response: { 200: Type.Object({ tokens: Type.Array(TokenBody) }) },
        },
      },
      async (request) => ({ tokens: (await tokens.list(askerOf(request))).map(tokenBody) }),
    );

    app.post(
      '/',
      { config, schema: { operationId: 'createToken', summary: 'A new API token', tags, body: newBody, response: { 201: NewTokenBody } } },
      async (request, reply) => {
        const { name, role, scopes = [], project = null, days } = request.body;
        const expiresAt = days === undefined ? null : clock.now() + days * DAY_MS;
        const { token, record } = await tokens.create({ name, role, scopes, project, expiresAt }, askerOf(request));
        return reply.code(201).send({ ...tokenBody(record), token });
      },
    );

    app.delete(
      '/:id',
      {
        config,
        schema: { operationId: 'removeToken', summary: 'It lets nobody in any more', tags, params: idPath, response: { 204: NoBody } },
      },
      async (request, reply) => {
        await tokens.remove(request.params.id, askerOf(request));
        return reply.code(204).send(undefined);
      },
    );
  };
}

function askerOf({ identity }: Pick<FastifyRequest, 'identity'>): Identity {
  if (identity === null) throw new BugError('a route of tokens let somebody in without proof');
  return identity;
}

function tokenBody(token: ApiToken): Static<typeof TokenBody> {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    scopes: [...token.scopes],
    project: token.project,
    createdBy: token.createdBy,
    createdAt: isoTime(token.createdAt),
    expiresAt: token.expiresAt === null ? null : isoTime(token.expiresAt),
    usedAt: token.usedAt === null ? null : isoTime(token.usedAt),
  };
}
