// What the results of the stages add up to: the last line and the exit code are what CI and people read.

import { describe, expect, it } from 'vitest';
import { complaintOf, countsOf, parseWords, STAGES, type StageResult, summarise } from '../../../src/setup/stages.ts';

const ok = (stage: StageResult['stage'], passed: number, more: Partial<StageResult> = {}): StageResult => ({
  stage,
  ms: 1000,
  exitCode: 0,
  counts: { passed, failed: 0, skipped: 0 },
  ...more,
});
const lint: StageResult = { stage: 'lint', ms: 2000, exitCode: 0 };
const types: StageResult = { stage: 'types', ms: 3000, exitCode: 0 };

describe('the summary of npm test', () => {
  it('ends with the counts of all layers', () => {
    const { lines, exitCode } = summarise([lint, types, ok('unit', 100), ok('integration', 20), ok('e2e', 3)], true);
    expect(lines.at(-1)).toBe('123 passed, 0 failed');
    expect(exitCode).toBe(0);
  });

  it('counts a failing lint as a failure although no test failed', () => {
    const { lines, exitCode } = summarise([{ ...lint, exitCode: 1 }, ok('unit', 5)], false);
    expect(lines.at(-1)).toBe('5 passed, 1 failed');
    expect(exitCode).toBe(1);
  });

  it('counts failed tests once', () => {
    const { lines, exitCode } = summarise([ok('unit', 5, { exitCode: 1, counts: { passed: 5, failed: 2, skipped: 0 } })], false);
    expect(lines.at(-1)).toBe('5 passed, 2 failed');
    expect(exitCode).toBe(1);
  });

  it('mentions skipped tests, which only CI refuses', () => {
    const skipping = ok('unit', 5, { counts: { passed: 5, failed: 0, skipped: 1 } });
    expect(summarise([skipping], false)).toMatchObject({ exitCode: 0 });
    expect(summarise([skipping], false).lines.at(-1)).toBe('5 passed, 0 failed, 1 skipped');
    expect(summarise([skipping], true)).toMatchObject({ exitCode: 1 });
    expect(summarise([skipping], true).lines.at(-1)).toBe('5 passed, 1 failed, 1 skipped');
  });

  it('tells how long the quick stages took together, and only when all of them ran', () => {
    expect(summarise([lint, types, ok('unit', 1)], false).lines.join('\n')).toContain('lint + types + unit took 6.0 s; within the 60 s');
    expect(summarise([lint, types, ok('unit', 1, { ms: 60_000 })], false).lines.join('\n')).toContain('OVER the 60 s');
    expect(summarise([ok('unit', 1)], false).lines.join('\n')).not.toContain('lint + types');
  });
});

describe('the complaint about one stage', () => {
  it.each<[string, StageResult, boolean, string | undefined]>([
    ['a good layer', ok('unit', 1), true, undefined],
    ['a layer without a test, by hand', ok('e2e', 0), false, undefined],
    ['a layer without a test, in CI', ok('e2e', 0), true, 'e2e executed no test'],
    ['an error outside of any test', ok('unit', 3, { exitCode: 1 }), false, 'unit ended with code 1 outside of any test'],
    ['no report', { stage: 'unit', ms: 1, exitCode: 137 }, false, 'unit ended with code 137 and no report'],
    ['types', { ...types, exitCode: 2 }, false, 'types failed'],
  ])('%s', (_, result, isCi, expected) => {
    expect(complaintOf(result, isCi)).toBe(expected);
  });
});

describe('reading the report of vitest', () => {
  it('takes everything that neither passed nor failed for skipped', () => {
    expect(countsOf({ numTotalTests: 10, numPassedTests: 6, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 })).toEqual({
      passed: 6,
      failed: 1,
      skipped: 3,
    });
  });

  it.each([[null], [[]], [{ numTotalTests: '1' }], ['text']])('refuses %j', (report) => {
    expect(countsOf(report)).toBeUndefined();
  });
});

describe('the words after npm test', () => {
  it('choose stages, in their own order', () => {
    expect(parseWords(['unit', 'lint'])).toEqual({ stages: ['lint', 'unit'], rest: [] });
    expect(parseWords([])).toEqual({ stages: STAGES, rest: [] });
  });

  it('go to vitest from the first that is no stage', () => {
    expect(parseWords(['unit', 'test/unit/lint', 'unit'])).toEqual({ stages: ['unit'], rest: ['test/unit/lint', 'unit'] });
  });
});
