// What the set-up does about missing packages, for every kind of machine and company.

import { describe, expect, it } from 'vitest';
import { BUILD_PACKAGES } from '../../../images/index.ts';
import { DEBIAN_PACKAGES, type DebianPackage, NEED_GROUPS, packagesFor } from '../../../src/setup/debian-packages.ts';
import { areListsStale, decideInstall, isCiValue, listReasons, type Situation, sudoLine } from '../../../src/setup/decide.ts';

const zstd: DebianPackage = { groups: ['images'], package: 'zstd', probe: { command: 'zstd' }, why: 'to compress' };
const cpio: DebianPackage = { groups: ['images'], package: 'cpio', probe: { command: 'cpio' }, why: 'to pack' };

const root: Situation = { missing: [zstd, cpio], isRoot: true, hasApt: true, isCi: false, isAttended: false };

describe('installing Debian packages', () => {
  it('does nothing when nothing is missing, whoever asks', () => {
    expect(decideInstall({ ...root, missing: [], isRoot: false, hasApt: false })).toEqual({ do: 'nothing' });
  });

  it('asks a person at the terminal', () => {
    expect(decideInstall({ ...root, isAttended: true })).toEqual({ do: 'ask' });
  });

  it('never asks in CI, even with a terminal', () => {
    expect(decideInstall({ ...root, isAttended: true, isCi: true })).toEqual({ do: 'install' });
  });

  it('installs without asking when nobody is there', () => {
    expect(decideInstall(root)).toEqual({ do: 'install' });
  });

  it('gives an ordinary user the exact line to run', () => {
    const decision = decideInstall({ ...root, isRoot: false, isAttended: true });
    expect(decision).toEqual({
      do: 'leave-out',
      reason: 'only root may install Debian packages',
      next: 'sudo apt-get update && sudo apt-get install --no-install-recommends cpio zstd',
    });
  });

  it('does not name apt on a system without it', () => {
    const decision = decideInstall({ ...root, hasApt: false });
    expect(decision.do).toBe('leave-out');
    expect(JSON.stringify(decision)).toContain('cpio zstd');
    expect(JSON.stringify(decision)).not.toContain('sudo');
  });

  it('lists packages by name with the reason beside each', () => {
    expect(listReasons([zstd, cpio])).toEqual(['  cpio  to pack', '  zstd  to compress']);
    expect(sudoLine([zstd])).toMatch(/ zstd$/);
  });
});

describe('the table of Debian packages', () => {
  it('names each package once, with lower-case reasons that complete a sentence', () => {
    const names = DEBIAN_PACKAGES.map((row) => row.package);
    expect(new Set(names).size).toBe(names.length);
    for (const row of DEBIAN_PACKAGES) expect(row.why, row.package).toMatch(/^(to|as|for) [^.]+[^.]$/);
  });

  it('has rows for every need, and a need brings only its own rows', () => {
    for (const group of NEED_GROUPS) expect(packagesFor([group]).length).toBeGreaterThan(0);
    expect(packagesFor(['images']).map((row) => row.package)).not.toContain('postgresql');
    expect(packagesFor([])).toEqual([]);
  });

  it('has a row for everything that building the boot artefacts asks for', () => {
    const essential = ['apt', 'dpkg'];
    const rows = packagesFor(['images']).map((row) => row.package);
    expect(BUILD_PACKAGES.filter((name) => !essential.includes(name) && !rows.includes(name))).toEqual([]);
  });
});

describe('what the environment says', () => {
  it.each([
    [undefined, false],
    ['', false],
    ['0', false],
    ['FALSE', false],
    ['1', true],
    ['true', true],
    ['woodpecker', true],
  ])('CI=%s means CI: %s', (value, expected) => {
    expect(isCiValue(value)).toBe(expected);
  });

  it('fetches package lists that are missing or older than a day', () => {
    const now = Date.UTC(2026, 10, 21);
    const hour = 60 * 60 * 1000;
    expect(areListsStale(undefined, now)).toBe(true);
    expect(areListsStale(now - 25 * hour, now)).toBe(true);
    expect(areListsStale(now - 23 * hour, now)).toBe(false);
  });
});
