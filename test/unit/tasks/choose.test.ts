import { describe, expect, it } from 'vitest';
import { type Candidate, chooseTasks, type QueueView } from '../../../src/tasks/choose.ts';

const candidate = (id: string, locks: readonly string[], more: Partial<Candidate> = {}): Candidate => ({
  id,
  kind: 'test',
  state: 'queued',
  fence: 0,
  locks,
  isBegun: false,
  ...more,
});
const view = (more: Partial<QueueView> = {}): QueueView => ({
  held: new Map(),
  begunByKind: new Map(),
  limitOf: () => Number.POSITIVE_INFINITY,
  isOurs: () => false,
  awaited: new Set(),
  taken: new Set(),
  ...more,
});
const ids = (chosen: readonly Candidate[]): string[] => chosen.map(({ id }) => id);

describe('several tasks chosen in one look', () => {
  it('are those at the front, as many as are wanted', () => {
    expect(ids(chooseTasks([candidate('a', ['node:1']), candidate('b', ['node:2']), candidate('c', ['node:3'])], view(), 2))).toEqual([
      'a',
      'b',
    ]);
  });

  it('never want the same lock, and none passes by one that waits for it', () => {
    const queue = [
      candidate('a', ['node:1']),
      candidate('b', ['node:1', 'node:2']),
      candidate('c', ['node:2']),
      candidate('d', ['node:3']),
    ];
    expect(ids(chooseTasks(queue, view(), 4))).toEqual(['a', 'd']);
  });

  it('are no more of a kind than may be begun, those begun before counted', () => {
    const queue = ['1', '2', '3'].map((n) => candidate(n, [`node:${n}`]));
    const resumed = candidate('r', ['node:r'], { isBegun: true, state: 'waiting' });
    const limited = view({ limitOf: () => 2, begunByKind: new Map([['test', 1]]) });
    expect(ids(chooseTasks([...queue, resumed], limited, 9))).toEqual(['1', 'r']);
  });
});
