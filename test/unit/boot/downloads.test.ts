import { describe, expect, it } from 'vitest';
import { createDownloads } from '../../../src/boot/http/downloads.ts';

const LIMITS = { maxRows: 3, keepMs: 60_000 };
const what = (peer: string, isWhole = true) => ({ peer, file: 'initrd', total: 1000, isWhole });

describe('the table of downloads', () => {
  it('has a row for each machine and file, with what was sent and how fast', () => {
    const downloads = createDownloads(LIMITS);
    const progress = downloads.begin(what('10.0.0.1'), 1000);
    progress.add(500, 2000);
    const row = { peer: '10.0.0.1', file: 'initrd', total: 1000, startedAt: 1000 };
    expect(downloads.list(2000)).toEqual([{ ...row, sent: 500, updatedAt: 2000, bytesPerSecond: 500, state: 'sending' }]);
    progress.add(500, 3000);
    progress.end(true, 3000);
    expect(downloads.list(9000)).toEqual([{ ...row, sent: 1000, updatedAt: 3000, bytesPerSecond: 500, state: 'done' }]);
  });

  it('adds the ranges of one file up, and begins anew for the whole file', () => {
    const downloads = createDownloads(LIMITS);
    for (const at of [1000, 2000]) {
      const progress = downloads.begin(what('10.0.0.1', false), at);
      progress.add(100, at);
      progress.end(true, at);
    }
    expect(downloads.list(2000)).toMatchObject([{ sent: 200, startedAt: 1000, state: 'parts' }]);
    downloads.begin(what('10.0.0.1'), 3000).end(false, 3000);
    expect(downloads.list(3000)).toMatchObject([{ sent: 0, startedAt: 3000, state: 'stopped' }]);
  });

  it('forgets what ended a while ago, and at its cap what ended first, but never what goes on', () => {
    const downloads = createDownloads(LIMITS);
    downloads.begin(what('a'), 1000);
    downloads.begin(what('b'), 1000).end(true, 3000);
    downloads.begin(what('c'), 1000).end(true, 2000);
    downloads.begin(what('d'), 4000).end(true, 4000);
    expect(downloads.list(4000).map(({ peer }) => peer)).toEqual(['a', 'b', 'd']);
    expect(downloads.list(63_500).map(({ peer }) => peer)).toEqual(['a', 'd']);
  });
});
