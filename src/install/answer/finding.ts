// What the rules are given and how they say what is wrong. Pure. Knows no rule.

import { isTable, type Table } from '../../config/index.ts';
import { nearest } from '../../lib/index.ts';
import type { AnswerFault } from '../seam.ts';
import { type InstallerRelease, isAtLeast, type Version } from './releases.ts';

/** Keys from the top; a key of a filter may hold anything. */
export type Path = readonly string[];

export interface Finding extends Pick<AnswerFault, 'message' | 'fix' | 'severity'> {
  readonly path: Path;
}

export interface Subject {
  readonly document: Table;
  readonly release: InstallerRelease;
  readonly bootMode: 'bios' | 'uefi' | null;
  /** False: a document of ours, which is yet to be written as its release reads it. */
  readonly isText: boolean;
  /** Written with a fraction, though it may be a whole number. */
  readonly isFloat: (path: Path) => boolean;
  readonly error: (key: string | Path, message: string, fix: string) => void;
  readonly warn: (key: string | Path, message: string, fix: string) => void;
}

export function knows(subject: Subject, since: Version): boolean {
  return isAtLeast(subject.release.installer, since);
}

export function pathOf(key: string | Path): Path {
  if (typeof key !== 'string') return key;
  return key === '' ? [] : key.split('.');
}

/** The value at a dotted key; undefined where there is none. */
export function at(document: Table, key: string): unknown {
  let value: unknown = document;
  for (const name of key.split('.')) {
    if (!isTable(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Only what has the right type: the wrong ones are said already. */
export function textAt({ document }: Subject, key: string): string | undefined {
  const value = at(document, key);
  return typeof value === 'string' ? value : undefined;
}

export function numberAt({ document }: Subject, key: string): number | undefined {
  const value = at(document, key);
  return typeof value === 'number' ? value : undefined;
}

export function tableAt({ document }: Subject, key: string): Table | undefined {
  const value = at(document, key);
  return isTable(value) ? value : undefined;
}

export function textsAt({ document }: Subject, key: string): readonly string[] | undefined {
  const value = at(document, key);
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
}

/** "disk-setup.filter.ID_SERIAL" */
export function keyOf(path: Path): string {
  return path.map((name) => (/^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : JSON.stringify(shortened(name)))).join('.');
}

export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}

/** A word longer than any of ours is no slip of the finger, and comparing it takes time that the sender chooses. */
export function near(word: string, known: readonly string[]): string | undefined {
  return word.length > 64 ? undefined : nearest(word, known);
}

/** `a`, `b` or `c` */
export function either(words: readonly string[]): string {
  const all = words.map((word) => JSON.stringify(word));
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}
