// The desk at which the deploy driver has a pipeline run: finds the run that a service step means, and drives it. Knows no tasks and no states.

import { type Clock, type Log, messageOf, RackseedError } from '../lib/index.ts';
import type { Nodes } from '../nodes/index.ts';
import type { PipelineDesk, PipelineOrder, PipelineStanding } from '../power/index.ts';
import type { PipelineRun, RunBook } from './book.ts';
import { awaitedLock } from './cursor-decide.ts';
import { fail } from './errors.ts';
import type { PipelineFiles } from './files.ts';
import { driveRun, type RunnerParts } from './runner.ts';

export interface PipelineDeskParts extends RunnerParts {
  readonly book: RunBook;
  readonly files: Pick<PipelineFiles, 'get'>;
  readonly nodes: Pick<Nodes, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The pipeline that the node's profile names. */
  readonly pipelineOf: (node: { readonly extra?: unknown }) => string | undefined;
  /** The node's work looks at once. */
  readonly wake: (nodeUuid: string) => Promise<void>;
}

export function createPipelineDesk(parts: PipelineDeskParts): PipelineDesk {
  const { book, log } = parts;
  const freed = (): void => {
    wakeNext(parts).catch((error: unknown) => log.warn({ error: messageOf(error) }, 'who waits for a lock looks later')); // it looks by itself
  };
  const runner: RunnerParts = { ...parts, onFreed: freed };
  return {
    drive: async (order) => {
      const found = await runOf(parts, order);
      const over = found.task === order.service ? endOf(found) : undefined;
      if (over !== undefined) return over;
      return driven(runner, await book.take(found.uuid, order.service), order);
    },
    deployed: async (nodeUuid, deployment) => {
      const pipeline = parts.pipelineOf(await parts.nodes.get(nodeUuid));
      if (pipeline === undefined) return null;
      await book.due({ nodeUuid, task: `deployed:${deployment}`, pipeline });
      return pipeline;
    },
  };
}

async function driven(runner: RunnerParts, run: PipelineRun, order: PipelineOrder): Promise<PipelineStanding> {
  const { signal } = order;
  try {
    return await driveRun(runner, run, {
      signal,
      progress: (fraction, text) => order.progress(fraction, text),
      log: (line) => order.log(line),
    });
  } catch (thrown) {
    // Ended as somebody asked: the service is over, and nothing is wrong with the machine.
    if (thrown instanceof RackseedError && thrown.code === 'pipeline.aborted') return { is: 'done', text: thrown.message };
    throw thrown;
  }
}

/** A process died between the end of the run and that of its service. */
function endOf({ state, pipeline }: PipelineRun): PipelineStanding | undefined {
  return state === 'done' || state === 'aborted' ? { is: 'done', text: `the pipeline ${pipeline} is ${state}` } : undefined;
}

async function runOf(parts: PipelineDeskParts, { nodeUuid, service, args }: PipelineOrder): Promise<PipelineRun> {
  const { book } = parts;
  const own = await book.ofTask(nodeUuid, service);
  if (own !== undefined) return own;
  if (typeof args.run === 'string') return runOfNode(book, args.run, nodeUuid);
  try {
    const pipeline = await parts.files.get(await nameOf(parts, nodeUuid, args.pipeline));
    return await book.begin({ nodeUuid, task: service, pipeline });
  } catch (thrown) {
    await book.noLongerDue(nodeUuid); // it would meet the same, as often as its node becomes active
    throw thrown;
  }
}

async function runOfNode(book: RunBook, uuid: string, nodeUuid: string): Promise<PipelineRun> {
  const run = await book.get(uuid);
  if (run.nodeUuid === nodeUuid) return run;
  throw fail('pipeline.unknown', { message: `the run ${uuid} is of another node`, hint: 'Look at: rackseed pipeline show NODE' });
}

async function nameOf({ nodes, pipelineOf }: PipelineDeskParts, nodeUuid: string, asked: unknown): Promise<string> {
  const node = await nodes.get(nodeUuid);
  const name = typeof asked === 'string' && asked !== '' ? asked : pipelineOf(node);
  if (name !== undefined) return name;
  throw noPipeline(node);
}

export function noPipeline({ name, uuid }: { readonly name: string | null; readonly uuid: string }): Error {
  return fail('pipeline.unknown', {
    message: `the profile of ${name ?? uuid} names no pipeline`,
    hint: 'Name one: rackseed pipeline run NODE --pipeline NAME; or write it into the [[profile]]. rackseed pipeline list says what there is.',
  });
}

/** Of each lock the run that has waited longest: so they go in the order in which they came. */
async function wakeNext({ book, wake }: PipelineDeskParts): Promise<void> {
  const first = new Map<string, { readonly nodeUuid: string; readonly since: number }>();
  for (const { nodeUuid, cursor } of await book.running()) {
    const waiting = awaitedLock(cursor);
    if (waiting === undefined) continue;
    const known = first.get(waiting.lock);
    if (known === undefined || waiting.since < known.since) first.set(waiting.lock, { nodeUuid, since: waiting.since });
  }
  for (const { nodeUuid } of first.values()) await wake(nodeUuid);
}
