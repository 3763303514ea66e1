// Who may call which route. Every route declares it; one that forgets stops the start. Denied unless allowed.

import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { type BasicAuth, isAtLeast, parseBasic, type Sessions } from '../access/index.ts';
import { BugError } from '../lib/index.ts';
import { CSRF_HEADER, sessionWord } from './cookie.ts';
import { fail } from './errors.ts';
import { isReading } from './methods.ts';
import { isInScope } from './scopes.ts';
import type { AuthService, Identity, Role } from './services.ts';

/** `public`: anybody. `agent`: the endpoint checks the caller's own token or secret. Otherwise the least role that may. */
export type Access = 'public' | 'agent' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** Accounts, tokens and the record: also where auth.mode is none, one has to prove who one is. */
    needsProof?: true;
  }
  interface FastifyRequest {
    /** Null where nobody had to prove who they are. */
    identity: Identity | null;
    /** What the cookie holds, when that is how they proved it. */
    sessionWord: string | null;
  }
}

export type AuthMode = 'token' | 'basic' | 'none';

export interface AccessOptions {
  readonly mode: AuthMode;
  readonly auth: AuthService;
  readonly sessions: Pick<Sessions, 'find' | 'isCsrfToken'>;
  readonly basic: BasicAuth | null;
  /** Called for each refusal, for the metrics. */
  readonly onRefused: () => void;
}

const NOBODY: Identity = { name: 'anonymous', role: 'admin', by: 'nobody' };
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,512})$/i;
/** How OpenStack's clients send a token: auth_type admin_token, or one from elsewhere. */
const OPENSTACK_TOKEN = 'x-auth-token';
const BASIC = /^Basic +(\S{1,2048})$/i;
const IRONIC = /^\/v1(?:[/?#]|$)/;

/** Goes on the root before any route, so that no plugin can be outside of it. */
export function guardAccess(app: FastifyInstance, options: AccessOptions): void {
  app.decorateRequest('identity', null);
  app.decorateRequest('sessionWord', null);
  app.addHook('onRoute', refuseUndeclared);
  app.addHook('onRequest', async (request, reply) => {
    // An address without a route is guarded as well: nothing is told to strangers, not even what exists.
    const { access = 'reader', needsProof = false } = request.routeOptions.config;
    if (access === 'public' || access === 'agent') return;
    const identity = options.mode === 'none' && !needsProof ? NOBODY : await identify(request, reply, options);
    request.identity = identity;
    // What somebody with a project may do hangs on whose node it is: project.ts.
    if (identity.project === undefined && !isAtLeast(identity.role, access)) throw forbidden(identity, access);
    if (identity.scopes !== undefined && !isInScope(identity.scopes, request)) throw outOfScope(identity);
  });
}

export function bearerToken(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  return BEARER.exec(request.headers.authorization ?? '')?.[1];
}

function refuseUndeclared(route: RouteOptions): void {
  if (route.config?.access !== undefined) return;
  throw new BugError(`route ${String(route.method)} ${route.url} does not declare config.access`);
}

async function identify(request: FastifyRequest, reply: FastifyReply, options: AccessOptions): Promise<Identity> {
  const { basic, auth, onRefused } = options;
  const isIronic = IRONIC.test(request.url);
  const isBasic = basic !== null && isIronic;
  try {
    const header = request.headers.authorization;
    const openstackToken = isIronic && header === undefined ? request.headers[OPENSTACK_TOKEN] : undefined;
    if (header === undefined && openstackToken === undefined) {
      const identity = await bySession(request, options);
      if (identity !== undefined) return identity;
    }
    const encoded = isBasic ? BASIC.exec(header ?? '')?.[1] : undefined;
    if (isBasic && encoded !== undefined) return await byBasic(basic, encoded, request.ip);
    const token = typeof openstackToken === 'string' ? openstackToken : bearerToken(request);
    const identity = token === undefined ? undefined : await auth.verify(token);
    if (identity !== undefined) return identity;
    throw isBasic ? unauthenticatedAsIronic(header) : unauthenticated(token);
  } catch (thrown) {
    onRefused();
    // A browser that has a cookie is a page of ours: it asks itself, not by the browser's own window.
    if (isBasic && sessionWord(request) === undefined) reply.header('www-authenticate', 'Basic realm="Baremetal API"');
    throw thrown;
  }
}

async function bySession(request: FastifyRequest, { sessions }: AccessOptions): Promise<Identity | undefined> {
  const word = sessionWord(request);
  const session = word === undefined ? undefined : await sessions.find(word);
  if (word === undefined || session === undefined) return undefined;
  const csrf = request.headers[CSRF_HEADER];
  // The browser sends the cookie whoever made the page: only ours knows the token beside it.
  if (!isReading(request.method) && (typeof csrf !== 'string' || !sessions.isCsrfToken(word, csrf))) {
    throw fail('api.csrf', {
      message: `a change by cookie needs the header ${CSRF_HEADER}`,
      hint: 'GET /api/session gives its value; programs use an API token instead of a cookie.',
    });
  }
  request.sessionWord = word;
  return session.identity;
}

function byBasic(basic: BasicAuth, encoded: string, address: string): Promise<Identity> {
  const credentials = parseBasic(encoded);
  if (credentials === undefined) throw fail('api.bad_request', { message: 'Could not decode authorization token' });
  return basic.verify(credentials, address);
}

/** In Ironic's words: its clients show them. */
function unauthenticatedAsIronic(header: string | undefined): Error {
  const message = header === undefined ? 'Authorization required' : 'Incorrect username or password';
  return fail('api.unauthenticated', { message });
}

function unauthenticated(token: string | undefined): Error {
  return fail('api.unauthenticated', {
    message: token === undefined ? 'this endpoint needs a token' : 'the token is not valid',
    hint: 'Send "Authorization: Bearer <token>": an API token, or that in the file admin.token of the data directory.',
  });
}

function forbidden(identity: Identity, access: Role): Error {
  return fail('api.forbidden', {
    message: `${identity.name} has the role ${identity.role}; this endpoint needs ${access}`,
    hint: 'Ask an administrator.',
  });
}

function outOfScope({ name, scopes = [] }: Identity): Error {
  return fail('api.forbidden', {
    message: `${name} is limited to ${scopes.join(', ')}, which this endpoint is not part of`,
    hint: 'Make a token with another scope: rackseed token create.',
  });
}
