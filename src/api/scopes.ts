// What a scope of an API token covers, as data. Its role still decides what it may do there. What no scope covers, no limited token may.

import type { FastifyRequest } from 'fastify';
import type { Scope } from '../access/index.ts';
import { isReading } from './methods.ts';

interface Cover {
  readonly routes: RegExp;
  readonly isReadingOnly?: true;
}

const NODE_READING: Cover = { routes: /^\/(?:v1|api)\/nodes(?:\/|$)/, isReadingOnly: true };

const COVERS: Readonly<Record<Scope, readonly Cover[]>> = {
  read: [{ routes: /^/, isReadingOnly: true }],
  nodes: [
    { routes: /^\/v1\/(?!allocations|deploy_templates|runbooks|inspection_rules|events)/ },
    { routes: /^\/api\/(?:nodes|tasks)(?:\/|$)/ },
  ],
  power: [NODE_READING, { routes: /^\/v1\/nodes\/:[^/]+\/(?:states\/power|management\/inject_nmi)$/ }],
  allocations: [NODE_READING, { routes: /^\/v1\/(?:allocations|nodes\/:[^/]+\/allocation)(?:\/|$)/ }],
  enrolment: [
    { routes: /^\/api\/(?:enrolments?|rules)(?:\/|$)/ },
    { routes: /^\/api\/nodes\/:[^/]+\/(?:approve|reject|unreject|wipe-plan|ignored)$/ },
  ],
  metrics: [{ routes: /^\/(?:metrics|api\/status)\/?$/, isReadingOnly: true }],
};

/** Accounts, tokens and the record are of no scope. */
export function isInScope(scopes: readonly Scope[], { method, routeOptions }: Pick<FastifyRequest, 'method' | 'routeOptions'>): boolean {
  const { url, config } = routeOptions;
  if (url === undefined || config.needsProof === true) return false;
  return scopes.some((scope) =>
    COVERS[scope].some(({ routes, isReadingOnly }) => routes.test(url) && (isReadingOnly !== true || isReading(method))),
  );
}
