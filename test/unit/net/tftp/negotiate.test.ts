import { describe, expect, it } from 'vitest';
import { fitsFrame, negotiate } from '../../../../src/net/tftp/negotiate.ts';

const LIMITS = { maxBlockSize: 65_464, maxWindowSize: 64, maxWindowBytes: 1 << 20 };
const ask = (options: Record<string, string>, limits = LIMITS) => negotiate(new Map(Object.entries(options)), 1_000_000, limits);

describe('TFTP options', () => {
  it('unasked leave 512-byte blocks one by one, without an OACK', () => {
    expect(ask({})).toEqual({ size: 1_000_000, blockSize: 512, windowSize: 1, longestTimeoutMs: null, asksSize: false, granted: null });
  });

  it('are granted as asked', () => {
    const plan = ask({ blksize: '1468', windowsize: '16', timeout: '3', tsize: '0' });
    expect(plan).toMatchObject({ blockSize: 1468, windowSize: 16, longestTimeoutMs: 3000 });
    expect(Object.fromEntries(plan.granted ?? [])).toEqual({ blksize: '1468', windowsize: '16', timeout: '3', tsize: '1000000' });
  });

  it('are granted smaller than asked where we have a limit', () => {
    expect(ask({ blksize: '70000', windowsize: '65535' })).toMatchObject({ blockSize: 65_464, windowSize: 16 });
    expect(ask({ blksize: '9000', windowsize: '100' }, { ...LIMITS, maxBlockSize: 1468 })).toMatchObject({
      blockSize: 1468,
      windowSize: 64,
    });
  });

  it('do not tell the size of an empty file: curl takes 0 for an error', () => {
    expect(negotiate(new Map([['tsize', '0']]), 0, LIMITS)).toMatchObject({ granted: null, asksSize: true });
  });

  it.each([
    ['a block size below 8', { blksize: '7' }],
    ['a block size that is no number', { blksize: '0x200' }],
    ['a window of nothing', { windowsize: '0' }],
    ['a timeout beyond RFC 2349', { timeout: '256' }],
    ['an option nobody knows', { multicast: '' }],
    ['a number too long to be one', { blksize: '9'.repeat(400) }],
  ])('pass over %s', (_what, options) => {
    expect(ask(options)).toMatchObject({ blockSize: 512, windowSize: 1, longestTimeoutMs: null, granted: null });
  });
});

describe('a block that fills an Ethernet frame', () => {
  it.each([
    ['192.0.2.7', 1468],
    ['::ffff:192.0.2.7', 1468],
    ['2001:db8::7', 1448],
    ['fe80::7%eth0', 1448],
  ])('has, for a client at %s, %i bytes and not one more', (address, most) => {
    expect([fitsFrame(most, address), fitsFrame(most + 1, address)]).toEqual([true, false]);
  });
});
