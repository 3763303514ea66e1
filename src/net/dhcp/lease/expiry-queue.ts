// What ends when, the earliest first: a heap with entries that are checked when they come up, since a lease is extended far more often
// than it ends. Pure; knows no clock.

interface Entry<Key> {
  readonly key: Key;
  readonly at: number;
}

const MIN_ROOM = 1024;

export class ExpiryQueue<Key> {
  /** When the key ends by now; undefined when it is no longer of interest. An entry that says otherwise is an old one. */
  readonly #endOf: (key: Key) => number | undefined;
  #heap: Entry<Key>[] = [];
  #room = MIN_ROOM;

  constructor(endOf: (key: Key) => number | undefined) {
    this.#endOf = endOf;
  }

  /** Entries held, old ones with them: at most twice the valid ones, plus a constant. */
  get size(): number {
    return this.#heap.length;
  }

  /** To be told of each change. */
  put(key: Key, at: number): void {
    if (this.#heap.length >= this.#room) this.#tidy();
    this.#heap.push({ key, at });
    this.#rise(this.#heap.length - 1);
  }

  first(): Readonly<Entry<Key>> | undefined {
    for (;;) {
      const head = this.#heap[0];
      if (head === undefined || this.#endOf(head.key) === head.at) return head;
      this.drop();
    }
  }

  /** Takes the first away, whatever it is. */
  drop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #tidy(): void {
    const seen = new Set<Key>();
    const valid = this.#heap.filter(({ key, at }) => this.#endOf(key) === at && !seen.has(key) && seen.add(key));
    this.#heap = valid.sort((a, b) => a.at - b.at); // a sorted list is a heap
    this.#room = Math.max(MIN_ROOM, this.#heap.length * 2);
  }

  #rise(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= this.#at(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(start: number): void {
    let at = start;
    for (;;) {
      const left = at * 2 + 1;
      const least = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(at) <= this.#at(least)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
