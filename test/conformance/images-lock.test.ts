// The build lock of the artefact cache, in one process and over two.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../images/lock.ts';
import { systemClock } from '../../src/lib/index.ts';

const LOCK = new URL('../../images/lock.ts', import.meta.url).href;
const LIB = new URL('../../src/lib/index.ts', import.meta.url).href;
const HOLDER = `
  import { withLock } from '${LOCK}';
  import { systemClock } from '${LIB}';
  await withLock({ cacheDir: process.argv[1], clock: systemClock, log: () => undefined }, async () => {
    process.stdout.write('held');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  });
`;

let cacheDir: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'rackseed-lock-'));
});

afterEach(() => rm(cacheDir, { recursive: true, force: true }));

describe('the build lock', { timeout: 60_000 }, () => {
  it('lets one builder in at a time', async () => {
    let inside = 0;
    let most = 0;
    const build = (): Promise<void> =>
      withLock({ cacheDir, clock: systemClock, log: () => undefined }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await systemClock.sleep(20);
        inside -= 1;
      });
    await Promise.all([build(), build(), build()]);
    expect([inside, most]).toEqual([0, 1]);
  });

  it('is free again after a build that failed', async () => {
    const options = { cacheDir, clock: systemClock, log: () => undefined };
    await expect(withLock(options, () => Promise.reject(new Error('no space')))).rejects.toThrow('no space');
    expect(await withLock(options, () => Promise.resolve('built'))).toBe('built');
  });

  it('is held against other processes, says so, and is free as soon as its holder is killed', async () => {
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', HOLDER, cacheDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve());
      holder.once('exit', (code) => reject(new Error(`the holder ended with code ${code}`)));
    });
    const waiting = Promise.withResolvers<string>();
    const built = withLock({ cacheDir, clock: systemClock, log: waiting.resolve }, () => Promise.resolve('built'));
    expect(await waiting.promise).toContain('another process is building');
    holder.kill('SIGKILL');
    expect(await built).toBe('built');
  });
});
