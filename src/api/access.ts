// Who may call which route. Every route declares it; one that forgets stops the start. Denied unless allowed.

import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { BugError } from '../lib/index.ts';
import { fail } from './errors.ts';
import { type AuthService, type Identity, ROLES, type Role } from './services.ts';

/** `public`: anybody. `agent`: the endpoint checks the caller's own token or secret. Otherwise the least role that may. */
export type Access = 'public' | 'agent' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Null where nobody had to prove who they are. */
    identity: Identity | null;
  }
}

export interface AccessOptions {
  readonly mode: 'token' | 'none';
  readonly auth: AuthService;
  /** Called for each refusal, for the metrics. */
  readonly onRefused: () => void;
}

const EVERYBODY: Identity = { name: 'anonymous', role: 'admin' };
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,512})$/i;

/** Goes on the root before any route, so that no plugin can be outside of it. */
export function guardAccess(app: FastifyInstance, options: AccessOptions): void {
  app.decorateRequest('identity', null);
  app.addHook('onRoute', refuseUndeclared);
  app.addHook('onRequest', async (request) => {
    // An address without a route is guarded as well: nothing is told to strangers, not even what exists.
    const access = request.routeOptions.config.access ?? 'reader';
    if (access === 'public' || access === 'agent') return;
    request.identity = options.mode === 'none' ? EVERYBODY : await identify(request, options);
    if (ROLES.indexOf(request.identity.role) < ROLES.indexOf(access)) throw forbidden(request.identity, access);
  });
}

export function bearerToken(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  return BEARER.exec(request.headers.authorization ?? '')?.[1];
}

function refuseUndeclared(route: RouteOptions): void {
  if (route.config?.access !== undefined) return;
  throw new BugError(`route ${String(route.method)} ${route.url} does not declare config.access`);
}

async function identify(request: FastifyRequest, { auth, onRefused }: AccessOptions): Promise<Identity> {
  const token = bearerToken(request);
  const identity = token === undefined ? undefined : await auth.verify(token);
  if (identity !== undefined) return identity;
  onRefused();
  throw fail('api.unauthenticated', {
    message: token === undefined ? 'this endpoint needs a token' : 'the token is not valid',
    hint: 'Send "Authorization: Bearer <token>"; the token is in the file admin.token of the data directory.',
  });
}

function forbidden(identity: Identity, access: Role): Error {
  return fail('api.forbidden', {
    message: `${identity.name} has the role ${identity.role}; this endpoint needs ${access}`,
    hint: 'Ask an administrator.',
  });
}
