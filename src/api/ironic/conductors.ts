// /v1/conductors: the appliances that share this store.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Conductor } from '../../conductors/index.ts';
import { closed } from '../schemas.ts';
import { type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { listFields, needVersion, notFoundAs, oneFields, pageBody } from './lists.ts';
import { bad, limitOf, PAGE_QUERY } from './query.ts';
import { shown } from './view.ts';

const SINCE = 49;

const FIELDS: readonly Field<Conductor>[] = [
  { name: 'created_at', since: SINCE, read: ({ createdAt }) => time(createdAt) },
  { name: 'updated_at', since: SINCE, read: ({ updatedAt }) => time(updatedAt) },
  { name: 'hostname', since: SINCE, isDefault: true, read: ({ hostname }) => hostname },
  { name: 'conductor_group', since: SINCE, isDefault: true, read: ({ conductorGroup }) => conductorGroup },
  { name: 'drivers', since: SINCE, read: ({ drivers }) => drivers },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ hostname }, view) => links(view, 'conductors', hostname) },
  { name: 'alive', since: SINCE, isDefault: true, read: ({ isAlive }) => isAlive },
];

const SORT_KEYS: Readonly<Record<string, (one: Conductor) => string | number>> = {
  id: ({ createdAt }) => createdAt,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
  hostname: ({ hostname }) => hostname,
  conductor_group: ({ conductorGroup }) => conductorGroup,
};

// Their key is the name of a host, which may be longer than a UUID.
const listQuery = Type.Object({ ...PAGE_QUERY, marker: Type.Optional(Type.String({ maxLength: 255 })) }, closed);
const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);
const hostPath = Type.Object({ hostname: Type.String({ maxLength: 255 }) }, closed);

export function conductorsPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const config = { access: 'reader' } as const;
  return async (app) => {
    app.get('/', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const { query } = request;
      const fields = listFields(FIELDS, query, view);
      const limit = limitOf(query.limit);
      const sorted = inOrder(await services.conductors.list(), query.sort_key ?? 'id', query.sort_dir === 'desc');
      const rows = behind(sorted, query.marker).slice(0, limit);
      // The next page begins behind a host name, where others have a UUID.
      const page = rows.map((one) => ({ ...one, uuid: one.hostname }));
      return pageBody({ collection: 'conductors', rows: page, fields, view, path: '/v1/conductors', query, limit });
    });

    app.get('/:hostname', { config, schema: { params: hostPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const { hostname } = request.params;
      const found = (await services.conductors.list()).find((one) => one.hostname === hostname);
      if (found === undefined) throw notFoundAs('Conductor', hostname);
      return shown(found, oneFields(FIELDS, request.query, view), view);
    });
  };
}

function inOrder(all: readonly Conductor[], key: string, isDescending: boolean): Conductor[] {
  const read = Object.hasOwn(SORT_KEYS, key) ? SORT_KEYS[key] : undefined;
  if (read === undefined) throw bad(`The sort_key value ${key} is an invalid field for sorting`);
  const sorted = all.toSorted((a, b) => compare(read(a), read(b)) || compare(a.hostname, b.hostname));
  return isDescending ? sorted.toReversed() : sorted;
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function behind(sorted: readonly Conductor[], marker: string | undefined): readonly Conductor[] {
  if (marker === undefined) return sorted;
  const at = sorted.findIndex((one) => one.hostname === marker);
  if (at < 0) throw notFoundAs('Conductor', marker);
  return sorted.slice(at + 1);
}
