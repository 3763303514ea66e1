// How requests are checked against their schemas: strictly. Only queries and paths, which are text by nature, are converted.

import { Ajv, type Options, type ValidateFunction } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import { BugError } from '../lib/index.ts';

const STRICT: Options = {
  // One finding is enough to say, and a hostile body cannot make us collect a million.
  allErrors: false,
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  allowUnionTypes: true,
  // Findings carry the schema they come from: for "did you mean".
  verbose: true,
  // A third of the compile time, for checks that take microseconds either way.
  code: { optimize: false },
  // Our own schemas, checked by their types and a test: compiling the schema of schemas would cost every start.
  validateSchema: false,
};

/** In the place of the makers of compilers that fastify would load (500 kB of modules) before it can be given ours. */
export const NO_COMPILERS = { compilersFactory: { buildValidator: notOurs, buildSerializer: notOurs } } as const;

function notOurs(): never {
  throw new BugError('the API must set its compilers before its routes');
}

/**
 * Each schema is compiled when its first request comes: all of them at once were a quarter of the API's part of a cold start
 * (50 of 240 ms, measured 2026-11). `eager` is for the test that compiles them all.
 */
export function createValidatorCompiler(options: { readonly eager?: boolean } = {}): FastifySchemaCompiler<object> {
  const strict = new Ajv(STRICT);
  const converting = new Ajv({ ...STRICT, coerceTypes: true });
  return ({ schema, httpPart }) => {
    const ajv = httpPart === 'querystring' || httpPart === 'params' ? converting : strict;
    let compiled: ValidateFunction | undefined = options.eager === true ? ajv.compile(schema) : undefined;
    return (value: unknown) => {
      compiled ??= ajv.compile(schema);
      return compiled(value) ? true : { error: compiled.errors ?? [] };
    };
  };
}
