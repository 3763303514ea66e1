// The engine: a component that works through the queue with a bounded number of workers, keeps its leases, and survives a store
// that is away. One per process; any number of processes on one PostgreSQL.

import { type Clock, type Component, type Log, messageOf, type Random } from '../lib/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { backoffMs } from './backoff.ts';
import { createCatalogue, type TaskCatalogue } from './catalogue.ts';
import { type Claimed, claimNext, type Take } from './claim.ts';
import type { TaskDefinition } from './define.ts';
import { createEndWatch, type EndWatch } from './end-watch.ts';
import { fail } from './errors.ts';
import { createTaskIds } from './ids.ts';
import { type Claim, isLost, type JournalDeps, lose } from './journal.ts';
import { createLatch, type Latch } from './latch.ts';
import { endEarlierLives, giveBack, type KeeperDeps, pruneFinished, renewLeases } from './lease-keeper.ts';
import { DEFAULT_LIMITS, type TaskLimits } from './limits.ts';
import { getTask, listTasks, type TaskQuery } from './look.ts';
import type { TaskDetail, TaskRecord } from './record.ts';
import { runTask } from './runner.ts';
import { cancelTask, type DoorDeps, submitTask, type TaskRequest, wakeTask } from './submit.ts';

export interface TaskEngineOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly definitions: readonly TaskDefinition[];
  /** This appliance, the same after a restart and unlike any other's: its tasks are taken up at once when it comes back. */
  readonly holder: string;
  readonly limits?: Partial<TaskLimits>;
}

export interface TaskEngine extends Component {
  /** In the caller's transaction: committed is acknowledged. Returns the task's id. */
  submit(tx: Tx, request: TaskRequest): Promise<string>;
  /** False when the task had ended already. */
  cancel(tx: Tx, id: string, reason: string): Promise<boolean>;
  /** Ends a wait for `name`, now or when it begins. False when the task has ended. */
  wake(tx: Tx, id: string, name: string, payload?: unknown): Promise<boolean>;
  get(id: string): Promise<TaskDetail | undefined>;
  list(query: TaskQuery): Promise<TaskRecord[]>;
  /** Resolves when the task has ended, whichever appliance ran it. */
  finished(id: string, signal: AbortSignal): Promise<TaskDetail>;
}

const HOLDER = /^[A-Za-z0-9._:-]{1,100}$/;
const PRUNE_EVERY_MS = 600_000;
/** Lost to other appliances in a row; then they are busy enough for one poll. */
const MAX_RACES = 20;

export function createTaskEngine(options: TaskEngineOptions): TaskEngine {
  if (!HOLDER.test(options.holder)) throw new TypeError(`holder ${JSON.stringify(options.holder)} is not allowed`);
  return new QueueEngine(options);
}

interface Run {
  readonly claim: Claim;
  readonly done: Promise<void>;
}

class QueueEngine implements TaskEngine {
  readonly name = 'tasks';
  readonly #options: TaskEngineOptions;
  readonly #limits: TaskLimits;
  readonly #catalogue: TaskCatalogue;
  readonly #door: DoorDeps;
  readonly #keeper: KeeperDeps;
  readonly #journal: JournalDeps;
  readonly #latch: Latch;
  readonly #ends: EndWatch;
  readonly #runs = new Map<string, Run>();
  /** Their step would not stop: the lease must run out before anybody may take them. */
  readonly #stuck = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  #loops: Promise<void>[] = [];
  #unsubscribe: () => void = () => undefined;
  #stopped: Promise<void> | undefined;
  #unfinished = 0;
  #renewedAt = 0;

  constructor(options: TaskEngineOptions) {
    const { store, clock, random, log } = options;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#catalogue = createCatalogue(options.definitions);
    this.#door = { store, clock, newId: createTaskIds(clock, random), catalogue: this.#catalogue };
    // A new name for each life of the process: what the last one wrote late must not pass for ours.
    const owner = `${options.holder}/${random.uuid()}`;
    this.#keeper = { store, clock, owner, leaseTtlMs: this.#limits.leaseTtlMs };
    const isStopping = (): boolean => this.#stopping.signal.aborted;
    this.#journal = { store, clock, random, log, limits: this.#limits, giveUp: this.#giveUp.signal, isStopping };
    this.#latch = createLatch(clock);
    this.#ends = createEndWatch({ store, clock, pollMs: this.#limits.pollMs });
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await endEarlierLives(this.#keeper, `${this.#options.holder}/`);
    this.#renewedAt = this.#options.clock.monotonic();
    this.#unsubscribe = this.#options.store.events.subscribe(() => this.#latch.set());
    this.#loops = [
      this.#repeat('the queue', this.#stopping.signal, () => this.#work()),
      // To the very end: steps that are drained must not lose their leases meanwhile.
      this.#repeat('the leases', this.#giveUp.signal, () => this.#keepLeases()),
      this.#repeat('the finished ones', this.#stopping.signal, () => this.#prune()),
    ];
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async submit(tx: Tx, request: TaskRequest): Promise<string> {
    if (this.#unfinished >= this.#limits.maxUnfinished)
      throw fail('tasks.queue_full', {
        message: `${this.#unfinished} tasks are not finished yet; ${request.kind} was not submitted`,
        hint: 'Wait until some are done, or look at why they are not.',
      });
    return submitTask(this.#door, tx, request);
  }

  cancel(tx: Tx, id: string, reason: string): Promise<boolean> {
    return cancelTask(this.#door, tx, id, reason);
  }

  wake(tx: Tx, id: string, name: string, payload: unknown = null): Promise<boolean> {
    return wakeTask(this.#door, tx, { id, name, payload });
  }

  get(id: string): Promise<TaskDetail | undefined> {
    return getTask(this.#options, id);
  }

  list(query: TaskQuery): Promise<TaskRecord[]> {
    return listTasks(this.#options, query);
  }

  async finished(id: string, signal: AbortSignal): Promise<TaskDetail> {
    await this.#ends.ended(id, signal);
    const task = await this.get(id);
    if (task !== undefined) return task;
    throw fail('tasks.not_found', { message: `no task has the id ${id}`, hint: 'Look at the list of tasks.' });
  }

  /** Again and again until stop(). What it throws is the store's trouble: said, waited out, tried again. */
  async #repeat(what: string, until: AbortSignal, once: () => Promise<void>): Promise<void> {
    const { log, random } = this.#options;
    for (let failures = 0; !until.aborted; ) {
      try {
        await once();
        failures = 0;
      } catch (error) {
        if (until.aborted) return;
        failures += 1;
        log.error({ failures, err: error }, `${what} of tasks could not be read or written: ${messageOf(error)}`);
        await this.#sleep(backoffMs(failures, this.#limits.storeRetry, random.float()), until);
      }
    }
  }

  async #work(): Promise<void> {
    await this.#abortCancelled();
    for (let races = 0; this.#runs.size < this.#limits.workers && races < MAX_RACES && !this.#stopping.signal.aborted; ) {
      const taken = await this.#claim(this.#limits.workers - this.#runs.size);
      if (taken.length === 0) break;
      for (const one of taken) {
        if (one.status === 'fulfilled' && one.value !== 'raced') this.#begin(one.value);
        else races += 1;
      }
      for (const one of taken) if (one.status === 'rejected') throw one.reason;
    }
    await this.#latch.wait(await this.#nextLookMs());
  }

  #claim(most: number): Promise<PromiseSettledResult<Take>[]> {
    const { store, clock } = this.#options;
    const { owner, leaseTtlMs } = this.#keeper;
    const { maxResumes } = this.#limits;
    const isOurs = (id: string): boolean => this.#runs.has(id);
    return claimNext({ store, clock, catalogue: this.#catalogue, owner, leaseTtlMs, maxResumes, isOurs }, most);
  }

  #begin({ claim, steps, begun }: Claimed): void {
    this.#stuck.delete(claim.id);
    const done = runTask(this.#journal, claim, steps, begun)
      .then((end) => {
        if (end === 'stuck') this.#stuck.add(claim.id);
      })
      .catch((error: unknown) => this.#abandon(claim, error))
      .finally(() => {
        this.#runs.delete(claim.id);
        this.#latch.set();
      });
    this.#runs.set(claim.id, { claim, done });
  }

  /** Not written down as failed: either it is no longer ours, or we could not write. Whoever has it next goes on. */
  #abandon(claim: Claim, error: unknown): void {
    this.#stuck.add(claim.id);
    if (isLost(claim)) this.#options.log.warn({ task: claim.id }, messageOf(error));
    else this.#options.log.error({ task: claim.id, err: error }, `task put down, it is taken up again later: ${messageOf(error)}`);
  }

  /** A cancel may have been committed by anybody, here or on another appliance. */
  async #abortCancelled(): Promise<void> {
    if (this.#runs.size === 0) return;
    const rows = await this.#options.store.db
      .selectFrom('tasks')
      .select('id')
      .where('id', 'in', [...this.#runs.keys()])
      .where('cancel_requested', '=', 1)
      .execute();
    for (const { id } of rows)
      this.#runs
        .get(id)
        ?.claim.control.abort(
          fail('tasks.cancelled', { message: `task ${id} was cancelled`, hint: 'Stop, and leave things as they are.' }),
        );
  }

  /** Until the next waiting task is due, at most the poll. */
  async #nextLookMs(): Promise<number> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const row = await store.db
      .selectFrom('tasks')
      .select((eb) => [
        eb.fn.countAll<number>().as('unfinished'),
        eb.fn.min(eb.case().when('run_after', '>', now).then(eb.ref('run_after')).else(null).end()).as('due'),
      ])
      .where('state', 'in', ['queued', 'running', 'waiting'])
      .executeTakeFirst();
    this.#unfinished = Number(row?.unfinished ?? 0);
    const due = row?.due ?? null;
    return due === null ? this.#limits.pollMs : Math.min(this.#limits.pollMs, Math.max(1, Number(due) - now));
  }

  async #keepLeases(): Promise<void> {
    const { clock } = this.#options;
    // A third: two beats may fail before the lease is over.
    await this.#sleep(Math.floor(this.#limits.leaseTtlMs / 3), this.#giveUp.signal);
    if (this.#giveUp.signal.aborted) return;
    const began = clock.monotonic();
    const running = [...this.#runs.keys()];
    try {
      const ours = await renewLeases(this.#keeper, running);
      this.#renewedAt = began;
      for (const id of running) if (!ours.has(id)) this.#loseRun(id);
    } catch (error) {
      this.#loseAllIfTooLate();
      throw error;
    }
  }

  /** Nobody could tell us that a lease was taken over, so after its time we must not go on as if it were ours. */
  #loseAllIfTooLate(): void {
    if (this.#options.clock.monotonic() - this.#renewedAt < this.#limits.leaseTtlMs) return;
    for (const { claim } of this.#runs.values()) lose(claim, 'its lease could not be renewed in time');
  }

  #loseRun(id: string): void {
    const run = this.#runs.get(id);
    if (run !== undefined) lose(run.claim, 'another appliance has taken it over');
  }

  async #prune(): Promise<void> {
    const { clock, store } = this.#options;
    while ((await pruneFinished({ store }, clock.now() - this.#limits.keepFinishedMs)) > 0 && !this.#stopping.signal.aborted);
    await this.#sleep(PRUNE_EVERY_MS, this.#stopping.signal);
  }

  async #stop(): Promise<void> {
    const { store, log } = this.#options;
    const reason = fail('tasks.stopping', { message: 'Rackseed stops', hint: 'Stop now; the step is entered again at the next start.' });
    this.#stopping.abort(reason);
    this.#unsubscribe();
    this.#latch.set();
    await this.#settledWithin(this.#limits.drainMs);
    for (const { claim } of this.#runs.values()) claim.control.abort(reason);
    await this.#settledWithin(this.#limits.abortGraceMs * 2);
    this.#giveUp.abort(reason);
    await Promise.all(this.#loops);
    const keep = [...this.#stuck, ...this.#runs.keys()];
    try {
      await giveBack(this.#keeper, keep);
      await store.taskLogs.flush();
    } catch (error) {
      // The leases run out by themselves; the store says why it cannot be written.
      log.warn({ err: error }, `tasks were not handed back at stop: ${messageOf(error)}`);
    }
  }

  async #settledWithin(ms: number): Promise<void> {
    const over = new AbortController();
    const all = Promise.all([...this.#runs.values()].map((run) => run.done));
    await Promise.race([all, this.#sleep(ms, over.signal)]);
    over.abort();
  }

  /** Ends early, without an error, when the signal is aborted. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
