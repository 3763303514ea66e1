import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RANGES, parseRanges } from '../../../src/boot/http/range.ts';

const part = (...parts: readonly (readonly [number, number])[]) => ({
  kind: 'parts',
  parts: parts.map(([start, end]) => ({ start, end })),
});

describe('a Range header', () => {
  it.each([
    ['bytes=0-0', part([0, 0])],
    ['bytes=10-', part([10, 99])],
    ['bytes=-10', part([90, 99])],
    ['bytes=-1000', part([0, 99])],
    ['bytes=90-1000', part([90, 99])],
    ['Bytes= 5-6', part([5, 6])],
  ])('%s names a part', (header, expected) => expect(parseRanges(header, 100)).toEqual(expected));

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=100-,200-'])('%s is beyond the end', (header) =>
    expect(parseRanges(header, 100)).toEqual({ kind: 'refused', reason: 'beyond the end: the file has 100 bytes' }),
  );

  it.each([
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'lines=0-1',
    'bytes=x-y',
    `bytes=${'9'.repeat(40)}-`,
    'bytes=0-1,x',
    'bytes=0-1,,4-5',
  ])('%s means everything', (header) => expect(parseRanges(header, 100)).toEqual({ kind: 'all' }));

  it('names several parts in the order asked for, without those beyond the end', () => {
    expect(parseRanges('bytes=5000-5001, 0-1, 9999-, -3', 6000)).toEqual(part([5000, 5001], [0, 1], [5997, 5999]));
  });

  it('joins parts that overlap, touch or lie so near that another header would cost more', () => {
    expect(parseRanges('bytes=50-60,0-10,5-20', 6000)).toEqual(part([0, 60]));
    expect(parseRanges('bytes=3000-3001,0-10,11-20', 6000)).toEqual(part([0, 20], [3000, 3001]));
  });

  it('of more parts than anybody needs is refused', () => {
    const many = (count: number) => `bytes=${Array.from({ length: count }, (_, index) => `${index * 1000}-${index * 1000}`).join(',')}`;
    expect(parseRanges(many(MAX_RANGES), 1_000_000)).toMatchObject({ kind: 'parts' });
    expect(parseRanges(many(MAX_RANGES + 1), 1_000_000)).toMatchObject({ kind: 'refused' });
    expect(parseRanges(many(100_000), 1_000_000)).toMatchObject({ kind: 'refused' });
  });

  it('never asks for bytes that are not there, nor for one twice, whatever it says', () => {
    const spec = fc.tuple(fc.option(fc.nat(200), { nil: '' }), fc.option(fc.nat(200), { nil: '' })).map(([from, to]) => `${from}-${to}`);
    const header = fc.oneof(
      fc.string(),
      fc.string().map((text) => `bytes=${text}`),
      fc.array(spec, { maxLength: 20 }).map((specs) => `bytes=${specs.join(',')}`),
    );
    fc.assert(
      fc.property(header, fc.nat(300), (text, size) => {
        const ranges = parseRanges(text, size);
        if (ranges.kind !== 'parts') return;
        const seen = new Set<number>();
        for (const { start, end } of ranges.parts) {
          expect(start >= 0 && start <= end && end < size).toBe(true);
          for (let byte = start; byte <= end; byte += 1) {
            expect(seen.has(byte)).toBe(false);
            seen.add(byte);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
