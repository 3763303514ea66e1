// One after the other, in the order they came.

import { fail } from '../errors.ts';

const QUEUE_LIMIT = 10_000;

interface Waiting {
  readonly enter: () => void;
  readonly refuse: (reason: Error) => void;
}

export class Turns {
  #isTaken = false;
  #isClosed = false;
  readonly #waiting: Waiting[] = [];

  /** Resolves with the way to end the turn; ending it twice does nothing. */
  async take(): Promise<() => void> {
    if (this.#isClosed) throw fail('store.closed', { message: 'the store is closed' });
    if (this.#waiting.length >= QUEUE_LIMIT)
      throw fail('store.busy', { message: `${QUEUE_LIMIT} transactions are waiting already`, hint: 'look for what floods the store' });
    if (this.#isTaken) await new Promise<void>((enter, refuse) => this.#waiting.push({ enter, refuse }));
    this.#isTaken = true;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#next();
    };
  }

  /** After this nothing begins; what waits is refused. */
  close(): void {
    this.#isClosed = true;
    for (const { refuse } of this.#waiting.splice(0))
      refuse(fail('store.closed', { message: 'the store was closed before the transaction began' }));
  }

  /** The turn passes on without being free in between, so that nobody can slip in before the one that waits. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next.enter();
  }
}
