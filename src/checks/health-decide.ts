// What a report says of the health of a machine's parts, and whether that is something new. Pure.

import type { Verdict } from './book.ts';

export interface Item {
  readonly id: string;
  readonly level: string;
  readonly text: string;
}

export interface Health {
  readonly verdict: Verdict;
  readonly message: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** The items of readiness that are about broken or worn parts, not about how the machine is set up. */
const PARTS: ReadonlySet<string> = new Set(['disk-health', 'memory-modules', 'thermal']);

/** Null: nothing was looked at. */
export function healthOf(items: readonly Item[]): Health | null {
  const parts = items.filter(({ id }) => PARTS.has(id));
  if (parts.length === 0) return null;
  const [red, yellow] = ['red', 'yellow'].map((level) => parts.filter((item) => item.level === level)) as [Item[], Item[]]; // two of two
  const figures = { parts_looked_at: parts.length, parts_bad: red.length, parts_warning: yellow.length };
  const faults = [...red, ...yellow].map(({ text }) => text);
  const verdict = red.length > 0 ? 'bad' : yellow.length > 0 ? 'warning' : 'good';
  return { verdict, message: faults.length === 0 ? 'its disks and memory are well' : faults.join('; '), figures };
}

/** Hours and counts rise with each look: only another fault, or the end of one, is news. The first look is when it finds something. */
export function isNews(
  health: Pick<Health, 'verdict' | 'message'>,
  last: { readonly verdict: string; readonly message: string } | null,
): boolean {
  if (last === null) return health.verdict !== 'good';
  if (health.verdict !== last.verdict) return true;
  return health.verdict !== 'good' && shape(health.message) !== shape(last.message);
}

function shape(message: string): string {
  return message.replaceAll(/\b\d+(\.\d+)?\b/g, '#');
}
