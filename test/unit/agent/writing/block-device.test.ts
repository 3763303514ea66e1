import { expect, it } from 'vitest';
import { otherWhy } from '../../../../src/agent/writing/block-device.ts';

it('a disk that was opened is known by its size, and by the number that the kernel gave it when it came', () => {
  const found = { size: 1000, sequence: '7' };
  expect(otherWhy(found, { size: 1000, sequence: '7' })).toBeUndefined();
  expect(otherWhy(found, { size: 1000, sequence: '9' })).toContain('as disk 9');
  expect(otherWhy(found, { size: 1512, sequence: '7' })).toContain('1512 bytes');
});

it('a kernel that does not count its disks is no reason to refuse one', () => {
  expect(otherWhy({ size: 1000, sequence: '7' }, { size: 1000, sequence: null })).toBeUndefined();
  expect(otherWhy({ size: 1000 }, { size: 1000, sequence: '7' })).toBeUndefined();
});
