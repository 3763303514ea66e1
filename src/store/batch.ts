// Many small writes that nobody waits for, made few: by time or by number, in order, bounded. What was not written because
// the store failed stays and is tried again; at the cap the oldest goes, and is counted.

import { assert, type Clock, type Log, messageOf } from '../lib/index.ts';
import { isInsideTransaction } from './transaction.ts';

export interface BatchOptions<T> {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs: number;
  /** At most so many in one transaction, which is also when a flush begins before its time. */
  readonly size: number;
  /** At most so many wait. */
  readonly capacity: number;
  readonly write: (items: readonly T[], dropped: number) => Promise<void>;
}

export class Batch<T> {
  readonly #options: BatchOptions<T>;
  readonly #stop = new AbortController();
  #items: T[] = [];
  #dropped = 0;
  #timer: AbortController | undefined;
  #writing: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: BatchOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    if (this.#stop.signal.aborted) return;
    if (this.#items.length >= this.#options.capacity) {
      this.#items.shift();
      this.#dropped += 1;
    }
    this.#items.push(item);
    if (this.#items.length >= this.#options.size && !this.#isFailing) this.#inBackground(this.#drain());
    else this.#schedule();
  }

  /** Resolves when everything added before is on disk; rejects when it could not be written (it is kept and tried again). */
  async flush(): Promise<void> {
    assert(!isInsideTransaction(), 'a flush inside a transaction would wait for its end for ever');
    while (this.#items.length > 0 || this.#writing !== undefined) await this.#drain();
  }

  /** Writes what is left; nothing is taken after. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#stop.abort();
      this.#timer?.abort();
      this.#items = [];
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    const timer = new AbortController();
    this.#timer = timer;
    this.#options.clock.sleep(this.#options.everyMs, timer.signal).then(
      () => {
        if (this.#timer === timer) this.#timer = undefined;
        this.#inBackground(this.#drain());
      },
      () => undefined, // aborted because a flush came first
    );
  }

  /** One pass over all that waits. Callers share the pass that is under way. */
  #drain(): Promise<void> {
    this.#writing ??= this.#pass().finally(() => {
      this.#writing = undefined;
      if (this.#items.length > 0 && !this.#stop.signal.aborted) this.#schedule();
    });
    return this.#writing;
  }

  async #pass(): Promise<void> {
    this.#timer?.abort();
    this.#timer = undefined;
    while (this.#items.length > 0) {
      const items = this.#items.splice(0, this.#options.size);
      const dropped = this.#dropped;
      this.#dropped = 0;
      try {
        await this.#options.write(items, dropped);
        this.#isFailing = false;
      } catch (thrown) {
        this.#isFailing = true;
        this.#putBack(items, dropped);
        throw thrown;
      }
    }
  }

  #putBack(items: T[], dropped: number): void {
    const all = [...items, ...this.#items];
    const excess = Math.max(0, all.length - this.#options.capacity);
    this.#items = all.slice(excess);
    this.#dropped += dropped + excess;
  }

  #inBackground(pass: Promise<void>): void {
    pass.catch((thrown: unknown) => {
      this.#options.log.error({ err: thrown, waiting: this.#items.length }, `${this.#options.name} not written yet: ${messageOf(thrown)}`);
    });
  }
}
