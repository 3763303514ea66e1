// What a run would do, or what has drifted since: all checks, and nothing else. Changes nothing.

import type { Clock, Log } from '../lib/index.ts';
import { cursorOf, type RunStep } from './cursor-decide.ts';
import { contextOf, type Hands } from './hands.ts';
import { type Planned, plannedOf } from './plan-decide.ts';
import type { Pipeline, PipelineStep, StepLook } from './seam.ts';
import { whenRefusal } from './when-decide.ts';

export interface PlanParts {
  readonly steps: ReadonlyMap<string, PipelineStep>;
  readonly clock: Clock;
  readonly log: Log;
  readonly look: StepLook;
  readonly hands: Hands;
  readonly signal: AbortSignal;
  /** Of drift: steps that are done once in a machine's life are not asked. */
  readonly isDrift: boolean;
}

export async function planOf(parts: PlanParts, pipeline: Pipeline): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  for (const entry of cursorOf(pipeline.entries)) {
    parts.signal.throwIfAborted();
    planned.push(await one(parts, entry, planned));
  }
  return planned;
}

async function one(parts: PlanParts, entry: RunStep, earlier: readonly Planned[]): Promise<Planned> {
  const step = parts.steps.get(entry.step);
  const told = { id: entry.id, title: step?.title ?? entry.step };
  if (step === undefined) return { ...told, is: 'impossible', words: ['this version of the program has no such step'], hint: null };
  const refusal = parts.isDrift && step.isOnce === true ? 'it is done once in the life of a machine' : whenRefusal(entry.when, parts.look);
  if (refusal !== null) return { ...told, is: 'not-asked', words: [refusal], hint: null };
  const seen = await verdictOf(parts, step, entry);
  parts.signal.throwIfAborted();
  return { ...told, ...plannedOf(seen, earlier) };
}

async function verdictOf(parts: PlanParts, step: PipelineStep, entry: RunStep): Promise<Parameters<typeof plannedOf>[0]> {
  const { look, hands, signal, clock, log } = parts;
  // Nothing that it notes here is kept.
  const notes = { get: () => undefined, set: () => Promise.resolve() };
  const silent = (): void => undefined;
  try {
    return {
      verdict: await step.check(
        contextOf({ look, hands, args: entry.args, notes, progress: silent, log: silent, signal, clock, trace: log }),
      ),
    };
  } catch (thrown) {
    return { thrown };
  }
}
