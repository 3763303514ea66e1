// The steps by their names, checked once when the program starts.

import { assert } from '../lib/index.ts';
import { keysOf } from './args-decide.ts';
import type { PipelineStep } from './seam.ts';

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

export function createRegistry(steps: readonly PipelineStep[]): ReadonlyMap<string, PipelineStep> {
  const found = new Map<string, PipelineStep>();
  for (const step of steps) {
    assert(NAME.test(step.name), `step ${step.name}: a name is lower-case words with dashes`);
    assert(!found.has(step.name), `two steps are called ${step.name}`);
    assert(step.timeoutMs > 0 && Number.isFinite(step.timeoutMs), `step ${step.name}: timeoutMs must be positive`);
    for (const key of keysOf(step)) assert(isDescribed(step, key), `step ${step.name}: its argument ${key} has no description`);
    found.set(step.name, step);
  }
  return found;
}

function isDescribed(step: PipelineStep, key: string): boolean {
  const { properties = {} } = step.args as { readonly properties?: Readonly<Record<string, { readonly description?: unknown }>> }; // an object schema
  const { description } = properties[key] ?? {};
  return typeof description === 'string' && description !== '';
}
