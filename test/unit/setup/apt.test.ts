// Installing a server's package must start no server on this machine.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/lib/index.ts';
import { withoutServices } from '../../../src/setup/apt.ts';

const folder = mkdtempSync(join(tmpdir(), 'rackseed-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));
const policy = join(folder, 'policy-rc.d');
const there = (): boolean => statSync(policy, { throwIfNoEntry: false }) !== undefined;

describe('while packages are installed', () => {
  it('no service may be started, and afterwards nothing of ours is left, also after a failure', async () => {
    const asked = await withoutServices(policy, async () => (await runProgram(policy, ['tftpd-hpa', 'start'])).code === 101);
    expect([asked, there()]).toEqual([true, false]);
    await expect(withoutServices(policy, () => Promise.reject(new Error('apt-get is gone')))).rejects.toThrow('apt-get is gone');
    expect(there()).toBe(false);
  });

  it('what a killed run left behind is taken over and removed', async () => {
    let left = '';
    await withoutServices(policy, async () => {
      left = readFileSync(policy, 'utf8');
      return true;
    });
    writeFileSync(policy, left);
    await withoutServices(policy, () => Promise.resolve(true));
    expect(there()).toBe(false);
  });

  it("somebody else's policy stays as it is", async () => {
    writeFileSync(policy, '#!/bin/sh\nexit 0\n');
    await withoutServices(policy, () => Promise.resolve(true));
    expect(readFileSync(policy, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });
});
