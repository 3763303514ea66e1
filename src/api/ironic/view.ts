// From a model to Ironic's JSON: which fields, at which version. Pure.

import { nearest } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { Field, View } from './fields.ts';
import type { Minor } from './version.ts';

export type Shown<Model> = readonly Field<Model>[];

/** By table, then by version: asked for by nearly every request. */
const full = new WeakMap<object, Map<Minor, unknown>>();

/** Every field of the version; the same object each time. */
export function fullFields<Model>(table: readonly Field<Model>[], { minor }: Pick<View, 'minor'>): Shown<Model> {
  const versions = full.get(table) ?? new Map<Minor, unknown>();
  full.set(table, versions);
  const known = versions.get(minor) as Shown<Model> | undefined; // what was kept under this table is of this table
  if (known !== undefined) return known;
  const fields = table.filter((field) => field.since <= minor);
  versions.set(minor, fields);
  return fields;
}

/** What lists show. */
export function defaultFields<Model>(table: readonly Field<Model>[], view: Pick<View, 'minor'>): Shown<Model> {
  return fullFields(table, view).filter((field) => field.isDefault === true);
}

/** `fields=a,b`: 400 for one that does not exist, 406 for one that is newer than the version asked for. */
export function chosenFields<Model>(
  table: readonly Field<Model>[],
  names: readonly string[],
  { minor }: Pick<View, 'minor'>,
): Shown<Model> {
  const chosen = [...new Set(names)].map((name) => {
    const field = table.find((row) => row.name === name);
    if (field === undefined) throw unknownField(table, name);
    if (field.since > minor) throw newerField(field.name, field.since, minor);
    return field;
  });
  // Ironic always says where the thing is.
  const link = table.find((field) => field.name === 'links');
  return link === undefined || chosen.includes(link) ? chosen : [...chosen, link];
}

export function shown<Model>(model: Model, fields: Shown<Model>, view: View): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of fields) body[field.name] = field.read(model, view);
  return body;
}

export function shownPage<Model>(models: readonly Model[], fields: Shown<Model>, view: View): readonly Record<string, unknown>[] {
  return models.map((model) => shown(model, fields, view));
}

export function newerField(name: string, since: number, minor: number): Error {
  return fail('api.version_needed', {
    message: `Request not acceptable. ${name} needs API version 1.${since}, the request asked for 1.${minor}`,
    hint: `Send X-OpenStack-Ironic-API-Version: 1.${since} or later.`,
  });
}

function unknownField<Model>(table: readonly Field<Model>[], name: string): Error {
  const near = nearest(
    name,
    table.map((field) => field.name),
  );
  return fail('api.validation', {
    message: `Field(s) ${JSON.stringify(name.slice(0, 100))} are not valid.`,
    hint: near === undefined ? 'The fields of GET /v1/nodes/detail can be asked for.' : `Did you mean ${near}?`,
  });
}
