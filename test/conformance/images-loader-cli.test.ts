// `rackseed image loader` from outside: a file goes in, is listed with its origin, and comes out again.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunResult, runProgram } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'rackseed-loader-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function rackseed(...args: string[]): Promise<RunResult> {
  const env = { PATH: process.env.PATH, HOME: dataDir, RACKSEED_SERVER_DATA_DIR: dataDir };
  return runProgram(process.execPath, [MAIN, ...args], { env, timeoutMs: 60_000 });
}

describe('a boot loader of one’s own on the command line', { timeout: 120_000 }, () => {
  it('is added with its checksum and origin, listed, and removed', async () => {
    const path = join(dataDir, 'my-own.kpxe');
    await writeFile(path, Buffer.alloc(100_000, 0x90));
    const added = await rackseed('image', 'loader', 'add', path, '--as', 'undionly.kpxe', '-o', 'json');
    expect(added.code, added.stderr).toBe(0);
    const { sha256 } = JSON.parse(added.stdout) as { sha256: string };
    expect((await readFile(join(dataDir, 'loaders/content', sha256))).length).toBe(100_000);

    const listed = await rackseed('image', 'list', '-o', 'json');
    expect(JSON.parse(listed.stdout)).toEqual([
      expect.objectContaining({ name: 'undionly.kpxe', size: 100_000, sha256, origin: containing(`own: ${path}, added `) }),
    ]);
    expect(listed.stderr).toContain('rackseed image build');

    expect((await rackseed('image', 'loader', 'remove', 'undionly.kpxe')).code).toBe(0);
    expect(await rackseed('image', 'loader', 'remove', 'undionly.kpxe')).toMatchObject({
      code: 1,
      stderr: containing('no boot loader of your own'),
    });
  });

  it('is refused when it is none, and nothing is left of it', async () => {
    const path = join(dataDir, 'page.html');
    await writeFile(path, '<html>'.repeat(1000));
    const refused = await rackseed('image', 'loader', 'add', path, '--as', 'undionly.kpxe');
    expect(refused).toMatchObject({ code: 1, stderr: containing('is no boot program for BIOS') });
    expect(await rackseed('image', 'loader', 'add', join(dataDir, 'absent'), '--as', 'undionly.kpxe')).toMatchObject({
      code: 1,
      stderr: containing('ENOENT'),
    });
    expect(await rackseed('image', 'loader', 'remove', '../../etc/passwd')).toMatchObject({ code: 1 });
    await expect(readFile(join(dataDir, 'loaders/undionly.kpxe.json'))).rejects.toThrow('ENOENT');
  });
});
