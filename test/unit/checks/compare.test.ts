import { describe, expect, it } from 'vitest';
import { median, slowFigures } from '../../../src/checks/compare-decide.ts';
import { verdictOf } from '../../../src/checks/measure-task.ts';

const others = [100, 104, 98, 101, 99].map((cpu_all) => ({ cpu_all }));

describe('a slow machine', () => {
  it('stands out among others of its kind', () => {
    expect(slowFigures({ cpu_all: 60 }, others)).toEqual(['cpu_all is 60, 40 % below the 100 of 5 machines of its kind']);
  });

  it('is none that is within what such machines differ by, or is faster', () => {
    expect(slowFigures({ cpu_all: 92 }, others)).toEqual([]);
    expect(slowFigures({ cpu_all: 400 }, others)).toEqual([]);
    expect(slowFigures({ cpu_all: 89 }, [{ cpu_all: 100 }, { cpu_all: 100 }, { cpu_all: 100 }])).toHaveLength(1);
    expect(slowFigures({ cpu_all: 91 }, [{ cpu_all: 100 }, { cpu_all: 100 }, { cpu_all: 100 }])).toEqual([]);
  });

  it('is not hidden by one that is broken altogether', () => {
    expect(slowFigures({ cpu_all: 60 }, [...others, { cpu_all: 1 }])).toHaveLength(1);
  });

  it('is hidden where machines of its kind differ that much', () => {
    expect(
      slowFigures(
        { cpu_all: 60 },
        [40, 70, 100, 130, 160].map((cpu_all) => ({ cpu_all })),
      ),
    ).toEqual([]);
  });

  it('cannot be told with fewer than three others, nor by a count', () => {
    expect(slowFigures({ cpu_all: 1 }, others.slice(0, 2))).toEqual([]);
    expect(
      slowFigures(
        { cpu_threads: 1 },
        Array.from({ length: 5 }, () => ({ cpu_threads: 8 })),
      ),
    ).toEqual([]);
  });
});

it('has the median of odd and even numbers of values', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7]), median([])]).toEqual([2, 2.5, 7, 0]);
});

it('is bad with faults, a warning where it is slow, and good otherwise', () => {
  const figures = { cpu_all: 1 };
  expect(verdictOf('burn-in', { figures, failures: [] }, [], 5)).toEqual({
    kind: 'burn-in',
    figures,
    startedAt: 5,
    verdict: 'good',
    message: 'it held out',
  });
  const many = Array.from({ length: 7 }, (_, at) => `fault ${at}`);
  expect(verdictOf('burn-in', { figures, failures: many }, [], 5)).toMatchObject({
    verdict: 'bad',
    message: 'fault 0; fault 1; fault 2; fault 3; fault 4; and 2 more',
  });
  expect(verdictOf('benchmark', { figures }, ['slow'], 5)).toMatchObject({ verdict: 'warning', message: 'slow' });
});
