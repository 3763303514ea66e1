// What is wrong with a value that a schema describes. By Ajv, which the API and the config use as well: a second checker in every start
// would be 200 more modules (50 ms, 6 MB).

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';

/** A definition's schemas live as long as the program; those made on the way are forgotten with their owner. */
const compiled = new WeakMap<TSchema, ValidateFunction>();

/** Empty when the value is right. */
export function schemaErrors(schema: TSchema, value: unknown): readonly ErrorObject[] {
  let check = compiled.get(schema);
  if (check === undefined) {
    // validateSchema: they are ours, checked by their types.
    check = new Ajv({ allErrors: true, allowUnionTypes: true, validateSchema: false, code: { optimize: false } }).compile(schema);
    compiled.set(schema, check);
  }
  return check(value) ? [] : (check.errors ?? []);
}
