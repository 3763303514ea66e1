// Which requests go into the audit log, and what of them: everything that changes something, by somebody who is known.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Audit } from '../access/index.ts';
import { atOnce } from './hooks.ts';
import { isReading } from './methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who it is about where nobody is known yet: the name at a sign-in, right or wrong. */
    claimedName: string | null;
  }
}

/** Of the body, what says what was asked for. Everything else may be a secret. */
const TOLD = ['target', 'mode', 'role', 'name', 'planHash', 'profile', 'reason'] as const;
const TOLD_LENGTH = 128;

export function auditRequests(app: FastifyInstance, audit: Pick<Audit, 'note'>): void {
  app.decorateRequest('claimedName', null);
  const note = atOnce((request, reply) => {
    if (isReading(request.method)) return;
    const { identity, claimedName } = request;
    // Strangers who were sent away are counted and limited: they shall not push the record out of its cap. Agents are not people.
    if (identity === null && claimedName === null) return;
    audit.note({
      actor: identity?.name ?? claimedName ?? 'nobody',
      role: identity?.role ?? 'none',
      method: request.method,
      path: request.url.split('?')[0] ?? '',
      status: reply.statusCode,
      address: request.ip,
      requestId: request.id,
      detail: { ...told(request), ...(identity?.by === undefined ? {} : { by: identity.by }) },
    });
  });
  app.addHook('onResponse', note);
}

function told({ body }: FastifyRequest): Record<string, string> {
  if (typeof body !== 'object' || body === null) return {};
  const fields = new Map<string, unknown>(Object.entries(body));
  return Object.fromEntries(
    TOLD.flatMap((key) => {
      const value = fields.get(key);
      return typeof value === 'string' ? [[key, value.slice(0, TOLD_LENGTH)]] : [];
    }),
  );
}
