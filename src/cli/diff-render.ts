// Two texts as a unified diff with three lines around each change. Pure. For answers: some hundred lines at most.

export interface Named {
  readonly name: string;
  readonly text: string;
}

type Line = readonly [sign: ' ' | '-' | '+', text: string];

const AROUND = 3;

/** '' where they are the same. */
export function unifiedDiff(before: Named, after: Named): string {
  const lines = diffLines(linesOf(before.text), linesOf(after.text));
  const hunks = hunksOf(lines);
  if (hunks.length === 0) return '';
  const body = hunks.map(([from, to]) => hunkText(lines, from, to));
  return `--- ${before.name}\n+++ ${after.name}\n${body.join('')}`;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** By the longest common run of lines, removals before additions. */
function diffLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  const lengths = commonLengths(before, after);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i], after[j]];
    if (left !== undefined && left === right) {
      lines.push([' ', left]);
      i += 1;
      j += 1;
    } else if (right === undefined || (left !== undefined && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) {
      lines.push(['-', left ?? '']);
      i += 1;
    } else {
      lines.push(['+', right]);
      j += 1;
    }
  }
  return lines;
}

/** How many lines the rests from i and j on have in common. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly (readonly number[])[] {
  let below: readonly number[] = Array.from({ length: after.length + 1 }, () => 0);
  const rows = [below];
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const row = Array.from({ length: after.length + 1 }, () => 0);
    for (let j = after.length - 1; j >= 0; j -= 1)
      row[j] = before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    rows.unshift(row);
    below = row;
  }
  return rows;
}

/** First and last line of each; changes that are near share one. */
function hunksOf(lines: readonly Line[]): readonly (readonly [number, number])[] {
  const hunks: [number, number][] = [];
  for (const [index, [sign]] of lines.entries()) {
    if (sign === ' ') continue;
    const [from, to] = [Math.max(0, index - AROUND), Math.min(lines.length - 1, index + AROUND)];
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = to;
    else hunks.push([from, to]);
  }
  return hunks;
}

function hunkText(lines: readonly Line[], from: number, to: number): string {
  const part = lines.slice(from, to + 1);
  const range = (own: '-' | '+'): string => {
    const isOwn = ([sign]: Line): boolean => sign === ' ' || sign === own;
    const count = part.filter(isOwn).length;
    const start = lines.slice(0, from).filter(isOwn).length + (count === 0 ? 0 : 1);
    return `${own}${start},${count}`;
  };
  return `@@ ${range('-')} ${range('+')} @@\n${part.map(([sign, text]) => `${sign}${text}\n`).join('')}`;
}
