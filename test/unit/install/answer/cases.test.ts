import { describe, expect, it } from 'vitest';
import { INSTALLERS, isAtLeast } from '../../../../src/install/answer/releases.ts';
import { answerRules } from '../../../../src/install/answer/rules.ts';
import { SCHEMA } from '../../../../src/install/answer/schema.ts';
import type { AnswerFault, AnswerTarget } from '../../../../src/install/seam.ts';
import { type AnswerCase, RELEASES, textOf } from '../../../fixtures/answers/case.ts';
import { ANSWER_CASES } from '../../../fixtures/answers/index.ts';

function targetsOf(one: AnswerCase): AnswerTarget[] {
  const bootMode = one.bootMode ?? null;
  if (one.product !== undefined) return (one.releases ?? []).map((release) => ({ product: one.product ?? 'pve', release, bootMode }));
  return RELEASES.filter((release) => isAtLeast(release, one.from ?? '0') && isAtLeast(one.until ?? '99', release)).map((release) => ({
    product: 'pve',
    release,
    bootMode,
  }));
}

const isOld = ({ product, release }: AnswerTarget): boolean => !isAtLeast(INSTALLERS[product][release] ?? '0', '8.4.0');

interface Checked {
  readonly target: AnswerTarget;
  readonly text: string;
  readonly faults: readonly AnswerFault[];
}

const checked = (one: AnswerCase): Checked[] =>
  targetsOf(one).map((target) => {
    const text = textOf(one, isOld(target));
    return { target, text, faults: answerRules.check(text, target).faults };
  });

/** Each is read once. */
const ALL: ReadonlyMap<AnswerCase, readonly Checked[]> = new Map(ANSWER_CASES.map((one) => [one, checked(one)]));

function complaint({ expect: wanted }: AnswerCase, { target, text, faults }: Checked): string[] {
  const errors = faults.filter(({ severity }) => severity === 'error');
  const where = `for ${target.product} ${target.release}:\n${text}\n${JSON.stringify(faults, null, 1)}`;
  if (wanted.verdict === 'refused') return errors.some(({ key }) => key === wanted.at) ? [] : [`is not refused at ${wanted.at} ${where}`];
  if (errors.length > 0) return [`is refused ${where}`];
  const { warns } = wanted;
  return warns === undefined || faults.some(({ key }) => key === warns) ? [] : [`has no warning at ${warns} ${where}`];
}

describe('the cases of answer files', () => {
  it('are more than 300, each with its own name', () => {
    expect(ANSWER_CASES.length).toBeGreaterThan(300);
    const names = ANSWER_CASES.map(({ name, expect: { verdict: way }, from, until }) => [name, way, from, until].join('|'));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each([...ALL].map(([one, runs]) => [`${one.expect.verdict}: ${one.name}`, one, runs] as const))('%s', (_, one, runs) => {
    expect(runs).not.toEqual([]);
    expect(runs.flatMap((run) => complaint(one, run))).toEqual([]);
  });

  it('say of each fault what and how to put it right', () => {
    const faults = [...ALL.values()].flat().flatMap((run) => run.faults);
    expect(faults.length).toBeGreaterThan(1000);
    expect(faults.filter(({ message, fix, line }) => message.length < 5 || fix.length < 5 || line === 0)).toEqual([]);
  });

  it('say the line of a key that is there', () => {
    const wrong = [...ALL.values()].flat().flatMap(({ text, faults }) => {
      const lines = text.split('\n');
      const sectionAt = (line: number): string => flat(lines[line - 1] ?? '').split('.')[0] ?? '';
      return faults.filter(({ key, line }) => key !== '' && line !== null && !sectionAt(line).startsWith(flat(key.split('.')[0] ?? '')));
    });
    expect(wrong).toEqual([]);
  });
});

const flat = (text: string): string => text.replaceAll('_', '-');

describe('the schema of answer files', () => {
  const accepts = ANSWER_CASES.filter(({ expect: { verdict: way } }) => way === 'taken');
  const keysOf = (one: AnswerCase): string[] =>
    textOf(one, false)
      .split('\n')
      .map((line) => flat(line.split(' = ')[0] ?? ''));

  it.each(SCHEMA.map(({ key }) => key))('has a case that takes %s, and one that refuses it', (key) => {
    expect(accepts.some((one) => keysOf(one).some((written) => written === key || written.startsWith(`${key}.`)))).toBe(true);
    expect(ANSWER_CASES.some(({ expect: way }) => way.verdict === 'refused' && way.at === key)).toBe(true);
  });

  it('has every key below a section that it has too', () => {
    const keys = SCHEMA.map(({ key }) => key);
    expect(keys.filter((key) => key.includes('.') && !keys.includes(key.split('.').slice(0, -1).join('.')))).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
