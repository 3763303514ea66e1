// A value that must not be seen. Every way of printing it gives `***`; only reveal() gives the text.

import { timingSafeEqual } from 'node:crypto';

const MASK = '***';

export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself: call it only where the secret leaves for its one purpose. */
  reveal(): string {
    return this.#text;
  }

  /** Compares in constant time for equal lengths. */
  equals(other: string): boolean {
    const ours = Buffer.from(this.#text);
    const theirs = Buffer.from(other);
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}
