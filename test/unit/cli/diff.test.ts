import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unifiedDiff } from '../../../src/cli/diff-render.ts';

const diff = (before: readonly string[], after: readonly string[]) =>
  unifiedDiff(
    { name: 'a', text: before.map((line) => `${line}\n`).join('') },
    { name: 'b', text: after.map((line) => `${line}\n`).join('') },
  );

test('the same gives nothing', () => {
  expect(diff(['x', 'y'], ['x', 'y'])).toBe('');
});

test('a change stands among three lines on each side, as diff -u has it', () => {
  expect(diff(['1', '2', '3', '4', '5', '6', '7', '8', '9'], ['1', '2', '3', '4', 'five', '6', '7', '8', '9'])).toBe(
    '--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
  );
  expect(diff([], ['x'])).toBe('--- a\n+++ b\n@@ -0,0 +1,1 @@\n+x\n');
  expect(diff(['x'], [])).toBe('--- a\n+++ b\n@@ -1,1 +0,0 @@\n-x\n');
});

test('changes that are far from each other stand apart', () => {
  const lines = Array.from({ length: 20 }, (_, index) => String(index));
  const text = diff(lines, ['first', ...lines, 'last']);
  expect(text.match(/^@@ .*$/gm)).toEqual(['@@ -1,3 +1,4 @@', '@@ -18,3 +19,4 @@']);
});

test('taking the changes along gives the other text', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      // With few lines one hunk holds everything that differs.
      const lines = diff(before, after).split('\n').slice(3, -1);
      const kept = (sign: string) => lines.filter((line) => line.startsWith(sign) || line.startsWith(' ')).map((line) => line.slice(1));
      if (lines.some((line) => line.startsWith('@@'))) return;
      expect(before.join('\n')).toContain(kept('-').join('\n'));
      expect(after.join('\n')).toContain(kept('+').join('\n'));
      expect(lines.length === 0).toBe(before.join() === after.join());
    }),
  );
});
