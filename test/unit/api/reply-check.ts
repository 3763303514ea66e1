// Holds every JSON reply to the schema that its route publishes, closed: a field too many is as wrong as one too few.

import { Ajv, type ValidateFunction } from 'ajv';
import type { FastifyRequest } from 'fastify';
import { ENROL_SCHEMAS } from '../../../src/api/enrol-schemas.ts';
import type { ApiApp } from '../../../src/api/index.ts';
import { NAMED_SCHEMAS } from '../../../src/api/schemas.ts';

const ajv = new Ajv({ allowUnionTypes: true, strictTypes: false });
ajv.addFormat('date-time', (text) => new Date(text).toISOString() === text);
for (const schema of [...NAMED_SCHEMAS, ...ENROL_SCHEMAS]) ajv.addSchema(closedDeep(schema));
/** By the schema's text: each app makes its schemas anew. */
const compiled = new Map<string, ValidateFunction>();

/** A reply that breaks its schema becomes an error 500, which no test expects. */
export function checkReplies(app: ApiApp): void {
  app.addHook('preSerialization', async (request, reply, payload) => {
    const schema = responseSchema(request, reply.statusCode);
    if (schema === undefined) return payload;
    const text = JSON.stringify(schema);
    const check = compiled.get(text) ?? ajv.compile(closedDeep(schema));
    compiled.set(text, check);
    // As the client reads it: undefined fields are gone.
    const read: unknown = JSON.parse(JSON.stringify(payload));
    if (check(read)) return payload;
    throw new Error(`${request.method} ${request.url}: the reply ${ajv.errorsText(check.errors)}`);
  });
}

function responseSchema(request: FastifyRequest, status: number): object | undefined {
  const responses: unknown = request.routeOptions.schema?.response;
  const schema: unknown = isRecord(responses) ? responses[status] : undefined;
  return isRecord(schema) ? schema : undefined;
}

function closedDeep(schema: object): Record<string, unknown> {
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closedValue(value)]));
  return isRecord(copy.properties) && copy.additionalProperties === undefined ? { ...copy, additionalProperties: false } : copy;
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue);
  return isRecord(value) ? closedDeep(value) : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
