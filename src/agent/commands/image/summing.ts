// The checksum of a stream, in a thread of its own: beside the network and the disk it costs no time of theirs. The thread's text is here,
// because the agent is one file. Knows nothing of images.

import { Worker } from 'node:worker_threads';
import { Type } from 'typebox';
import { Check } from 'typebox/value';

export interface Summing {
  /** Bytes of the memory that was shared; they stay as they are until it resolves. */
  readonly update: (bytes: Buffer) => Promise<void>;
  /** So many zeroes, that nobody has to hold. */
  readonly zeroes: (count: number) => void;
  /** In order with the bytes. */
  readonly text: (text: string) => void;
  /** Hex. */
  readonly digest: () => Promise<string>;
  readonly close: () => Promise<void>;
}

type Order = readonly [offset: number, length: number] | readonly [zeroes: number] | readonly [] | string;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const AnswerSchema = Type.String({ pattern: '^[0-9a-f]{32,128}$' });

export function createSumming(algorithm: string, memory: SharedArrayBuffer): Summing {
  const worker = new Worker(PROGRAM, { eval: true, workerData: { algorithm, memory } });
  // It answers in the order in which it is asked.
  const waiting: Waiting[] = [];
  let failure: unknown;
  const fails = (error: unknown): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (answer: unknown) => waiting.shift()?.resolve(answer));
  worker.once('error', fails);
  worker.once('exit', (code) => fails(new Error(`the thread that sums up ended with code ${code}`)));
  const ask = (order: Order): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (failure === undefined) {
        waiting.push({ resolve, reject });
        worker.postMessage(order);
      } else reject(failure instanceof Error ? failure : new Error('the thread that sums up ended'));
    });
  return {
    update: async ({ byteOffset, length }) => void (await ask([byteOffset, length])),
    zeroes: (count) => void ask([count]).catch(() => undefined), // what ended the thread is told to whoever asks for the sum
    text: (text) => void ask(text).catch(() => undefined), // likewise
    digest: async () => {
      const sum = await ask([]);
      if (Check(AnswerSchema, sum)) return sum;
      throw new Error('the thread that sums up answered in another form');
    },
    close: async () => void (await worker.terminate()),
  };
}

const PROGRAM = `
const { parentPort, workerData: { algorithm, memory } } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const hash = createHash(algorithm);
const zeroes = Buffer.alloc(65536);
parentPort.on('message', (order) => {
  if (typeof order === 'string') {
    hash.update(order);
    return void parentPort.postMessage(null);
  }
  if (order.length === 0) return void parentPort.postMessage(hash.digest('hex'));
  if (order.length === 2) hash.update(Buffer.from(memory, order[0], order[1]));
  else for (let left = order[0]; left > 0; left -= zeroes.length) hash.update(left < zeroes.length ? zeroes.subarray(0, left) : zeroes);
  parentPort.postMessage(null);
});
`;
