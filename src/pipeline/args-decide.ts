// Arguments of a step against its schema: checked, and every default filled in. Pure.

import { Ajv, type ErrorObject } from 'ajv';
import type { JsonObject } from '../nodes/index.ts';
import type { PipelineStep } from './seam.ts';

export interface ArgsFault {
  /** JSON pointer within the arguments. */
  readonly pointer: string;
  readonly message: string;
  /** A key that the schema does not know. */
  readonly unknown: string | null;
}

const ajv = new Ajv({ useDefaults: true, allErrors: true, allowUnionTypes: true, validateSchema: false });

export function argsOf(step: PipelineStep, args: JsonObject): { readonly args: JsonObject; readonly faults: readonly ArgsFault[] } {
  const filled = structuredClone(args);
  const check = ajv.compile(step.args);
  return check(filled) ? { args: filled, faults: [] } : { args: filled, faults: (check.errors ?? []).map(faultOf) };
}

/** The keys that it takes. */
export function keysOf(step: PipelineStep): readonly string[] {
  const { properties } = step.args as { readonly properties?: Readonly<Record<string, unknown>> }; // an object schema, as the seam asks
  return Object.keys(properties ?? {});
}

function faultOf(error: ErrorObject): ArgsFault {
  // Typed by keyword in ajv; only this keyword has it.
  const extra =
    error.keyword === 'additionalProperties' ? String((error.params as { additionalProperty?: unknown }).additionalProperty) : null;
  return { pointer: error.instancePath, message: extra === null ? (error.message ?? 'is wrong') : 'is not known here', unknown: extra };
}
