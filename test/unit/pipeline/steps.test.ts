// What every step's file owes, asked of all that there are.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRegistry, STEPS } from '../../../src/pipeline/index.ts';

const folder = join(import.meta.dirname, '../../../src/pipeline/steps');
const sources = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
  .map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }))
  .filter(({ text }) => /^export const step\b/m.test(text));

describe('the steps that pipelines may name', () => {
  it('have names of their own, and arguments that are described', () => {
    expect(createRegistry(STEPS).size).toBe(STEPS.length);
  });

  it('are each a file of their name, and every such file is listed', () => {
    expect(STEPS.map(({ name }) => `${name}.ts`).toSorted()).toEqual(sources.map(({ file }) => file).toSorted());
  });

  it('say in their first line what they are proven on', () => {
    const silent = sources.filter(({ text }) => !/^\/\/ .*\b(?:real|shim|simulator)\b/i.test(text.split('\n')[0] ?? ''));
    expect(silent.map(({ file }) => file)).toEqual([]);
  });

  it('are each proven to be repeatable, and to bear being cut off anywhere', () => {
    const tests = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
    const proofs = tests
      .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
      .filter((text) => text.includes('provesIdempotence('));
    const unproven = sources.filter(({ file }) => !proofs.some((text) => text.includes(`/steps/${file}'`)));
    expect(unproven.map(({ file }) => file)).toEqual([]);
  });
});
