// How requests are checked against their schemas: strictly. Only queries and paths, which are text by nature, are converted.

import { Ajv, type Options } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import { NAMED_SCHEMAS } from './schemas.ts';

const STRICT: Options = {
  // One finding is enough to say, and a hostile body cannot make us collect a million.
  allErrors: false,
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  allowUnionTypes: true,
  // Findings carry the schema they come from: for "did you mean".
  verbose: true,
};

export function createValidatorCompiler(): FastifySchemaCompiler<object> {
  const strict = createAjv(STRICT);
  const converting = createAjv({ ...STRICT, coerceTypes: true });
  return ({ schema, httpPart }) => (httpPart === 'querystring' || httpPart === 'params' ? converting : strict).compile(schema);
}

function createAjv(options: Options): Ajv {
  const ajv = new Ajv(options);
  ajv.addFormat('date-time', true); // for documentation: no request carries one
  for (const schema of NAMED_SCHEMAS) ajv.addSchema(schema);
  return ajv;
}
