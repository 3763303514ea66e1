import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { referenceDocs } from '../../../docs/generate.ts';

function sourcesWithErrors(): string[] {
  const cwd = new URL('../../../', import.meta.url).pathname;
  return globSync(['src/**/errors.ts', 'images/errors.ts', 'src/app-files.ts'], { cwd }).map((path) =>
    readFileSync(`${cwd}${path}`, 'utf8'),
  );
}

describe('docs/reference', () => {
  it.each(referenceDocs())('$path is what the code says (else: npm run docs)', ({ path, text }) => {
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(text);
  });

  it('names every code that the source throws', () => {
    const page = referenceDocs().find(({ path }) => path.endsWith('errors.md'))?.text ?? '';
    const codes = sourcesWithErrors().flatMap((text) =>
      [...text.matchAll(/^ {2}'([a-z0-9_]+\.[a-z0-9_]+)': \{/gm)].map(([, code]) => code),
    );
    expect(codes.length).toBeGreaterThan(200);
    for (const code of codes) expect(page).toContain(`\`${code}\``);
  });
});
