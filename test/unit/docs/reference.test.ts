import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { referenceDocs } from '../../../docs/generate.ts';

describe('docs/reference', () => {
  it.each(referenceDocs())('$path is what the code says (else: npm run docs)', ({ path, text }) => {
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(text);
  });

  it('names every code that the source throws', () => {
    const page = referenceDocs().find(({ path }) => path.endsWith('errors.md'))?.text ?? '';
    for (const code of ['config.invalid', 'store.newer_version', 'dhcp.port_denied', 'boot.port_in_use', 'tasks.unknown_kind'])
      expect(page).toContain(`\`${code}\``);
  });
});
