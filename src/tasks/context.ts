// What a step sees of the engine: its context. Closed when the step ends, so that what it left running behind its back cannot write.

import type { Static, TSchema } from 'typebox';
import { assert, RackseedError } from '../lib/index.ts';
import { preparedWrite, type Tx } from '../store/index.ts';
import { done, type StepContext, type Woken } from './define.ts';
import { fail } from './errors.ts';
import { type Claim, fenced, isLastStep, type JournalDeps, lose, type StepPlace, writeStepDone } from './journal.ts';
import { encodeJson } from './json.ts';
import { MAX_LOG_LINE } from './limits.ts';
import { createProgress, overallProgress } from './progress.ts';
import { schemaErrors } from './schema-errors.ts';

export interface ContextFacts {
  readonly args: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly attempt: number;
  readonly isResumed: boolean;
  readonly woken: Woken | undefined;
  readonly signal: AbortSignal;
  /** Called when the step has ended its task by itself. */
  readonly onFinished: () => void;
}

/** `ended` is aborted by the runner when the step has returned or is given up. */
export function createContext(deps: JournalDeps, claim: Claim, place: StepPlace, facts: ContextFacts, ended: AbortSignal): StepContext {
  const { row, definition } = claim;
  const assertOpen = (): void => {
    if (!ended.aborted) return;
    throw fail('tasks.context_closed', {
      message: `step ${place.step.name} of task ${claim.id} has ended and may not write any more`,
      hint: 'This is a mistake in Rackseed: the step did not wait for something that it began.',
    });
  };
  const ours = async <T>(work: (tx: Tx, row: Claim['row']) => Promise<T>): Promise<T> => {
    assertOpen();
    try {
      return await fenced(deps, claim, work);
    } catch (error) {
      if (error instanceof RackseedError && error.code === 'store.fenced') lose(claim, error.message);
      throw error;
    }
  };
  const report = createProgress({
    clock: deps.clock,
    log: deps.log,
    everyMs: deps.limits.progressEveryMs,
    signal: ended,
    write: ({ progress, text }) =>
      deps.store.db
        .updateTable('tasks')
        .set({ progress, progress_text: text })
        .where('id', '=', claim.id)
        .where('owner', '=', claim.owner)
        .where('fence', '=', claim.fence)
        .execute(),
  });
  const { onFinished, ...seen } = facts;
  return {
    ...seen,
    taskId: claim.id,
    subject: row.subject,
    nodeUuid: row.node_uuid,
    fence: claim.fence,
    resultOf: (step, schema) => checkedResult(facts.results, step, schema),
    progress: (fraction, text) => report({ progress: overallProgress(place.position, definition.steps.length, fraction), text }),
    log(line, stream = 'note') {
      if (ended.aborted) return;
      deps.store.taskLogs.append({ taskId: claim.id, position: place.position, stream, line: line.slice(0, MAX_LOG_LINE) });
    },
    transaction: (work) => ours((tx) => work(tx)),
    async finish(work, result = null) {
      assert(isLastStep(claim, place), `step ${place.step.name} is not the last of its task`);
      const text = encodeJson(result, `result of step ${place.step.name}`);
      await ours(async (tx, row) => {
        await work(tx);
        await writeStepDone(deps, tx, claim, { place, row, text });
      });
      onFinished();
      return done(result);
    },
    async milestone(tx) {
      assertOpen();
      await forgetResumes(tx, { id: claim.id, position: place.position });
    },
  };
}

const forgetResumes = preparedWrite((db, given: { readonly id: string; readonly position: number }) =>
  db
    .updateTable('task_steps')
    .set({ resumes: 0 })
    .where('task_id', '=', given.id)
    .where('position', '=', given.position)
    .where('resumes', '!=', 0),
);

function checkedResult<const S extends TSchema>(results: Readonly<Record<string, unknown>>, step: string, schema: S): Static<S> {
  const result = results[step];
  const [wrong] = result === undefined ? [{ instancePath: '', message: 'it is missing' }] : schemaErrors(schema, result);
  if (wrong === undefined) return result as Static<S>; // checked in the line above
  throw fail('tasks.bad_result', {
    message: `result of step ${step}: ${wrong.instancePath || '/'} ${wrong.message}`,
    hint: 'The step may have been done by another version of Rackseed: submit the task again.',
  });
}
