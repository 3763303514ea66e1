// Patterns of the installer's filters, by the documentation of the crate that reads them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeGlob, fitsPattern, parseGlob } from '../../../../src/install/disks/glob-decide.ts';

const fits = (pattern: string, value: string): boolean => fitsPattern(parseGlob(pattern), value);

describe('a pattern', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'ABC', false],
    ['abc', 'abcd', false],
    ['a*', 'a', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbb', false],
    ['*', '', true],
    ['*', 'a/b', true],
    ['*/*', 'a/b/c', true],
    ['?', '', false],
    ['?', 'é', true],
    ['?', '😀', true],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[!a-c]x', 'ax', false],
    ['[]]', ']', true],
    ['[!]]', 'a', true],
    ['[!]]', ']', false],
    ['[a-]', '-', true],
    ['[-a]', '-', true],
    ['[!]', '!', false],
    ['[[]', '[', true],
    ['[*]', '*', true],
    ['[*]', 'x', false],
    ['.*', '.a', true],
    ['**', 'a/b', true],
    ['a/**', 'a/b/c', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**/c', 'a/bc', false],
    ['**/c', 'c', true],
    ['**/c', 'bc', false],
  ])('%s against %j: %s', (pattern, value, is) => expect(fits(pattern, value)).toBe(is));

  it.each(['a**', '**a', 'a/**b', '***', '[', '[a', '[!]', '[!a', '[]'])('is refused as the installer does: %s', (pattern) =>
    expect(parseGlob(pattern)).toHaveProperty('fault'),
  );

  it('that is a text with its special characters in brackets fits that text and no other', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '[', ']', '*', '?', '!', '-', '/') });
    fc.assert(fc.property(texts, texts, (text, other) => fits(escapeGlob(text), other) === (text === other)));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => fits(escapeGlob(text), text)));
  });

  it('is decided at once, whatever it is', () => {
    const begun = performance.now();
    expect(fits('*a'.repeat(200), 'a'.repeat(2000).concat('b'))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});
