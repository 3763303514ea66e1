// How the presence of a tool is seen, on real files in a temporary folder.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DebianPackage, Probe } from '../../../src/setup/debian-packages.ts';
import { hasCommand, missingOf } from '../../../src/setup/probe.ts';

const folder = mkdtempSync(join(tmpdir(), 'rackseed-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));

const row = (probe: Probe): DebianPackage => ({ groups: ['test'], package: 'x', probe, why: 'to test' });
const isMissing = (probe: Probe): boolean => missingOf([row(probe)], folder).length === 1;

describe('probing for a tool', () => {
  it('finds an executable in PATH', () => {
    writeFileSync(join(folder, 'rackseed-tool'), '#!/bin/sh\n');
    expect(isMissing({ command: 'rackseed-tool' })).toBe(true);
    chmodSync(join(folder, 'rackseed-tool'), 0o755);
    expect(isMissing({ command: 'rackseed-tool' })).toBe(false);
  });

  it('does not take a folder for a command', () => {
    mkdirSync(join(folder, 'rackseed-folder'));
    expect(isMissing({ command: 'rackseed-folder' })).toBe(true);
  });

  it('looks into sbin, which an ordinary user does not have in PATH', () => {
    expect(hasCommand('ldconfig', '')).toBe(true);
  });

  it('does not look into the current folder for an empty part of PATH', () => {
    expect(hasCommand('package.json', '::')).toBe(false);
  });

  it('finds a file by pattern and by name', () => {
    mkdirSync(join(folder, '15/bin'), { recursive: true });
    expect(isMissing({ file: join(folder, '*/bin/initdb') })).toBe(true);
    writeFileSync(join(folder, '15/bin/initdb'), '');
    expect(isMissing({ file: join(folder, '*/bin/initdb') })).toBe(false);
    expect(isMissing({ file: join(folder, '15/bin/initdb') })).toBe(false);
    expect(isMissing({ file: join(folder, '16/bin/initdb') })).toBe(true);
  });
});
