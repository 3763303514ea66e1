// What has drifted, and when that is news.

import { expect, it } from 'vitest';
import { driftOf, newsOf } from '../../../src/pipeline/drift-decide.ts';
import type { Planned } from '../../../src/pipeline/plan-decide.ts';

const planned = (id: string, is: Planned['is'], ...words: string[]): Planned => ({ id, title: id, is, words, hint: null });
const well = planned('ntp', 'satisfied', 'so it is');
const off = planned('hosts', 'needed', 'write it');
const dark = planned('dns', 'unknown', 'it does not answer');

it('is what would be done or can not be; what could not be looked at is neither', () => {
  expect(driftOf([well, planned('zfs', 'not-asked', 'no')])).toMatchObject({ is: 'none', steps: [] });
  expect(driftOf([well, off, dark])).toMatchObject({
    is: 'drift',
    steps: [{ id: 'hosts', words: ['write it'] }],
    words: 'hosts: write it',
  });
  expect(driftOf([well, dark])).toMatchObject({ is: 'unknown', words: 'dns: it does not answer' });
});

it('is told when it is another one, or gone; silence of the machine is no news', () => {
  expect(newsOf(driftOf([off]), null)).toEqual({ type: 'pipeline.drift', told: 'hosts' });
  expect(newsOf(driftOf([off]), 'hosts')).toBeNull();
  expect(newsOf(driftOf([off, planned('ntp', 'impossible', 'no')]), 'hosts')).toEqual({ type: 'pipeline.drift', told: 'hosts ntp' });
  expect(newsOf(driftOf([dark]), 'hosts')).toBeNull();
  expect(newsOf(driftOf([well]), 'hosts')).toEqual({ type: 'pipeline.in_place', told: null });
  expect(newsOf(driftOf([well]), null)).toBeNull();
});
