// What a command says while it runs, until the appliance has heard it: lines in order, bounded, each sent until a reply came. Pure.

import { type LogLine, type Note, PROTOCOL_LIMITS } from '../inspect/protocol.ts';

const LINES_KEPT = 1000;
const LINE_LENGTH = 1024;

export interface Journal<T> {
  add(entry: T): void;
  /** The oldest that were not heard. `last` names the end of them for heard(). */
  next(): { readonly entries: readonly T[]; readonly last: number; readonly isAll: boolean };
  heard(last: number): void;
  readonly isEmpty: boolean;
}

/** `gap` is the entry that stands for those that had to make room. */
export function createJournal<T>(atOnce: number, kept: number, gap: (count: number) => T): Journal<T> {
  let entries: T[] = [];
  let lost = 0;
  let before = 0;
  return {
    add: (entry) => {
      entries.push(entry);
      if (entries.length <= kept) return;
      entries.shift();
      before += 1;
      lost += 1;
    },
    next: () => {
      const room = lost > 0 ? atOnce - 1 : atOnce;
      const sent = entries.slice(0, room);
      return { entries: lost > 0 ? [gap(lost), ...sent] : sent, last: before + sent.length, isAll: sent.length === entries.length };
    },
    heard: (last) => {
      const count = Math.max(0, last - before);
      entries = entries.slice(count);
      before += count;
      lost = 0;
    },
    get isEmpty() {
      return entries.length === 0 && lost === 0;
    },
  };
}

export function createLog(): Journal<LogLine> {
  return createJournal(PROTOCOL_LIMITS.logLines, LINES_KEPT, (count) => ({ stream: 'err', line: `… ${count} lines were left out` }));
}

export function createNotes(): Journal<Note> {
  return createJournal<Note>(PROTOCOL_LIMITS.notes, PROTOCOL_LIMITS.notes, (count) => ({
    kind: 'agent',
    line: `${count} notes were left out: nobody took them`,
  }));
}

/** Fit for the protocol: one line, no steering of terminals, not endless. */
export function oneLine(text: string, maxLength = LINE_LENGTH): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, maxLength);
}
