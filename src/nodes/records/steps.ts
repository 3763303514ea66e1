// The steps of deploy templates and runbooks: what one may hold, and that none comes twice. Pure.

import { damaged, isJsonObject, type JsonObject } from '../json.ts';
import { badValue } from './errors.ts';
import { objectsIn } from './lists.ts';

/** The interfaces that have steps, in Ironic's order for steps of one priority. */
export const STEP_INTERFACES = ['vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'] as const;
export type StepInterface = (typeof STEP_INTERFACES)[number];

interface AnyStep {
  readonly interface: StepInterface;
  readonly step: string;
  readonly args: JsonObject;
}
/** Higher priorities run first; 0 switches the step off. */
export interface TemplateStep extends AnyStep {
  readonly priority: number;
}
/** Lower orders run first. */
export interface RunbookStep extends AnyStep {
  readonly order: number;
}

const MAX_STEP_NAME = 255;
/** As wide as Ironic's column. */
const MAX_RANK = 2_147_483_647;

export function isStepInterface(text: string): text is StepInterface {
  return STEP_INTERFACES.some((name) => name === text);
}

/** Ranks: `priority` of a template's steps, `order` of a runbook's. */
export function checkSteps(what: string, rankName: string, steps: readonly (AnyStep & { readonly rank: number })[]): void {
  if (steps.length === 0) throw badValue(`${what} invalid: steps is empty, at least one is needed.`);
  const seen = new Set<string>();
  for (const { interface: part, step, rank } of steps) {
    const where = `interface: ${part}, step: ${step.slice(0, 80)}`;
    if (!isStepInterface(part)) throw badValue(`${what} invalid: ${where}: the interface is none of ${STEP_INTERFACES.join(', ')}.`);
    if (step === '' || step.length > MAX_STEP_NAME) throw badValue(`${what} invalid: ${where}: a step has a name of 1 to 255 characters.`);
    if (!Number.isInteger(rank) || rank < 0 || rank > MAX_RANK)
      throw badValue(`${what} invalid: ${where}: ${rankName} is no whole number from 0 to ${MAX_RANK}.`);
    const key = `${part}.${step}`;
    if (seen.has(key))
      throw badValue(`${what} invalid: Duplicate deploy steps. The same interface and step can come only once. Duplicates: ${where}.`);
    seen.add(key);
  }
}

/** Stored steps, with their rank (priority or order) under one name. */
export function storedSteps(text: string, where: string): (AnyStep & { readonly rank: number })[] {
  return objectsIn('steps', text, where).map(({ interface: part, step, args, priority, order }) => {
    const rank = priority ?? order;
    const isWhole = typeof part === 'string' && isStepInterface(part) && typeof step === 'string' && typeof rank === 'number';
    if (!isWhole || args === undefined || !isJsonObject(args)) throw damaged(`steps of ${where} hold something other than steps`);
    return { interface: part, step, args, rank };
  });
}
