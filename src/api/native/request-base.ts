// The appliance's address as the machine that asks has reached it: for what it is told to fetch or to call next. Pure.

import type { FastifyRequest } from 'fastify';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';

const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

export function baseOf(request: Pick<FastifyRequest, 'headers'>, { publicUrl, hasTls }: Pick<RouteDeps, 'publicUrl' | 'hasTls'>): string {
  return (publicUrl ?? `${hasTls ? 'https' : 'http'}://${hostOf(request)}`).replace(/\/$/, '');
}

/** It goes into a script: a name or an address, with a port or without. */
function hostOf({ headers: { host = '' } }: Pick<FastifyRequest, 'headers'>): string {
  if (HOST.test(host)) return host;
  throw fail('api.bad_request', { message: 'the request names no host by which the appliance can be reached', hint: 'Send it as Host.' });
}
