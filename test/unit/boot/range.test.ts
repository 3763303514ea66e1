import { describe, expect, it } from 'vitest';
import { parseRange } from '../../../src/boot/range.ts';

describe('a Range header', () => {
  it.each([
    ['bytes=0-0', { kind: 'part', start: 0, end: 0 }],
    ['bytes=10-', { kind: 'part', start: 10, end: 99 }],
    ['bytes=-10', { kind: 'part', start: 90, end: 99 }],
    ['bytes=-1000', { kind: 'part', start: 0, end: 99 }],
    ['bytes=90-1000', { kind: 'part', start: 90, end: 99 }],
  ])('%s names a part', (header, expected) => expect(parseRange(header, 100)).toEqual(expected));

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('%s is beyond the end', (header) =>
    expect(parseRange(header, 100)).toEqual({ kind: 'unsatisfiable' }),
  );

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=x-y', `bytes=${'9'.repeat(40)}-`])(
    '%s means everything',
    (header) => expect(parseRange(header, 100)).toEqual({ kind: 'all' }),
  );
});
