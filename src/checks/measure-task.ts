// A benchmark or a burn-in, as a task: the agent is told, asked how far it is, and what it measured is kept and held against machines of the
// same kind. Holds the node's lock, so that nothing else is done to the machine meanwhile.

import { type Static, Type } from 'typebox';
import { Check as fits } from 'typebox/value';
import { type JsonObject, type Node, nodeTitle } from '../nodes/index.ts';
import { defineTask, done, type StepContext, type StepResult, type TaskDefinition, waitUntil } from '../tasks/index.ts';
import { type NewCheck, newestOfOthers, writeCheck } from './book.ts';
import { type Figures, slowFigures } from './compare-decide.ts';
import { fail } from './errors.ts';
import { type CheckDeps, classOf, nodeOf } from './parts.ts';

export const MEASURE_KIND = 'node.check';
export const measureArgs = Type.Object({
  kind: Type.Enum(['benchmark', 'burn-in']),
  seconds: Type.Integer({ minimum: 1, maximum: 604_800 }),
  parts: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8 }),
});
type Context = StepContext<Static<typeof measureArgs>>;

const MINUTE = 60_000;
const LOOK_MS = 2000;
const COMPARED_MAX = 100;
const FAULTS_TOLD = 5;
const started = Type.Object({ at: Type.Number() });
const measured = Type.Object({ figures: Type.Record(Type.String(), Type.Number()), failures: Type.Optional(Type.Array(Type.String())) });

export function measureDefinition(deps: () => CheckDeps): TaskDefinition {
  const definition = defineTask({
    kind: MEASURE_KIND,
    title: 'Test the machine',
    args: measureArgs,
    steps: [
      { name: 'order', title: 'Tell the agent', timeoutMs: MINUTE, run: (context) => order(deps(), context) },
      { name: 'measure', title: 'Measure', timeoutMs: MINUTE, run: (context) => follow(deps(), context) },
    ],
  });
  return definition as TaskDefinition; // the engine checks the arguments before any step is called
}

/** Its own, so that the same order is never placed twice. */
function keyOf({ taskId }: Context): string {
  return `${taskId}:check`;
}

async function order({ desk, clock }: CheckDeps, context: Context): Promise<StepResult> {
  const { kind, seconds, parts } = context.args;
  const name = kind === 'benchmark' ? 'benchmark' : 'burn_in';
  await desk.place(context.nodeUuid ?? '', { key: keyOf(context), name, args: { seconds, parts } });
  return done({ at: clock.now() });
}

async function follow(deps: CheckDeps, context: Context): Promise<StepResult> {
  const node = await nodeOf(deps, context.nodeUuid);
  const standing = await deps.desk.standing(node.uuid, keyOf(context));
  switch (standing?.state) {
    case 'waiting':
      context.progress(0, 'waits for the agent to take it');
      return waitUntil(deps.clock.now() + LOOK_MS);
    case 'given':
      context.progress(standing.fraction, standing.text);
      return waitUntil(deps.clock.now() + LOOK_MS);
    case 'done':
      return keep(deps, context, node, standing.result);
    default:
      throw fail('checks.failed', {
        message: `the ${context.args.kind} of ${nodeTitle(node)} did not come to its end: ${standing?.message ?? 'the order is no longer known'}`,
        hint: 'Look at its log: rackseed task log; then ask for it again.',
      });
  }
}

async function keep(deps: CheckDeps, context: Context, node: Node, result: JsonObject): Promise<StepResult> {
  if (!fits(measured, result)) {
    throw fail('checks.failed', {
      message: `the agent of ${nodeTitle(node)} measured nothing that can be read`,
      hint: 'Boot it anew: its agent may be of another version.',
    });
  }
  const { kind } = context.args;
  const slow = kind === 'benchmark' ? slowFigures(result.figures, await likeIt(deps, node)) : [];
  const check = verdictOf(kind, result, slow, context.resultOf('order', started).at);
  return context.finish(
    async (tx) => {
      await writeCheck(tx, deps, node.uuid, check);
      const severity = check.verdict === 'bad' ? 'error' : check.verdict === 'warning' ? 'warning' : 'info';
      await deps.store.events.append(tx, {
        type: 'node.checked',
        severity,
        nodeUuid: node.uuid,
        message: `${kind} of ${nodeTitle(node)}: ${check.message}`,
      });
    },
    { verdict: check.verdict, message: check.message, figures: check.figures },
  );
}

export function verdictOf(
  kind: 'benchmark' | 'burn-in',
  { figures, failures = [] }: Static<typeof measured>,
  slow: readonly string[],
  startedAt: number,
): NewCheck {
  const common = { kind, figures, startedAt };
  if (failures.length > 0) {
    const more = failures.length > FAULTS_TOLD ? `; and ${failures.length - FAULTS_TOLD} more` : '';
    return { ...common, verdict: 'bad', message: `${failures.slice(0, FAULTS_TOLD).join('; ')}${more}` };
  }
  if (slow.length > 0) return { ...common, verdict: 'warning', message: slow.join('; ') };
  return { ...common, verdict: 'good', message: kind === 'burn-in' ? 'it held out' : 'nothing stands out' };
}

async function likeIt(deps: CheckDeps, node: Node): Promise<Figures[]> {
  const own = await classOf(deps, node);
  if (own === null) return [];
  const figures: Figures[] = [];
  for (const other of (await newestOfOthers(deps.store.db, node.uuid, 'benchmark')).slice(0, COMPARED_MAX)) {
    const found = await deps.nodes.find(other.nodeUuid);
    if (found !== undefined && (await classOf(deps, found)) === own) figures.push(other.figures);
  }
  return figures;
}
