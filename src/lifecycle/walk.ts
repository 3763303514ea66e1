// Goes through a node's steps, from wherever they were left: each is begun and ended in one transaction with the node, so that after a
// crash exactly the step that was cut off is entered again. Knows nothing of which steps there are, or why.

import { RackseedError } from '../lib/index.ts';
import type { JsonObject, Node, NodeChanges, ProvisionEvent, ProvisionState } from '../nodes/index.ts';
import { type StepResult, waitUntil } from '../tasks/index.ts';
import { isOfStep } from './agent.ts';
import { type Cursor, cursorOf, shownStep, withCursor, withoutCursor } from './cursor.ts';
import { fail } from './errors.ts';
import { readAfter } from './look.ts';
import { type Entry, type Performed, perform, spendUsedPlans } from './perform.ts';
import { bootRamdisk, needsRamdisk, powerOffAfterFailure } from './ramdisk.ts';
import type { PlannedStep, WalkKind } from './steps-decide.ts';
import { livePlans } from './wipe-use.ts';
import { endOnNode, type Flow, failedAt, type Go, goOf, onNode, push, type Work, waitForGo } from './work.ts';

export interface Ending {
  readonly event: ProvisionEvent;
  readonly changes?: NodeChanges;
}

/** A verb whose work is steps. */
export interface Walk {
  readonly kind: WalkKind;
  /** For messages: Cleaning, Deployment. */
  readonly noun: string;
  readonly working: ProvisionState;
  /** Null: its steps can not wait or hold. */
  readonly wait: ProvisionState | null;
  readonly hold: ProvisionState | null;
  /** Asked once, when the work begins. */
  plan(work: Work, node: Node): Promise<readonly PlannedStep[]>;
  /** What is left to do to the machine when all steps are done; undefined: nothing. May be done twice. */
  finish?(work: Work, node: Node, cursor: Cursor): (() => Promise<void>) | undefined;
  /** Which end it comes to. */
  ending(node: Node): Ending;
  /** What its last step found and the node keeps, under these keys of driver_internal_info. */
  kept?(result: Readonly<Record<string, unknown>>): JsonObject;
  /** What is tidied, and said, when it fails. */
  onFail?(node: Node): NodeChanges;
}

export function walkFlow(walk: Walk): Flow {
  const states = [walk.working, walk.wait, walk.hold].filter((state) => state !== null);
  return {
    states,
    go: (work, node) => new Walker(work, walk, states).go(node),
    // A machine that runs the agent is not left to boot whatever is on its half-done disks. Service keeps its system: it stays up.
    leave: async (work, node) => {
      if (walk.kind !== 'service' && cursorOf(node, walk.kind)?.usesRamdisk === true) await powerOffAfterFailure(work, node);
    },
    onFail: (node, error) => ({
      ...withoutCursor(node, walk.kind),
      ...(error instanceof RackseedError && error.code === 'lifecycle.aborted' ? {} : walk.onFail?.(node)),
    }),
  };
}

class Walker {
  readonly #work: Work;
  readonly #walk: Walk;
  readonly #states: readonly ProvisionState[];

  constructor(work: Work, walk: Walk, states: readonly ProvisionState[]) {
    this.#work = work;
    this.#walk = walk;
    this.#states = states;
  }

  async go(node: Node): Promise<StepResult> {
    if (node.provisionState === this.#walk.hold) return waitForGo(this.#work);
    if (node.provisionState === this.#walk.wait) return this.#heard(node);
    const cursor = cursorOf(node, this.#walk.kind);
    if (cursor === undefined) return this.#begin(node);
    if (cursor.index === null) return this.#bringUp(node, cursor);
    const { isResumed, woken } = this.#work.context;
    if (cursor.waitUntil !== null && woken?.by === 'time') return this.#next(node, cursor, cursor.index);
    return this.#run(node, cursor, cursor.index, { isResumed });
  }

  async #begin(node: Node): Promise<StepResult> {
    const steps = await this.#walk.plan(this.#work, node);
    this.#work.context.log(steps.length === 0 ? 'no steps' : `steps: ${steps.map(nameOf).join(', ')}`);
    const usesRamdisk = needsRamdisk(this.#work, node) && steps.some((step) => step.requires_ramdisk);
    const cursor: Cursor = { steps, index: usesRamdisk ? null : 0, usesRamdisk, waitUntil: null };
    if (steps.length === 0) return this.#end(node, cursor);
    const begun = await this.#save(cursor);
    return usesRamdisk ? this.#bringUp(begun, cursor) : this.#run(begun, cursor, 0, { isResumed: false });
  }

  async #bringUp(node: Node, cursor: Cursor): Promise<StepResult> {
    const { wait, noun } = this.#walk;
    if (wait === null) throw new TypeError(`${this.#walk.kind} has no state to wait for the agent in`);
    this.#work.context.progress(0, 'boots the agent');
    let agent: 'there' | 'booting';
    try {
      agent = await bootRamdisk(this.#work, node);
    } catch (error) {
      throw failedAt(
        `${noun}: the machine could not be booted into the agent`,
        error,
        'Look at its power and boot settings, then try again',
      );
    }
    return agent === 'there' ? this.#next(node, cursor, -1) : this.#pause(cursor, 'wait');
  }

  /** In the wait state: was it the word that was waited for? */
  async #heard(node: Node): Promise<StepResult> {
    const cursor = cursorOf(node, this.#walk.kind);
    const go = goOf(this.#work) ?? this.#due(cursor);
    if (go === undefined || cursor === undefined) return waitForGo(this.#work, cursor?.lookAt);
    if (go.by === 'agent' && go.status === 'start') return waitForGo(this.#work, cursor.lookAt);
    const step = cursor.index === null ? undefined : cursor.steps[cursor.index];
    // The end of an order is a word for the step that placed it.
    if (go.by === 'agent' && go.key !== undefined && !isOfStep(go.key, this.#keyOf(cursor.index)))
      return waitForGo(this.#work, cursor.lookAt);
    if (go.by === 'agent' && go.status === 'error') {
      throw failedAt(this.#titleOf(step), fail('lifecycle.step_failed', { message: go.message ?? 'the agent said that it failed' }), RETRY);
    }
    const resumed = await onNode(this.#work, this.#states, (tx, now) => push(this.#work, tx, now, { event: 'resume' }));
    if (cursor.index === null) return this.#next(resumed, cursor, -1);
    if (go.by === 'unhold') return this.#next(resumed, cursor, cursor.index);
    const { by: _, ...word } = go;
    return this.#run(resumed, cursor, cursor.index, { isResumed: false, word });
  }

  /** Nothing was heard, and the step wants to look all the same: as if its agent had spoken. */
  #due(cursor: Cursor | undefined): Go | undefined {
    if (typeof cursor?.lookAt !== 'number' || cursor.index === null) return undefined;
    return this.#work.deps.clock.now() < cursor.lookAt ? undefined : { by: 'agent' };
  }

  async #run(node: Node, cursor: Cursor, index: number, entry: Omit<Entry, 'key'>): Promise<StepResult> {
    const step = cursor.steps[index];
    if (step === undefined) return this.#end(node, cursor);
    const count = cursor.steps.length;
    const share = (fraction: number, text: string): void =>
      this.#work.context.progress((index + fraction) / count, `${nameOf(step)}: ${text}`);
    this.#work.context.progress(index / count, nameOf(step));
    this.#work.context.log(
      `${nameOf(step)}: ${entry.isResumed ? 'taken up again after a restart' : entry.word === undefined ? 'begun' : 'goes on'}`,
    );
    let outcome: Performed;
    try {
      outcome = await perform(this.#work, node, this.#walk.kind, step, { ...entry, key: this.#keyOf(index) }, share);
    } catch (error) {
      throw failedAt(this.#titleOf(step), error, RETRY);
    }
    if (outcome === 'wait' || outcome === 'hold') return this.#pause({ ...cursor, lookAt: null }, outcome);
    if ('waitUntil' in outcome) return this.#pause({ ...cursor, lookAt: outcome.waitUntil }, 'wait');
    if ('pauseMs' in outcome) return this.#sleep(cursor, outcome.pauseMs);
    await readAfter(this.#work, node, step.interface);
    this.#work.context.log(`${nameOf(step)}: done`);
    return this.#next(node, cursor, index, 'result' in outcome ? outcome.result : undefined);
  }

  /** Ends the step at `index` and begins the one after it, as one. */
  async #next(node: Node, cursor: Cursor, index: number, result: Readonly<Record<string, unknown>> = {}): Promise<StepResult> {
    const next: Cursor = { ...cursor, index: index + 1, waitUntil: null, lookAt: null };
    const isLast = next.index === cursor.steps.length;
    if (isLast && this.#walk.finish?.(this.#work, node, next) === undefined) return this.#close(cursor.steps[index], result);
    const saved = await this.#save(next, cursor.steps[index], result);
    return this.#run(saved, next, index + 1, { isResumed: false });
  }

  async #end(node: Node, cursor: Cursor): Promise<StepResult> {
    try {
      await this.#walk.finish?.(this.#work, node, cursor)?.();
    } catch (error) {
      throw failedAt(`${this.#walk.noun}: all steps are done, but the machine could not be left as it should be`, error, RETRY);
    }
    return this.#close();
  }

  async #close(last?: PlannedStep, result: Readonly<Record<string, unknown>> = {}): Promise<StepResult> {
    const { kind } = this.#walk;
    return endOnNode(this.#work, [this.#walk.working], async (tx, node) => {
      this.#refuseAborted(node, last);
      await spendUsedPlans(this.#work, tx, node, kind);
      if (kind === 'deploy') await livePlans(tx, node.uuid, this.#work.deps.clock.now());
      const { event, changes } = this.#walk.ending(node);
      await push(this.#work, tx, node, { event, changes: { ...this.#tidied(node, result), ...resultChanges(result), ...changes } });
    });
  }

  #tidied(node: Node, result: Readonly<Record<string, unknown>>): NodeChanges {
    const tidied = withoutCursor(node, this.#walk.kind);
    const kept = this.#walk.kept?.(result);
    return kept === undefined ? tidied : { ...tidied, driverInternalInfo: { ...tidied.driverInternalInfo, ...kept } };
  }

  async #save(cursor: Cursor, ended?: PlannedStep, result: Readonly<Record<string, unknown>> = {}): Promise<Node> {
    const { nodes } = this.#work.deps;
    return onNode(this.#work, [this.#walk.working], async (tx, node) => {
      this.#refuseAborted(node, ended);
      const changes = { ...withCursor(node, this.#walk.kind, cursor), ...resultChanges(result) };
      const changed = await nodes.update(tx, node, changes, { who: 'system' });
      await this.#work.context.milestone(tx);
      if (this.#work.deps.clock.now() - (node.provisionUpdatedAt ?? 0) < SIGN_MS) return changed;
      await nodes.signOfLife(tx, node.uuid);
      return nodes.get(node.uuid, tx);
    });
  }

  /** The machine's turn, or a person's. */
  async #pause(cursor: Cursor, why: 'wait' | 'hold'): Promise<StepResult> {
    const state = this.#walk[why];
    if (state === null) throw new TypeError(`a ${this.#walk.kind} step answered ${why}, which it can not`);
    this.#work.context.log(why === 'wait' ? 'waits for the machine' : 'held: waits for unhold');
    await onNode(this.#work, [this.#walk.working], (tx, node) =>
      push(this.#work, tx, node, { event: why, changes: withCursor(node, this.#walk.kind, cursor) }),
    );
    return waitForGo(this.#work, cursor.lookAt);
  }

  async #sleep(cursor: Cursor, ms: number): Promise<StepResult> {
    const until = cursor.waitUntil ?? this.#work.deps.clock.now() + ms;
    if (cursor.waitUntil === null) await this.#save({ ...cursor, waitUntil: until });
    return waitUntil(until);
  }

  /** A person asked for the end while a step was at work that may not be broken off: now it is over. */
  #refuseAborted(node: Node, ended: PlannedStep | undefined): void {
    if (shownStep(node, this.#walk.kind).abort_after !== true) return;
    throw fail('lifecycle.aborted', {
      message: `${this.#walk.noun} was aborted by request after the step ${ended === undefined ? 'under way' : nameOf(ended)} was completed`,
      hint: 'Ask for the verb again to start over',
    });
  }

  #keyOf(index: number | null): string {
    return `${this.#work.context.taskId}:${index ?? ''}`;
  }

  #titleOf(step: PlannedStep | undefined): string {
    return step === undefined ? `${this.#walk.noun}: booting the agent failed` : `${this.#walk.noun}: step ${nameOf(step)} failed`;
  }
}

/** How often a step's begin also counts as a sign of life for the state's timeout. */
const SIGN_MS = 60_000;
const RETRY = 'Put right what it names and ask for the verb again; the log of the task has the details';

export function nameOf(step: PlannedStep): string {
  return `${step.interface}.${step.step}`;
}

/** What a step may leave with the node. */
function resultChanges(result: Readonly<Record<string, unknown>>): NodeChanges {
  const raid = result.raid_config;
  // A driver's JSON, as its type says.
  return typeof raid === 'object' && raid !== null && !Array.isArray(raid) ? { raidConfig: raid as Node['raidConfig'] } : {};
}
