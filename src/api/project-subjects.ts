// Whose the thing is that a request names: a node, or what hangs on one. For the project guard.

import type { FastifyRequest } from 'fastify';
import { fail } from './errors.ts';
import type { OwnedSubject } from './project-policy.ts';
import type { ApiServices } from './services.ts';

export type SubjectServices = Pick<ApiServices, 'nodes' | 'records'>;

export interface Whose {
  readonly owner: string | null;
  readonly lessee: string | null;
}

interface Found {
  readonly whose: Whose | undefined;
  readonly notFound: Error;
}

export async function findSubject(subject: OwnedSubject, request: FastifyRequest, { nodes, records }: SubjectServices): Promise<Found> {
  const ref = subject === 'newOfNode' ? nodeOfBody(request.body) : firstParameter(request);
  const ofNode = async (thing: { readonly nodeUuid: string } | undefined): Promise<Whose | undefined> =>
    thing === undefined ? undefined : nodes.find(thing.nodeUuid);
  switch (subject) {
    case 'node':
      return { whose: await nodes.find(ref), notFound: missing('Node', ref) };
    case 'newOfNode': {
      // Ironic tells of a node in a body by 400, of one in a path by 404.
      const notFound = fail('api.validation', { message: `Node ${ref.slice(0, 255)} could not be found.` });
      return { whose: await nodes.find(ref), notFound };
    }
    case 'port':
      return { whose: await ofNode(await records.ports.find(ref)), notFound: missing('Port', ref) };
    case 'portgroup':
      return { whose: await ofNode(await records.portgroups.find(ref)), notFound: missing('Portgroup', ref) };
    case 'connector':
      return { whose: await ofNode(await records.connectors.find(ref)), notFound: missing('Volume connector', ref) };
    case 'target':
      return { whose: await ofNode(await records.targets.find(ref)), notFound: missing('Volume target', ref) };
    case 'runbook': {
      const runbook = await records.runbooks.find(ref);
      // A public one is everybody's to read.
      const owner = runbook?.public === true ? (request.identity?.project ?? null) : (runbook?.owner ?? null);
      return { whose: { owner, lessee: null }, notFound: missing('Runbook', ref) };
    }
  }
}

function missing(noun: string, ref: string): Error {
  return fail('api.not_found', { message: `${noun} ${ref.slice(0, 255)} could not be found.` });
}

/** Empty where there is none: nothing has that name. */
function firstParameter({ params, routeOptions }: FastifyRequest): string {
  const name = /:([^/]+)/.exec(routeOptions.url ?? '')?.[1] ?? '';
  return textIn(params, name);
}

function nodeOfBody(body: unknown): string {
  return textIn(body, 'node_uuid') || textIn(body, 'node_ident');
}

function textIn(record: unknown, key: string): string {
  const value = typeof record === 'object' && record !== null ? new Map<string, unknown>(Object.entries(record)).get(key) : undefined;
  return typeof value === 'string' ? value : '';
}
