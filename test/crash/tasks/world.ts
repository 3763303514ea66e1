// The world that the killed engines work on: what their steps have done to it, and the rules it must never see broken. Also the
// tasks: made from a generated shape, so that each shape is a different program.

import fc from 'fast-check';
import Type from 'typebox';
import { defineErrors } from '../../../src/lib/index.ts';
import { defineTask, done, type Step, type StepContext, type TaskDefinition, waitFor, waitUntil } from '../../../src/tasks/index.ts';
import type { Fuse } from './fuse.ts';

export const STEP_SHAPES = ['plain', 'flaky', 'timed', 'woken', 'written', 'destructive', 'skipped', 'broken'] as const;
export type StepShape = (typeof STEP_SHAPES)[number];

export interface TaskShape {
  readonly steps: readonly StepShape[];
  readonly isLocked: boolean;
  /** Cancelled when this step has been entered; more than there are: never. */
  readonly cancelAt: number;
}

export interface Shape {
  readonly tasks: readonly TaskShape[];
  readonly workers: number;
  /** The next life is the same appliance restarted, or another one that must wait for the lease. */
  readonly isSameHolder: boolean;
}

const stepArb = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...STEP_SHAPES.filter((shape) => shape !== 'broken')) },
  { weight: 1, arbitrary: fc.constant('broken' as const) },
);

export const shapeArb: fc.Arbitrary<Shape> = fc.record({
  tasks: fc.array(
    fc.record({
      steps: fc.array(stepArb, { minLength: 1, maxLength: 4 }),
      isLocked: fc.boolean(),
      cancelAt: fc.oneof({ weight: 4, arbitrary: fc.constant(99) }, { weight: 1, arbitrary: fc.nat(3) }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  workers: fc.integer({ min: 1, max: 3 }),
  isSameHolder: fc.boolean(),
});

export class World {
  /** How often each effect has become visible, by "task/position". */
  readonly effects = new Map<string, number>();
  /** Positions in the order of their effects, by task. */
  readonly order = new Map<string, number[]>();
  readonly entered = new Set<string>();
  /** Steps that an event has reported as done to somebody who reads events. */
  readonly reportedDone = new Set<string>();
  readonly broken: string[] = [];
  readonly #active = new Map<string, string>();

  /** What was under way in a killed process is under way no more. */
  processDied(): void {
    this.#active.clear();
  }

  enter(taskId: string, position: number, lock: string | undefined): void {
    const key = `${taskId}/${position}`;
    this.entered.add(key);
    if (this.reportedDone.has(key)) this.broken.push(`${key} was entered again after it had been reported done`);
    for (const name of [taskId, ...(lock === undefined ? [] : [lock])]) {
      const other = this.#active.get(name);
      if (other !== undefined) this.broken.push(`${key} runs while ${other} has ${name}`);
      this.#active.set(name, key);
    }
  }

  leave(taskId: string, lock: string | undefined): void {
    this.#active.delete(taskId);
    if (lock !== undefined) this.#active.delete(lock);
  }

  has(key: string): boolean {
    return this.effects.has(key);
  }

  apply(taskId: string, position: number): void {
    const key = `${taskId}/${position}`;
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
    this.order.set(taskId, [...(this.order.get(taskId) ?? []), position]);
  }
}

const fail = defineErrors({
  'test.flaky': { status: 503, about: 'Works the second time.', retryable: true },
  'test.broken': { status: 500, about: 'Never works.' },
});

export const LOCK = 'node:shared';
const WAIT_MS = 1500;

/** One life's definitions: their effects go through that life's fuse. */
export function definitionsOf(shape: Shape, world: World, fuse: Fuse, now: () => number): TaskDefinition[] {
  return shape.tasks.map((task, index) =>
    defineTask({
      kind: `test.t${index}`,
      title: `Task ${index}`,
      args: Type.Object({}),
      steps: task.steps.map((step, position) => stepOf(step, { position, world, fuse, lock: task.isLocked ? LOCK : undefined, now })),
    }),
  );
}

interface Place {
  readonly position: number;
  readonly world: World;
  readonly fuse: Fuse;
  readonly lock: string | undefined;
  readonly now: () => number;
}

function stepOf(shape: StepShape, place: Place): Step<object> {
  const { position, world, fuse, lock } = place;
  const common = { name: `s${position}`, title: `${shape} ${position}`, timeoutMs: 30_000 };
  const run: Step['run'] = async (context) => {
    world.enter(context.taskId, position, lock);
    try {
      return await body(shape, context, place);
    } finally {
      if (!fuse.isDead) world.leave(context.taskId, lock);
    }
  };
  if (shape === 'skipped') return { ...common, run, when: () => false };
  // A step whose own transaction fails is tried again only if it says so.
  if (shape === 'flaky' || shape === 'written') return { ...common, run, retry: { attempts: 3, firstDelayMs: 400, maxDelayMs: 1000 } };
  if (shape !== 'destructive') return { ...common, run };
  const recheck = async (context: StepContext<object>) =>
    (await fuse.effect(() => world.has(`${context.taskId}/${position}`))) ? 'done' : 'redo';
  return { ...common, run, destructive: true, recheck };
}

async function body(shape: StepShape, context: StepContext, place: Place): ReturnType<Step['run']> {
  const { position, fuse, world } = place;
  const key = `${context.taskId}/${position}`;
  if (shape === 'broken') throw fail('test.broken', { message: 'never' });
  if (shape === 'timed' && context.woken === undefined && !context.isResumed) return waitUntil(place.now() + WAIT_MS);
  if (shape === 'woken' && context.woken?.by !== 'event') return waitFor('go', place.now() + 3_600_000);
  if (shape === 'written') await writeOnce(context, key);
  // A destructive step does not look: it relies on being asked first. All others look before they act.
  const isThere = shape === 'destructive' ? false : await fuse.effect(() => world.has(key));
  if (!isThere) await fuse.effect(() => world.apply(context.taskId, position));
  if (shape === 'flaky' && context.attempt < 3) throw fail('test.flaky', { message: `attempt ${context.attempt}` });
  context.progress(1, 'done');
  return done({ position });
}

/** The same key twice is an error here: the transaction must take effect at most once, or be looked for. */
async function writeOnce(context: StepContext, key: string): Promise<void> {
  await context.transaction(async (tx) => {
    const row = await tx.selectFrom('settings').select('key').where('key', '=', key).executeTakeFirst();
    if (row === undefined)
      await tx
        .insertInto('settings')
        .values({ key, value: String(context.fence), updated_at: 0 })
        .execute();
  });
}
