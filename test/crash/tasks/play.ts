// Plays one shape of tasks through as many lives of the engine as the fuses leave it, and checks the rules at the end.

import { silentLog } from '../../../src/lib/index.ts';
import type { Store, TaskTable } from '../../../src/store/index.ts';
import { createTaskEngine, type TaskEngine } from '../../../src/tasks/index.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { createRandom } from '../../unit/tasks/harness.ts';
import { createFuse, type Fuse, type FuseMode } from './fuse.ts';
import { definitionsOf, LOCK, type Shape, type TaskShape, World } from './world.ts';

export interface Blow {
  readonly at: number;
  readonly mode: FuseMode;
}

export interface Played {
  /** Of the first life, as far as it came. */
  readonly calls: number;
  /** How many of the planned blows came to pass. */
  readonly blown: number;
}

const ROUNDS = 2000;
const FINAL = ['succeeded', 'failed', 'cancelled'];

export async function play(
  stage: { readonly store: Store; readonly clock: FakeClock },
  shape: Shape,
  blows: readonly Blow[],
): Promise<Played> {
  const game = new Game(stage.store, stage.clock, shape, blows);
  return game.play();
}

interface Life {
  readonly fuse: Fuse;
  readonly engine: TaskEngine;
  readonly store: Store;
  readonly submitting: Set<number>;
}

class Game {
  readonly #store: Store;
  readonly #clock: FakeClock;
  readonly #shape: Shape;
  readonly #blows: readonly Blow[];
  readonly #world = new World();
  /** Task ids that a submitter was given: acknowledged. */
  readonly #acknowledged = new Map<number, string>();
  readonly #woken = new Set<string>();
  readonly #cancelled = new Set<string>();
  readonly #lives: Life[] = [];
  readonly #prefix: string;
  #firstSeq = 0;

  constructor(store: Store, clock: FakeClock, shape: Shape, blows: readonly Blow[]) {
    this.#store = store;
    this.#clock = clock;
    this.#shape = shape;
    this.#blows = blows;
    this.#prefix = createRandom().uuid();
  }

  async play(): Promise<Played> {
    this.#firstSeq = await this.#store.events.lastSeq();
    let life = this.#newLife();
    for (let round = 0; ; round += 1) {
      if (round > ROUNDS) throw new Error(`not ended after ${ROUNDS} rounds: ${JSON.stringify(await this.#tasks())}`);
      this.#submitMissing(life);
      if (!(await this.#clock.advanceToNext())) await this.#clock.advance(1);
      await this.#readReports();
      if (life.fuse.isDead) {
        this.#world.processDied();
        life = this.#newLife();
        continue;
      }
      const tasks = await this.#tasks();
      if (this.#acknowledged.size === this.#shape.tasks.length && tasks.every((task) => FINAL.includes(task.state))) break;
      await this.#act(life, tasks);
    }
    life.fuse.kill();
    await this.#checkEnd();
    const blown = this.#blows.filter((_, index) => this.#lives[index]?.fuse.hasBlown === true).length;
    const calls = this.#lives[0]?.fuse.calls ?? 0;
    await this.#cleanUp();
    return { calls, blown };
  }

  #newLife(): Life {
    const index = this.#lives.length;
    const blow = this.#blows[index] ?? { at: Number.POSITIVE_INFINITY, mode: 'die-before' };
    const fuse = createFuse(blow.at, blow.mode);
    const store = fuse.store(this.#store);
    const engine = createTaskEngine({
      store,
      clock: fuse.clock(this.#clock),
      random: createRandom(),
      log: silentLog,
      definitions: definitionsOf(this.#shape, this.#world, fuse, () => this.#clock.now()),
      holder: this.#shape.isSameHolder ? 'one' : `life-${index}`,
      limits: { workers: this.#shape.workers, leaseTtlMs: 6000, pollMs: 2000 },
    });
    const life = { fuse, engine, store, submitting: new Set<number>() };
    this.#lives.push(life);
    // A start that the store failed is begun again, as the composition root's supervisor would.
    const start = (): Promise<void> => engine.start(new AbortController().signal).catch(start);
    void start();
    return life;
  }

  /** A client that asks until it is told an id; the key makes it one task. */
  #submitMissing(life: Life): void {
    for (const [index, task] of this.#shape.tasks.entries()) {
      if (this.#acknowledged.has(index) || life.submitting.has(index)) continue;
      life.submitting.add(index);
      const request = {
        kind: `test.t${index}`,
        subject: `test:${index}`,
        locks: task.isLocked ? [LOCK] : [],
        args: {},
        idempotencyKey: this.#key(index),
      };
      life.store
        .transaction((tx) => life.engine.submit(tx, request))
        .then(
          (id) => this.#acknowledged.set(index, id),
          () => life.submitting.delete(index),
        );
    }
  }

  #key(index: number): string {
    return `${this.#prefix}-${index}`;
  }

  /** What the outside does: an agent reports, a person cancels. Both through the store, with nothing of theirs lost. */
  async #act(life: Life, tasks: readonly TaskTable[]): Promise<void> {
    for (const task of tasks) {
      const shape = this.#shapeOf(task);
      for (const [position, step] of shape.steps.entries()) {
        const key = `${task.id}/${position}`;
        if (step !== 'woken' || this.#woken.has(key) || !this.#world.entered.has(key)) continue;
        this.#woken.add(key);
        await this.#store.transaction((tx) => life.engine.wake(tx, task.id, 'go', { position }));
      }
      if (this.#cancelled.has(task.id) || !this.#world.entered.has(`${task.id}/${shape.cancelAt}`)) continue;
      this.#cancelled.add(task.id);
      await this.#store.transaction((tx) => life.engine.cancel(tx, task.id, 'by the test'));
    }
  }

  #shapeOf(task: TaskTable): TaskShape {
    const shape = this.#shape.tasks[Number(task.kind.slice('test.t'.length))];
    if (shape === undefined) throw new Error(`task ${task.id} is of no kind of ours`);
    return shape;
  }

  #tasks(): Promise<TaskTable[]> {
    return this.#store.db.selectFrom('tasks').selectAll().where('idempotency_key', 'like', `${this.#prefix}-%`).execute();
  }

  async #readReports(): Promise<void> {
    const events = await this.#store.events.list({ after: this.#firstSeq, limit: 1000, type: 'task.step_done' });
    for (const event of events) this.#world.reportedDone.add(`${event.taskId}/${String(event.data.position)}`);
  }

  async #checkEnd(): Promise<void> {
    const { broken } = this.#world;
    const tasks = await this.#tasks();
    for (const [index, id] of this.#acknowledged) {
      const ours = tasks.filter((task) => task.idempotency_key === this.#key(index));
      if (ours.length !== 1 || ours[0]?.id !== id)
        broken.push(`task ${index} was acknowledged as ${id}, but there is ${ours.map((task) => task.id).join()}`);
    }
    for (const task of tasks) await this.#checkTask(task);
    await this.#checkEvents(tasks);
    const leases = await this.#store.db.selectFrom('leases').selectAll().where('holder', 'like', 'task:%').execute();
    for (const lease of leases) broken.push(`${lease.key} is still held by ${lease.holder}`);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  }

  async #checkTask(task: TaskTable): Promise<void> {
    const { broken, effects, order } = this.#world;
    const shape = this.#shapeOf(task);
    const brokenAt = shape.steps.indexOf('broken');
    const expected = brokenAt < 0 ? 'succeeded' : 'failed';
    const isCancelled = task.state === 'cancelled' && this.#cancelled.has(task.id);
    if (task.state !== expected && !isCancelled) broken.push(`${task.id} ended ${task.state} (${task.error}), not ${expected}`);
    const steps = await this.#store.db.selectFrom('task_steps').selectAll().where('task_id', '=', task.id).orderBy('position').execute();
    for (const step of steps) {
      const key = `${task.id}/${step.position}`;
      const count = effects.get(key) ?? 0;
      if (step.state === 'done' && count !== 1) broken.push(`${key} is done, its effect came ${count} times`);
      if (count > 1) broken.push(`${key}: effect ${count} times`);
      if (step.state === 'skipped' && count > 0) broken.push(`${key} was skipped, yet it had an effect`);
      if (task.state === 'succeeded' && step.state !== 'done' && step.state !== 'skipped')
        broken.push(`${key} is ${step.state} in a task that succeeded`);
      if (this.#world.reportedDone.has(key) && step.state !== 'done') broken.push(`${key} was reported done and is ${step.state}`);
      if (step.state === 'done' && shape.steps[step.position] === 'written') await this.#checkWritten(key);
    }
    const positions = order.get(task.id) ?? [];
    if (positions.some((position, index) => index > 0 && position < (positions[index - 1] ?? 0)))
      broken.push(`${task.id}: effects in the order ${positions.join()}`);
  }

  async #checkWritten(key: string): Promise<void> {
    const row = await this.#store.db.selectFrom('settings').select('key').where('key', '=', key).executeTakeFirst();
    if (row === undefined) this.#world.broken.push(`${key}: what its transaction wrote is gone`);
  }

  /** The story that the event log tells: without gaps, each thing once, nothing after the end. */
  async #checkEvents(tasks: readonly TaskTable[]): Promise<void> {
    const { broken } = this.#world;
    const events = await this.#store.events.list({ after: this.#firstSeq, limit: 1000 });
    events.forEach((event, index) => {
      if (event.seq !== this.#firstSeq + 1 + index) broken.push(`event ${event.seq} stands at ${this.#firstSeq + 1 + index}`);
    });
    for (const task of tasks) {
      const story = events.filter((event) => event.taskId === task.id);
      const once = story
        .filter((event) => ['task.submitted', 'task.started', 'task.finished'].includes(event.type))
        .map((event) => event.type);
      if (once.join() !== 'task.submitted,task.started,task.finished') broken.push(`${task.id}: ${once.join()}`);
      if (story.at(-1)?.type !== 'task.finished') broken.push(`${task.id}: ${story.at(-1)?.type} came after its end`);
      const done = story
        .filter((event) => event.type === 'task.step_done' || event.type === 'task.step_skipped')
        .map((event) => Number(event.data.position));
      const starts = story
        .filter((event) => event.type === 'task.step_started')
        .map((event) => `${Number(event.data.position)}/${Number(event.data.fence)}`);
      if (new Set(starts).size !== starts.length) broken.push(`${task.id}: steps reported begun at position/fence ${starts.join()}`);
      if (done.some((position, index) => position !== index)) broken.push(`${task.id}: steps reported done in the order ${done.join()}`);
    }
  }

  async #cleanUp(): Promise<void> {
    await this.#store.transaction(async (tx) => {
      await tx.deleteFrom('task_steps').execute();
      await tx.deleteFrom('tasks').execute();
      await tx.deleteFrom('settings').execute();
    });
  }
}
