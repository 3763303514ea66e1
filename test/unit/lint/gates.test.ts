// The gates still catch what they are there for: every fault planted in test/fixtures is reported on its line by its rule, and sound code passes.
// The gates run with the project's own configuration; only the exclusion of test/fixtures is taken out of it.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const FIXTURES = join(ROOT, 'test/fixtures');

const folder = mkdtempSync(join(tmpdir(), 'rackseed-lint-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `line rule`, sorted, so that a difference reads well. */
type Findings = readonly string[];

/** Reads the expectations that stand in the fixture itself. */
function plantedIn(file: string): Findings {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((text, index) => {
    const rules = / \/\/ expect: (.+)$/.exec(text)?.[1]?.split(' ') ?? [];
    return rules.map((rule) => findingOf(index + 1, rule));
  });
}

function findingOf(line: number, rule: string): string {
  return `${String(line).padStart(3)} ${rule}`;
}

function run(command: string, words: readonly string[]): string {
  const { stdout, error } = spawnSync(join(ROOT, 'node_modules/.bin', command), words, { cwd: ROOT, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout;
}

interface OxlintReport {
  readonly diagnostics: readonly { readonly code: string; readonly labels: readonly { readonly span: { readonly line: number } }[] }[];
}

function oxlint(file: string): Findings {
  const config = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as Record<string, unknown>; // our own file
  const path = join(folder, 'oxlintrc.json');
  writeFileSync(path, JSON.stringify({ ...config, ignorePatterns: [] }));
  const report = JSON.parse(run('oxlint', ['-c', path, '--type-aware', '--format', 'json', file])) as OxlintReport; // its documented form
  return report.diagnostics.map(({ code, labels }) => findingOf(labels[0]?.span.line ?? 0, code)).toSorted();
}

interface BiomeReport {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly start: { readonly line: number } } }[];
}

function biome(file: string): Findings {
  const {
    vcs: _vcs,
    files: _files,
    $schema: _schema,
    ...config
  } = JSON.parse(readFileSync(join(ROOT, '.biome.json'), 'utf8')) as Record<string, unknown>; // our own file
  writeFileSync(join(folder, 'biome.json'), JSON.stringify(config));
  const copy = join(folder, 'planted.ts');
  copyFileSync(file, copy);
  const report = JSON.parse(run('biome', ['lint', '--reporter=json', `--config-path=${folder}`, copy])) as BiomeReport; // its documented form
  return report.diagnostics.map(({ category, location }) => findingOf(location.start.line, category)).toSorted();
}

function tsc(project: string): Findings {
  const output = run('tsc', ['--noEmit', '--pretty', 'false', '-p', project]);
  return [...output.matchAll(/\((\d+),\d+\): error (TS\d+):/g)].map(([, line, code]) => findingOf(Number(line), code ?? '')).toSorted();
}

describe('oxlint with types', () => {
  it('reports every planted fault on its line, and nothing else', () => {
    const planted = plantedIn(join(FIXTURES, 'lint/type-aware.ts'));
    expect(planted.length).toBeGreaterThan(12);
    expect(oxlint(join(FIXTURES, 'lint/type-aware.ts'))).toEqual(planted.toSorted());
  });

  it('has nothing to say about sound code', () => {
    expect(oxlint(join(FIXTURES, 'lint/sound.ts'))).toEqual([]);
  });
});

describe('Biome', () => {
  it('reports every planted fault on its line, and nothing else', () => {
    const planted = plantedIn(join(FIXTURES, 'lint/fast.ts'));
    expect(planted.length).toBeGreaterThan(7);
    expect(biome(join(FIXTURES, 'lint/fast.ts'))).toEqual(planted.toSorted());
  });

  it('has nothing to say about sound code', () => {
    expect(biome(join(FIXTURES, 'lint/sound.ts'))).toEqual([]);
  });
});

describe('the compiler', () => {
  it('reports every planted fault that only strict types see', () => {
    const planted = plantedIn(join(FIXTURES, 'types/strict.ts'));
    expect(planted.length).toBeGreaterThan(7);
    expect(tsc(join(FIXTURES, 'types'))).toEqual(planted.toSorted());
  });
});

describe('the lint script', () => {
  it('names the folders to check and lets no warning pass', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }; // our own file
    expect(scripts.lint).toMatch(/oxlint --type-aware --deny-warnings src test bench images docs$/);
  });
});
