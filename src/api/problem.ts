// From anything thrown to what the client may see. Pure: knows no reply object, no log.

import { STATUS_CODES } from 'node:http';
import { nearest, RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';

/** What went wrong, in the one shape from which both kinds of error body are made. */
export interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  /** True when it is our fault: logged with its stack, counted, and told to the client only by its request id. */
  readonly isBug: boolean;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly hint?: string;
  readonly retryable: boolean;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** One finding of ajv, as far as it is read here. */
interface Finding {
  readonly instancePath?: unknown;
  readonly keyword?: unknown;
  readonly message?: unknown;
  readonly params?: unknown;
  readonly parentSchema?: unknown;
}

export function faultOf(thrown: unknown, requestId: string): Fault {
  const error = thrown instanceof RackseedError ? thrown : translated(thrown);
  if (error === undefined) return bugFault(requestId);
  const { status, code, message, hint, retryable, detail } = error;
  return { status, code, message, hint, retryable, data: detail, isBug: false };
}

export function problemOf(fault: Fault, requestId: string): Problem {
  return {
    type: `urn:rackseed:error:${fault.code}`,
    title: STATUS_CODES[fault.status] ?? 'Error',
    status: fault.status,
    detail: fault.message,
    instance: `urn:rackseed:request:${requestId}`,
    code: fault.code,
    ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    retryable: fault.retryable,
    ...(fault.data === undefined ? {} : { data: fault.data }),
  };
}

function bugFault(requestId: string): Fault {
  return {
    status: 500,
    code: 'api.internal',
    message: `an internal error; request ${requestId}`,
    hint: `Look for ${requestId} in the log of the appliance, and report it.`,
    retryable: false,
    data: undefined,
    isBug: true,
  };
}

/** The errors that fastify and its parser throw, in our words. Undefined: a bug. */
function translated(thrown: unknown): RackseedError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const finding = firstFinding(thrown);
  if (finding !== undefined) return validationError(finding, placeOf(thrown));
  const cause = thrown;
  switch ('code' in thrown ? thrown.code : undefined) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return fail('api.body_too_large', { message: 'the body is larger than this endpoint takes', cause });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return fail('api.unsupported_media_type', { message: 'this endpoint reads application/json only', cause });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return fail('api.bad_json', { message: 'the body is empty, JSON was announced', cause });
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return fail('api.bad_json', { message: 'the body is not valid JSON', cause });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return fail('api.bad_request', { message: 'the body has another length than its Content-Length says', cause });
    case 'FST_ERR_BAD_URL':
      return fail('api.bad_url', { message: 'the address holds a percent escape that cannot be decoded', cause });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return fail('api.not_found', { message: 'there is nothing with so long a name', cause });
    default:
      return undefined;
  }
}

function firstFinding(error: Error): Finding | undefined {
  const findings: unknown = 'validation' in error ? error.validation : undefined;
  const first: unknown = Array.isArray(findings) ? findings[0] : undefined;
  return typeof first === 'object' && first !== null ? first : undefined;
}

function placeOf(error: Error): string {
  const context = 'validationContext' in error ? String(error.validationContext) : 'request';
  return context === 'querystring' ? 'query' : context === 'params' ? 'path' : context;
}

function validationError(finding: Finding, place: string): RackseedError {
  const inside = typeof finding.instancePath === 'string' ? finding.instancePath.replaceAll('/', '.') : '';
  const params: Readonly<Record<string, unknown>> = isRecord(finding.params) ? finding.params : {};
  if (finding.keyword === 'additionalProperties') return unknownField(`${place}${inside}`, String(params.additionalProperty), finding);
  if (finding.keyword === 'required') {
    const field = `${place}${inside}.${String(params.missingProperty)}`;
    return fail('api.validation', { message: `${field} is missing`, detail: { field } });
  }
  const field = `${place}${inside}`;
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  return fail('api.validation', { message: `${field} ${String(finding.message)}${allowed}`, detail: { field } });
}

function unknownField(place: string, name: string, finding: Finding): RackseedError {
  const schema = isRecord(finding.parentSchema) ? finding.parentSchema : {};
  const known = isRecord(schema.properties) ? Object.keys(schema.properties) : [];
  const near = nearest(name, known);
  return fail('api.validation', {
    message: `${place} has no field ${JSON.stringify(name.slice(0, 100))}`,
    hint: near === undefined ? `Known here: ${known.join(', ') || 'none'}.` : `Did you mean ${near}?`,
    detail: { field: `${place}.${name.slice(0, 100)}` },
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
