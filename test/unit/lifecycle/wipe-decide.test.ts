// What may be on the disks of a wipe plan beside what they held at the yes.

import { describe, expect, it } from 'vitest';
import { lenienceOf, reportLenienceOf, useBegun, useEnded, useFailed } from '../../../src/lifecycle/wipe-decide.ts';

const CLEAN = { key: 't:0', kind: 'clean' } as const;
const DEPLOY = { key: 't:1', kind: 'deploy' } as const;

describe('what is found on a disk beside what was agreed to', () => {
  it('is nothing that is let pass before the disk was written', () => expect(lenienceOf('approved', {}, 0)).toBe('none'));

  it('may be bytes that nobody recognises once the disk is erased, and anything once something was deployed', () => {
    const erased = useEnded({}, 'clean', { wrote: [0], count: 2 });
    expect([0, 1].map((at) => lenienceOf('approved', erased, at))).toEqual(['bytes', 'none']);
    expect(lenienceOf('standing', {}, 0)).toBe('bytes');
    const deployed = useEnded(erased, 'deploy', { wrote: [0], count: 2 });
    expect([0, 1].map((at) => lenienceOf('approved', deployed, at))).toEqual(['all', 'none']);
    expect(lenienceOf('standing', deployed, 1)).toBe('all');
  });

  it('is no longer ours whatever it is when all disks were erased anew', () => {
    const deployed = useEnded({}, 'deploy', { wrote: [0], count: 2 });
    expect(lenienceOf('standing', useEnded(deployed, 'clean', { wrote: [0, 1], count: 2 }), 0)).toBe('bytes');
    expect(lenienceOf('standing', useEnded(deployed, 'clean', { wrote: [0], count: 2 }), 0)).toBe('all');
    expect(lenienceOf('standing', useEnded(deployed, 'clean', { wrote: [], count: 2 }), 0)).toBe('all');
  });

  it('is half done while the agent has the step, also when the agent starts anew', () => {
    expect(lenienceOf('approved', useBegun({}, CLEAN), 0)).toBe('bytes');
    expect(lenienceOf('standing', useBegun({}, CLEAN), 0)).toBe('bytes');
    expect(lenienceOf('standing', useBegun({}, DEPLOY), 0)).toBe('all');
    expect(lenienceOf('standing', useEnded(useBegun({}, DEPLOY), 'deploy', { wrote: [], count: 1 }), 0)).toBe('bytes');
  });

  it('is in a report whatever a deployment under way has put there, also on a disk that it had not erased before', () => {
    expect(reportLenienceOf('approved', useBegun({}, DEPLOY), 0)).toBe('all');
    expect(lenienceOf('approved', useBegun({}, DEPLOY), 0)).toBe('bytes');
    expect(reportLenienceOf('approved', useBegun({}, CLEAN), 0)).toBe('bytes');
    expect(reportLenienceOf('approved', {}, 0)).toBe('none');
  });

  it('stays so when the step failed after it had begun, or nobody can say, and not when it did nothing', () => {
    expect(lenienceOf('approved', useFailed(useBegun({}, CLEAN), CLEAN, false), 0)).toBe('bytes');
    expect(lenienceOf('approved', useFailed(useBegun({}, CLEAN), CLEAN, undefined), 0)).toBe('bytes');
    expect(lenienceOf('approved', useFailed(useBegun({}, CLEAN), CLEAN, true), 0)).toBe('none');
    expect(lenienceOf('approved', useFailed({}, CLEAN, undefined), 0)).toBe('none');
    expect(lenienceOf('standing', useFailed(useBegun({}, DEPLOY), DEPLOY, false), 0)).toBe('all');
    expect(lenienceOf('standing', useFailed(useBegun({}, DEPLOY), DEPLOY, true), 0)).toBe('bytes');
    expect(lenienceOf('approved', useFailed({ begun: true }, CLEAN, true), 0)).toBe('bytes');
  });
});
