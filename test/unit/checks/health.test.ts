// When the quick look at a report is news, and what it says.

import { expect, it } from 'vitest';
import { healthOf, isNews } from '../../../src/checks/health-decide.ts';

const disk = (level: string, text: string) => ({ id: 'disk-health', level, text });

it('is about parts that break, not about how the machine is set up', () => {
  expect(healthOf([{ id: 'clock', level: 'red', text: 'its clock is wrong' }])).toBeNull();
  expect(healthOf([disk('green', 'SSD: healthy'), { id: 'clock', level: 'red', text: 'wrong' }])).toMatchObject({ verdict: 'good' });
});

it('tells the worst first, and counts', () => {
  expect(healthOf([disk('yellow', 'a: worn'), disk('red', 'b: fails'), { id: 'thermal', level: 'green', text: 'cool' }])).toEqual({
    verdict: 'bad',
    message: 'b: fails; a: worn',
    figures: { parts_looked_at: 3, parts_bad: 1, parts_warning: 1 },
  });
});

it.each([
  ['a first look that finds nothing', 'good', '', null, false],
  ['a first look that finds something', 'warning', 'a', null, true],
  [
    'the same fault with more hours',
    'warning',
    'SSD S1: 5 sectors were replaced, 20 hours',
    ['warning', 'SSD S1: 4 sectors were replaced, 9 hours'],
    false,
  ],
  ['another fault', 'warning', 'SSD S1: 5 sectors cannot be read', ['warning', 'SSD S1: 5 sectors were replaced'], true],
  ['a fault that got worse', 'bad', 'SSD S1: 200 sectors were replaced', ['warning', 'SSD S1: 5 sectors were replaced'], true],
  ['a fault that has passed', 'good', '', ['warning', 'a'], true],
  ['that all is still well', 'good', 'b', ['good', 'a'], false],
] as const)('takes %s for news, or not', (_, verdict, message, last, news) => {
  expect(isNews({ verdict, message }, last === null ? null : { verdict: last[0], message: last[1] })).toBe(news);
});
