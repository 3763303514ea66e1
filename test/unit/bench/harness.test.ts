// The arithmetic and the order of the bench harness, with measures that return what the test says.

import { describe, expect, it } from 'vitest';
import { type Bench, median, noiseNotes, ratioOf, runBench, spread } from '../../../bench/harness.ts';

function benchOf(order: string[], more: Partial<Bench> = {}): Bench {
  const lane = (name: string, figures: number[]) => async () => {
    order.push(name);
    return figures.shift() ?? Number.NaN;
  };
  return {
    name: 'sample',
    unit: 'ms',
    larger: false,
    rounds: 3,
    ours: { read: lane('ours', [2, 1, 9]) },
    peers: { other: { read: lane('other', [4, 8, 6]) } },
    ...more,
  };
}

describe('a bench', () => {
  it('takes turns and changes the order every round', async () => {
    const order: string[] = [];
    await runBench(benchOf(order), () => undefined);
    expect(order).toEqual(['ours', 'other', 'other', 'ours', 'ours', 'other']);
  });

  it('reports medians and a ratio that is larger when we are better, as one line of JSON at the end', async () => {
    const lines: string[] = [];
    const report = await runBench(benchOf([]), (line) => lines.push(line));
    expect(report).toEqual({ name: 'sample', unit: 'ms', ours: { read: 2 }, peers: { other: { read: 6 } }, ratio: { 'read/other': 3 } });
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual(report);
  });

  it('says whether a promised figure was kept', async () => {
    const lines: string[] = [];
    const promises = [
      { case: 'read', limit: 2 },
      { case: 'read', limit: 1 },
    ];
    await runBench(benchOf([], { promises }), (line) => lines.push(line));
    expect(lines.filter((line) => line.includes('promised')).map((line) => line.trim())).toEqual([
      'promised for read: at most 2; kept with 2',
      'promised for read: at most 1; NOT KEPT with 2',
    ]);
  });

  it('tears down after a failed round, and lets the failure through', async () => {
    let isTornDown = false;
    const bench = benchOf([], {
      ours: { read: () => Promise.reject(new Error('disk full')) },
      teardown: async () => {
        isTornDown = true;
      },
    });
    await expect(runBench(bench, () => undefined)).rejects.toThrow('disk full');
    expect(isTornDown).toBe(true);
  });

  it('ends between measures when interrupted', async () => {
    const order: string[] = [];
    const interrupt = new AbortController();
    interrupt.abort(new Error('interrupted'));
    await expect(runBench(benchOf(order), () => undefined, interrupt.signal)).rejects.toThrow('interrupted');
    expect(order).toEqual([]);
  });
});

describe('figures', () => {
  it('have a median for odd and even rounds, and none for no rounds', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  it('have a spread relative to the median', () => {
    expect(spread([90, 100, 110])).toBeCloseTo(0.2);
    expect(spread([0, 0])).toBe(0);
  });

  it('compare so that larger is better for us', () => {
    expect(ratioOf(200, 100, true)).toBe(2);
    expect(ratioOf(200, 100, false)).toBe(0.5);
  });
});

describe('a noisy machine', () => {
  const quiet = { load: 0.2, cores: 2, steal: 0 };
  it('is named with its reasons', () => {
    expect(noiseNotes(quiet, { lane: 'ours read', spread: 0.1 })).toEqual([]);
    expect(noiseNotes({ load: 1.9, cores: 2, steal: 0.05 }, { lane: 'ours read', spread: 0.5 })).toEqual([
      'load 1.90 on 2 cores before the first round',
      '5.0 % of the CPU time stolen by the hypervisor',
      'rounds of ours read spread over 50 % of their median',
    ]);
  });
});
