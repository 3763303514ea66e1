// The machinery that every resource's lists and single replies share: which fields, one page, the link to the next. Pure.

import type { FastifyRequest } from 'fastify';
import type { By } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import type { Field, View } from './fields.ts';
import { bad, detailOf, fieldNames, nextLink, type PageQuery } from './query.ts';
import type { Minor } from './version.ts';
import { chosenFields, defaultFields, fullFields, type Shown, shownPage } from './view.ts';

/** The fields of a list: those asked for, all with detail, else the short form. */
export function listFields<Model>(table: readonly Field<Model>[], query: PageQuery, view: View): Shown<Model> {
  const { isFull, names } = detailOf(query, view);
  if (isFull) return fullFields(table, view);
  return names === undefined ? defaultFields(table, view) : chosenFields(table, names, view);
}

/** The fields of a …/detail list, of which none can be chosen. */
export function detailFields<Model>(table: readonly Field<Model>[], query: PageQuery, view: View): Shown<Model> {
  if (fieldNames(query.fields) !== undefined) throw bad("Can't fetch a subset of fields with 'detail' set.");
  return fullFields(table, view);
}

/** The fields of a single reply: those asked for, else all. */
export function oneFields<Model>(table: readonly Field<Model>[], query: Pick<PageQuery, 'fields'>, view: View): Shown<Model> {
  const { names } = detailOf(query, view);
  return names === undefined ? fullFields(table, view) : chosenFields(table, names, view);
}

export interface Page<Model> {
  /** Under which the rows stand: nodes, ports, … */
  readonly collection: string;
  readonly rows: readonly Model[];
  readonly fields: Shown<Model>;
  readonly view: View;
  /** /v1/ports/detail */
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** What limitOf made of the query. */
  readonly limit: number;
}

export function pageBody<Model extends { readonly uuid: string }>(page: Page<Model>): Record<string, unknown> {
  const { collection, rows, fields, view, path, query, limit } = page;
  return { [collection]: shownPage(rows, fields, view), ...nextLink({ baseUrl: view.baseUrl, path, query, limit, page: rows }) };
}

/** An endpoint that came with version 1.`since` is not there before it. */
export function needVersion(view: Pick<View, 'minor'>, since: Minor): void {
  if (view.minor < since) throw fail('api.not_found', { message: 'The resource could not be found.' });
}

/** 404 in Ironic’s words. */
export function notFoundAs(kind: string, ref: string): Error {
  return fail('api.not_found', { message: `${kind} ${ref.slice(0, 255)} could not be found.` });
}

/** preValidation of a PUT or POST whose body may be left out. */
export async function orEmptyBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

/** In whose name a request changes something. */
export function byOf(request: Pick<FastifyRequest, 'identity'>): By {
  return { who: 'user', actor: request.identity?.name ?? 'anonymous' };
}
