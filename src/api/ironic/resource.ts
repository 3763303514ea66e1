// A resource of /v1 that is a table of records: its list, …/detail, one, POST, PATCH and DELETE, all from one description. What each
// resource is stands in its own file as data.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import type { Identity } from '../../access/index.ts';
import { isLogicalName, isUuid, type PageQuery } from '../../nodes/index.ts';
import type { Tx } from '../../store/index.ts';
import { fail } from '../errors.ts';
import { projectFilter } from '../project.ts';
import { closed, idPath } from '../schemas.ts';
import type { ApiServices, Role } from '../services.ts';
import { type Attribute, bodySchema, readBody, readPatch } from './attributes.ts';
import type { Field, View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { type Document, type Patch, patchBody } from './json-patch.ts';
import { detailFields, listFields, needVersion, notFoundAs, oneFields, orEmptyBody, pageBody } from './lists.ts';
import { needUnlocked } from './nodes/locked.ts';
import { bad, fieldNames, limitOf, PAGE_QUERY } from './query.ts';
import type { Minor } from './version.ts';
import { newerField, type Shown, shown } from './view.ts';

/** What a list is asked for, as text. */
export type ListQuery = Static<typeof pageQuery> & Readonly<Record<string, string | undefined>>;
const pageQuery = Type.Object(PAGE_QUERY, closed);
const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);
const word = Type.Optional(Type.String({ maxLength: 4096 }));
const DETAIL_SINCE: Minor = 43;

/** Who asks for what: everything a list or a write needs of its request. */
export interface Asked {
  readonly view: View;
  readonly identity: Identity | null;
}

interface Described<M> {
  /** The word under which a list stands. */
  readonly collection: string;
  /** /v1/volume/connectors */
  readonly path: string;
  /** "Deploy template X could not be found." */
  readonly noun: string;
  readonly fields: readonly Field<M>[];
  /** What a list can be narrowed by beside marker and limit, and since when. */
  readonly filters: readonly (readonly [name: string, since: Minor])[];
  readonly list: (page: PageQuery, query: ListQuery, asked: Asked) => Promise<readonly M[]>;
  /** `detail` as old as the resource itself; elsewhere it came with 1.43. */
  readonly hasEarlyDetail?: true;
}

export interface Resource<M extends { readonly uuid: string }, Given> extends Described<M> {
  readonly since: Minor;
  /** Before that version writes are 405 and not 404, as Ironic's younger resources have it. */
  readonly isRefusedByMethod?: true;
  readonly hasDetail?: true;
  /** A name stands where a UUID stands. */
  readonly isNamed?: true;
  readonly writers: Role;
  /** It is part of a node: changed and removed only while nobody works on that. */
  readonly nodeOf?: (model: M) => string;
  /** `Given` has the model's own names for its fields: the document of a PATCH is read from the model by them. */
  readonly attributes: readonly Attribute<Given>[];
  readonly find: (ref: string, tx?: Tx) => Promise<M | undefined>;
  readonly create: (tx: Tx, given: Partial<Given>, asked: Asked) => Promise<M>;
  readonly update: (tx: Tx, before: M, changes: Partial<Given>, patch: Patch, asked: Asked) => Promise<M>;
  readonly remove: (tx: Tx, model: M) => Promise<void>;
  /** Routes beside the usual ones. */
  readonly more?: (app: FastifyInstance) => void;
}

type Services = Pick<ApiServices, 'transaction' | 'lifecycle'>;

export function resourcePlugin<M extends { readonly uuid: string }, Given>(
  { services, viewOf }: Pick<IronicDeps, 'viewOf'> & { readonly services: Services },
  resource: Resource<M, Given>,
): FastifyPluginAsyncTypebox {
  const reader = { access: 'reader' } as const;
  const writer = { access: resource.writers };
  const askedOf = (request: FastifyRequest): Asked => ({ view: viewOf(request), identity: request.identity });
  const needFree = async (model: M, tx: Tx) => resource.nodeOf && needUnlocked(services, tx, resource.nodeOf(model));
  const full = (model: M, view: View) => shown(model, oneFields(resource.fields, {}, view), view);

  return async (app) => {
    app.addHook('onRequest', async (request) => needEndpoint(request, resource));
    resource.more?.(app);
    for (const detail of resource.hasDetail === true ? (['/', '/detail'] as const) : (['/'] as const))
      app.get(
        detail,
        { config: reader, schema: { querystring: listSchema(resource) } },
        async (request) => listBody(resource, request.query as ListQuery, askedOf(request), detail === '/detail'), // by listSchema
      );

    app.get('/:id', { config: reader, schema: { params: idPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      const fields = oneFields(resource.fields, request.query, view);
      return shown(await findAs(resource, request.params.id, view), fields, view);
    });

    const mayBeEmpty = resource.attributes.some(({ isRequired }) => isRequired === true) ? {} : { preValidation: orEmptyBody };
    app.post('/', { config: writer, ...mayBeEmpty, schema: { body: bodySchema(resource.attributes) } }, async (request, reply) => {
      const asked = askedOf(request);
      const given = readBody(resource.attributes, request.body, asked.view.minor);
      const made = await services.transaction((tx) => resource.create(tx, given, asked));
      return answerCreated(reply, `${asked.view.baseUrl}${resource.path}/${made.uuid}`, full(made, asked.view));
    });

    app.patch('/:id', { config: writer, schema: { params: idPath, body: patchBody } }, async (request) => {
      const asked = askedOf(request);
      const changed = await services.transaction(async (tx) => {
        const before = await findAs(resource, request.params.id, asked.view, tx);
        const changes = readPatch(resource.attributes, documentOf(resource.attributes, before), request.body, asked.view.minor);
        await needFree(before, tx);
        return resource.update(tx, before, changes, request.body, asked);
      });
      return full(changed, asked.view);
    });

    app.delete('/:id', { config: writer, schema: { params: idPath } }, async (request, reply) => {
      const view = viewOf(request);
      await services.transaction(async (tx) => {
        const model = await findAs(resource, request.params.id, view, tx);
        await needFree(model, tx);
        await resource.remove(tx, model);
      });
      return reply.code(204).send();
    });
  };
}

export function listSchema({ filters }: Pick<Described<never>, 'filters'>): TSchema {
  return Type.Object({ ...PAGE_QUERY, ...Object.fromEntries(filters.map(([name]) => [name, word])) }, closed);
}

/** A page of the list, also where it stands below something else. */
export async function listBody<M extends { readonly uuid: string }>(
  resource: Described<M>,
  query: ListQuery,
  asked: Asked,
  isDetail: boolean,
): Promise<Record<string, unknown>> {
  const { view, identity } = asked;
  for (const [name, since] of resource.filters)
    if (query[name] !== undefined && view.minor < since) throw newerField(name, since, view.minor);
  const fieldsView = resource.hasEarlyDetail === true ? { ...view, minor: Math.max(view.minor, DETAIL_SINCE) } : view;
  const fields = isDetail ? detailFields(resource.fields, query, view) : listFields(resource.fields, query, fieldsView);
  checkSort(resource, query.sort_key, view);
  if (query.marker !== undefined && !isUuid(query.marker)) throw bad(`Expected UUID for marker: ${query.marker}`);
  const limit = limitOf(query.limit);
  const page: PageQuery = {
    limit,
    ofNodes: projectFilter(identity),
    ...(query.marker === undefined ? {} : { marker: query.marker.toLowerCase() }),
    ...(query.sort_key === undefined && query.sort_dir === undefined
      ? {}
      : { sort: { key: query.sort_key ?? 'id', descending: query.sort_dir === 'desc' } }),
  };
  const rows = await resource.list(page, query, asked);
  const path = isDetail ? `${resource.path}/detail` : resource.path;
  return pageBody({ collection: resource.collection, rows, fields: fields satisfies Shown<M>, view, path, query, limit });
}

/** Words with commas between, as a filter for several has them. */
export function wordsOf(text: string | undefined): readonly string[] | undefined {
  return fieldNames(text);
}

/** A reference of the right form, that something answers to; else Ironic's 400 or 404. */
export async function findAs<M>(
  { noun, isNamed, find }: Pick<Resource<M & { readonly uuid: string }, unknown>, 'noun' | 'isNamed' | 'find'>,
  ref: string,
  { minor }: Pick<View, 'minor'>,
  tx?: Tx,
): Promise<M> {
  // Before 1.91 a content type may stand at the end of an address.
  const bare = minor < 91 && ref.endsWith('.json') ? ref.slice(0, -'.json'.length) : ref;
  if (isNamed !== true && !isUuid(bare))
    throw bad(`Expected UUID for ${noun.toLowerCase().split(' ').at(-1) ?? ''}_uuid: ${ref.slice(0, 255)}`);
  if (!isLogicalName(ref)) throw bad(`Expected a logical name or UUID but received ${ref.slice(0, 255)}.`);
  const found = (await find(ref, tx)) ?? (bare === ref ? undefined : await find(bare, tx));
  if (found === undefined) throw notFoundAs(noun, ref);
  return found;
}

export function answerCreated(reply: FastifyReply, location: string, body: Record<string, unknown>): FastifyReply {
  return reply.code(201).header('location', location).send(body);
}

function needEndpoint(
  request: FastifyRequest,
  { since, isRefusedByMethod, collection }: Pick<Resource<never, never>, 'since' | 'isRefusedByMethod' | 'collection'>,
): void {
  if (request.ironicMinor >= since) return;
  if (isRefusedByMethod === true && request.method !== 'GET')
    throw fail('api.method_not_allowed', { message: `The API version does not allow ${collection.replaceAll('_', ' ')}` });
  needVersion({ minor: request.ironicMinor }, since);
}

/** Nobody learns the order of what his version does not show. */
function checkSort<M>({ fields }: Described<M>, key: string | undefined, { minor }: View): void {
  const field = fields.find(({ name }) => name === key);
  if (field !== undefined && field.since > minor) throw newerField(field.name, field.since, minor);
}

function documentOf<M extends object, Given>(attributes: readonly Attribute<Given>[], model: M): Document {
  const values = new Map<string, unknown>(Object.entries({ ...model }));
  return Object.fromEntries(
    attributes.filter((row) => row.only !== 'create').map((row) => [row.name, values.get(String(row.field)) ?? null]),
  );
}
