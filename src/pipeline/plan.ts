// What a run would do, or what has drifted since: all checks, and nothing else. Changes nothing.

import type { Clock, Log } from '../lib/index.ts';
import { cursorOf, type RunStep } from './cursor-decide.ts';
import { contextOf, endedBy, type Hands } from './hands.ts';
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
  /** By the monotonic clock: what was not looked at by then is not known. */
  readonly deadline?: number;
}

/** One that hangs must not keep the others from being looked at. */
const CHECK_MS = 20_000;

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
  const { look, hands, clock, log, deadline = Number.POSITIVE_INFINITY } = parts;
  const limitMs = Math.min(CHECK_MS, deadline - clock.monotonic());
  if (limitMs <= 0) return { thrown: new Error('there was no time left to look at it') };
  // Nothing that it notes here is kept.
  const notes = { get: () => undefined, set: () => Promise.resolve() };
  const silent = (): void => undefined;
  const [late, finished] = [new AbortController(), new AbortController()];
  // Rejects when the check was faster: then there is nothing to do.
  clock.sleep(limitMs, finished.signal).then(
    () => late.abort(new Error(`it could not be looked at within ${Math.ceil(limitMs / 1000)} seconds`)),
    () => undefined,
  );
  const signal = AbortSignal.any([parts.signal, late.signal]);
  const { args } = entry;
  const context = contextOf({ look, hands, args, notes, moved: noMove, progress: silent, log: silent, signal, clock, trace: log });
  try {
    return { verdict: await step.check(endedBy(context, signal)) };
  } catch (thrown) {
    return { thrown: late.signal.aborted ? late.signal.reason : thrown };
  } finally {
    finished.abort(FINISHED);
  }
}

/** A check that changes something is a mistake in its step. */
function noMove(): Promise<never> {
  return Promise.reject(new Error('a check moves no machine'));
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const FINISHED = new Error('finished in time');
