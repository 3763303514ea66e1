// Task ids: UUID version 7 (RFC 9562 §5.7). They sort by time of submission, also within one millisecond of one process, which
// is what makes "first in, first out" hold for tasks submitted together.

import type { Clock, Random } from '../lib/index.ts';

const COUNTER_LIMIT = 0x1000;

export function createTaskIds(clock: Clock, random: Random): () => string {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const now = clock.now();
    if (now > lastMs) {
      lastMs = now;
      counter = 0;
    } else if (++counter === COUNTER_LIMIT) {
      // Out of numbers within the millisecond (or the clock went back): borrow the next one rather than lose the order.
      lastMs += 1;
      counter = 0;
    }
    return format(lastMs, counter, random.bytes(8));
  };
}

/** 48 bits of time, 12 bits of counter, 62 random bits. */
function format(ms: number, counter: number, tail: Buffer): string {
  const time = ms.toString(16).padStart(12, '0');
  const rest = Buffer.from(tail);
  rest.writeUInt8((rest.readUInt8(0) & 0x3f) | 0x80, 0);
  const hex = rest.toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${hex.slice(0, 4)}-${hex.slice(4)}`;
}
