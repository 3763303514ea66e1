// /api/session: signing in with name and password, who one is, signing out, and one's own new password.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { clearSessionCookie, isFromOtherSite, setSessionCookie } from '../cookie.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';
import type { AccessService } from '../services.ts';
import { NoBody, nameField, passwordField, SignedIn, Who } from './access-schemas.ts';

type NewSession = Awaited<ReturnType<AccessService['signIn']>>;

const signInBody = Type.Object({ name: nameField, password: passwordField }, closed);
const passwordBody = Type.Object({ current: passwordField, password: passwordField }, closed);

export function sessionPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const { access } = deps.services;
  const tags = ['access'];
  return async (app) => {
    app.post(
      '/',
      {
        config: { access: 'public' },
        schema: { operationId: 'signIn', summary: 'Sign in: sets a cookie', tags, body: signInBody, response: { 201: SignedIn } },
      },
      async (request, reply) => {
        const { name, password } = request.body;
        refuseOtherSites(request);
        request.claimedName = name;
        return answerSignIn(deps, reply, await access.signIn(name, password, originOf(request)));
      },
    );

    app.get(
      '/',
      { config: { access: 'reader' }, schema: { operationId: 'getSession', summary: 'Who am I?', tags, response: { 200: Who } } },
      async (request) => {
        const { identity, sessionWord: word } = request;
        const session = word === null ? undefined : await access.sessions.find(word);
        return {
          name: identity?.name ?? 'anonymous',
          role: identity?.role ?? 'reader',
          by: identity?.by ?? 'nobody',
          project: identity?.project ?? null,
          scopes: identity?.scopes === undefined ? [] : [...identity.scopes],
          csrfToken: word === null ? null : access.sessions.csrfToken(word),
          expiresAt: session === undefined ? null : isoTime(session.expiresAt),
        };
      },
    );

    app.delete(
      '/',
      { config: { access: 'reader' }, schema: { operationId: 'signOut', summary: 'Sign out', tags, response: { 204: NoBody } } },
      async (request, reply) => {
        if (request.sessionWord !== null) await access.sessions.end(request.sessionWord);
        clearSessionCookie(reply, deps.hasTls);
        return reply.code(204).send(undefined);
      },
    );

    app.put(
      '/password',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'changeOwnPassword',
          summary: 'A new password; every session of the user ends, and a new one begins here',
          tags,
          body: passwordBody,
          response: { 201: SignedIn },
        },
      },
      async (request, reply) => {
        const { current, password } = request.body;
        const { identity, sessionWord } = request;
        if (identity === null || sessionWord === null)
          throw fail('api.forbidden', { message: 'only users who signed in have a password', hint: 'rackseed user password NAME' });
        await access.signIn(identity.name, current, originOf(request));
        await access.users.change(identity.name, { password });
        return answerSignIn(deps, reply, await access.signIn(identity.name, password, originOf(request)));
      },
    );
  };
}

export function originOf(request: Pick<FastifyRequest, 'ip' | 'headers'>): { address: string; agent: string | null } {
  return { address: request.ip, agent: request.headers['user-agent'] ?? null };
}

export function refuseOtherSites(request: FastifyRequest): void {
  if (!isFromOtherSite(request)) return;
  throw fail('api.csrf', { message: 'a page of another site cannot sign anybody in', hint: 'Open the appliance by its own address.' });
}

export function answerSignIn({ services, clock, hasTls }: RouteDeps, reply: FastifyReply, { user, session }: NewSession) {
  setSessionCookie(reply, session.word, { isSecure: hasTls, maxAgeMs: session.expiresAt - clock.now() });
  const csrfToken = services.access.sessions.csrfToken(session.word);
  return reply.code(201).send({ name: user.name, role: user.role, csrfToken, expiresAt: isoTime(session.expiresAt) });
}
