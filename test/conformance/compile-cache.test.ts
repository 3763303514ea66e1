// What was compiled is kept where nobody else can put code for us to run.

import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';

const ENTRY = new URL('../../src/main.ts', import.meta.url).pathname;

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-cache-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function printsVersion(env: Readonly<Record<string, string>>): Promise<void> {
  const ended = await runProgram(process.execPath, [ENTRY, '--version'], { env: { PATH: process.env.PATH, ...env } });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
}

describe('the compile cache', () => {
  it('is made in the user’s cache directory, for this user only', async () => {
    const home = await temporaryDirectory();
    await printsVersion({ HOME: home });
    const directory = join(home, '.cache/rackseed/compile');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readdir(directory)).not.toEqual([]);
  });

  it('is not used where others may write', async () => {
    const cache = await temporaryDirectory();
    const directory = join(cache, 'compile');
    await mkdir(directory);
    await chmod(directory, 0o777);
    await printsVersion({ RACKSEED_CACHE_DIR: cache });
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not used through a link that another may have laid', async () => {
    const [cache, elsewhere] = [await temporaryDirectory(), await temporaryDirectory()];
    await symlink(elsewhere, join(cache, 'compile'));
    await printsVersion({ RACKSEED_CACHE_DIR: cache });
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('is done without where it cannot be made', async () => {
    await printsVersion({ HOME: '/proc/nowhere' });
  });
});
