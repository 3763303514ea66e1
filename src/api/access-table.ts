// The one table of who may call what: each route with the least role for each method. Routes say the same in their own file, where it
// is enforced; a test compares the two both ways, so that no route comes, goes or opens up without a change here.

import type { Access } from './access.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Row = readonly [route: string, least: Readonly<Partial<Record<Method, Access>>>];

const READ = { GET: 'reader' } as const;
const OPERATE = { GET: 'reader', PUT: 'operator' } as const;
const ADD = { GET: 'reader', POST: 'operator' } as const;
const CHANGE = { GET: 'reader', PATCH: 'operator', DELETE: 'operator' } as const;

export const ACCESS_TABLE: readonly Row[] = [
  ['/healthz', { GET: 'public' }],
  ['/readyz', { GET: 'public' }],
  ['/metrics', READ],

  ['/api/session', { GET: 'reader', POST: 'public', DELETE: 'reader' }],
  ['/api/session/password', { PUT: 'reader' }],
  ['/api/setup-link', { POST: 'admin' }],
  ['/api/setup', { POST: 'public' }],
  ['/api/users', { GET: 'admin', POST: 'admin' }],
  ['/api/users/:name', { GET: 'admin', PATCH: 'admin', DELETE: 'admin' }],
  // Their own ones, worth no more than they are themselves.
  ['/api/tokens', { GET: 'reader', POST: 'reader' }],
  ['/api/tokens/:id', { DELETE: 'reader' }],
  ['/api/audit', { GET: 'admin' }],
  ['/api/audit/check', { GET: 'admin' }],

  ['/api/status', READ],
  ['/api/nodes', READ],
  ['/api/nodes/:id', READ],
  ['/api/nodes/:id/ignored', { PUT: 'operator', DELETE: 'operator' }],
  ['/api/nodes/:id/reasons', READ],
  ['/api/nodes/:id/history', READ],
  ['/api/reasons', READ],
  ['/api/events', READ],
  ['/api/tasks', READ],
  ['/api/tasks/:id', READ],
  ['/api/tasks/:id/logs', READ],
  ['/api/tasks/:id/cancel', { POST: 'operator' }],
  ['/api/enrolment', OPERATE],
  ['/api/network', READ],
  ['/api/network/probe', { POST: 'operator' }],
  ['/api/states', READ],
  ['/api/states.svg', READ],
  ['/api/openapi.json', READ],
  ['/api/agent/lookup', { POST: 'agent' }],
  ['/api/agent/inventory', { POST: 'agent' }],
  ['/api/agent/heartbeat', { POST: 'agent' }],

  ['/', { GET: 'public' }],
  ['/v1', { GET: 'public' }],
  ['/v1/nodes', ADD],
  ['/v1/nodes/detail', READ],
  ['/v1/nodes/:id', CHANGE],
  ['/v1/nodes/:id/ports', READ],
  ['/v1/nodes/:id/ports/detail', READ],
  ['/v1/nodes/:id/inventory', READ],
  ['/v1/nodes/:id/history', READ],
  ['/v1/nodes/:id/history/:entry', READ],
  ['/v1/nodes/:id/children', READ],
  ['/v1/nodes/:id/maintenance', { PUT: 'operator', DELETE: 'operator' }],
  ['/v1/nodes/:id/traits', { GET: 'reader', PUT: 'operator', DELETE: 'operator' }],
  ['/v1/nodes/:id/traits/:trait', { PUT: 'operator', DELETE: 'operator' }],
  ['/v1/shards', READ],
  ['/v1/nodes/:id/states', READ],
  ['/v1/nodes/:id/states/provision', { PUT: 'operator' }],
  ['/v1/nodes/:id/states/power', { PUT: 'operator' }],
  ['/v1/nodes/:id/states/raid', { PUT: 'operator' }],
  ['/v1/nodes/:id/states/boot_mode', { PUT: 'operator' }],
  ['/v1/nodes/:id/states/secure_boot', { PUT: 'operator' }],
  // The way to a console is more than a look.
  ['/v1/nodes/:id/states/console', { GET: 'operator', PUT: 'operator' }],
  ['/v1/nodes/:id/validate', READ],
  ['/v1/nodes/:id/portgroups', READ],
  ['/v1/nodes/:id/portgroups/detail', READ],
  ['/v1/nodes/:id/volume', READ],
  ['/v1/nodes/:id/volume/connectors', READ],
  ['/v1/nodes/:id/volume/targets', READ],
  ['/v1/nodes/:id/vifs', ADD],
  ['/v1/nodes/:id/vifs/:vif', { DELETE: 'operator' }],
  ['/v1/ports', ADD],
  ['/v1/ports/detail', READ],
  ['/v1/ports/:id', CHANGE],
  ['/v1/portgroups', ADD],
  ['/v1/portgroups/detail', READ],
  ['/v1/portgroups/:id', CHANGE],
  ['/v1/portgroups/:id/ports', READ],
  ['/v1/portgroups/:id/ports/detail', READ],
  ['/v1/chassis', ADD],
  ['/v1/chassis/detail', READ],
  ['/v1/chassis/:id', CHANGE],
  ['/v1/chassis/:id/nodes', READ],
  ['/v1/chassis/:id/nodes/detail', READ],
  ['/v1/volume', READ],
  ['/v1/volume/connectors', ADD],
  ['/v1/volume/connectors/:id', CHANGE],
  ['/v1/volume/targets', ADD],
  ['/v1/volume/targets/:id', CHANGE],
  ['/v1/deploy_templates', { GET: 'reader', POST: 'admin' }],
  ['/v1/deploy_templates/:id', { GET: 'reader', PATCH: 'admin', DELETE: 'admin' }],
  ['/v1/runbooks', ADD],
  ['/v1/runbooks/:id', CHANGE],
  ['/v1/runbooks/:id/traits', { GET: 'reader', PUT: 'operator', DELETE: 'operator' }],
  ['/v1/runbooks/:id/traits/:trait', { PUT: 'operator', DELETE: 'operator' }],
  ['/v1/inspection_rules', { GET: 'reader', POST: 'admin', DELETE: 'admin' }],
  ['/v1/inspection_rules/:id', { GET: 'reader', PATCH: 'admin', DELETE: 'admin' }],
];

/** `METHOD /route`, for each row and method. */
export function accessRows(): ReadonlyMap<string, Access> {
  return new Map(
    ACCESS_TABLE.flatMap(([route, least]) => Object.entries(least).map(([method, access]) => [`${method} ${route}`, access] as const)),
  );
}
