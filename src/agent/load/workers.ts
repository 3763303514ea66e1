// Work for every processor and for memory, in threads of their own, so that heartbeats go on beside it. A thread is a program of its own with
// a clock of its own: its text is here, because the agent is one file.

import { Worker } from 'node:worker_threads';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';

export interface Job {
  readonly kind: 'cpu' | 'bandwidth' | 'pattern';
  readonly milliseconds: number;
  /** Of memory, for this thread. */
  readonly bytes: number;
}

const ResultSchema = Type.Object({
  /** Rounds of the processor, or bytes that went through memory. */
  work: Type.Number(),
  milliseconds: Type.Number(),
  faults: Type.Array(Type.String(), { maxItems: 16 }),
});
export type Result = Static<typeof ResultSchema>;

/** Rejects when the thread dies, as it does without the memory that it was told to take, and with the signal. */
export function runJob(job: Job, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: job });
    const stop = (): void => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    worker.once('message', (value: unknown) => {
      if (Check(ResultSchema, value)) resolve(value);
      else reject(new Error('a thread answered in another form'));
    });
    worker.once('error', reject);
    worker.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      // Too late where it has answered.
      reject(signal.aborted ? signal.reason : new Error(`a thread ended with code ${code} before its work was done`));
    });
  });
}

/** cpu: rounds of an integer mixer, whose end is the same on every good processor. pattern: each word is written and read back four ways. */
const PROGRAM = `
const { parentPort, workerData: { kind, milliseconds, bytes } } = require('node:worker_threads');
const begun = performance.now();
const faults = [];
const fault = (text) => { if (faults.length < 16) faults.push(text); };
const isOver = () => performance.now() - begun >= milliseconds;
let work = 0;
if (kind === 'cpu') {
  const round = () => {
    let a = 0x9e3779b9 | 0;
    let f = 1.5;
    for (let i = 0; i < 100000; i += 1) {
      a = Math.imul(a ^ (a >>> 15), 0x85ebca6b | 1);
      a ^= a >>> 13;
      f = f * 1.0000001 + (a & 1023) / 1048576;
    }
    return a + ':' + f;
  };
  const expected = round();
  do {
    if (round() !== expected) fault('a processor computed something else than before');
    work += 1;
  } while (!isOver());
} else {
  const CHUNK = 64 * 1024 * 1024;
  const chunks = [];
  for (let left = bytes; left > 0; left -= CHUNK) chunks.push(new Uint32Array(Math.min(CHUNK, left) >>> 2).fill(1));
  if (kind === 'bandwidth') {
    do {
      for (const [at, chunk] of chunks.entries()) {
        const other = chunks[(at + 1) % chunks.length];
        chunk.set(other.length > chunk.length ? other.subarray(0, chunk.length) : other);
        work += 2 * Math.min(chunk.byteLength, other.byteLength);
        if (isOver()) break;
      }
    } while (!isOver());
  } else {
    const PATTERNS = [0x00000000, 0xffffffff, 0x55555555, 0xaaaaaaaa];
    let round = 0;
    do {
      const pattern = PATTERNS[round % 4];
      round += 1;
      for (const chunk of chunks) for (let i = 0; i < chunk.length; i += 1) chunk[i] = (pattern ^ Math.imul(i, 0x9e3779b1)) >>> 0;
      for (const [at, chunk] of chunks.entries()) {
        for (let i = 0; i < chunk.length; i += 1) {
          const want = (pattern ^ Math.imul(i, 0x9e3779b1)) >>> 0;
          if (chunk[i] !== want) fault('memory: block ' + at + ', word ' + i + ' is ' + chunk[i].toString(16) + ', not ' + want.toString(16));
        }
        work += 2 * chunk.byteLength;
        if (isOver()) break;
      }
    } while (!isOver());
  }
}
parentPort.postMessage({ work, milliseconds: performance.now() - begun, faults });
`;
