// Which node a request is about, and whose it is, for the project guard.

import type { FastifyRequest } from 'fastify';

export interface NodeRefs {
  /** By UUID or name. */
  find(ref: string): Promise<{ readonly owner: string | null; readonly lessee: string | null } | undefined>;
}

/** The first parameter of the route; an empty text where there is none. */
export function nodeRefOf({ params, routeOptions }: FastifyRequest): string {
  const name = /:([^/]+)/.exec(routeOptions.url ?? '')?.[1];
  const values =
    typeof params === 'object' && params !== null ? new Map<string, unknown>(Object.entries(params)) : new Map<string, unknown>();
  const value = name === undefined ? undefined : values.get(name);
  return typeof value === 'string' ? value : '';
}
