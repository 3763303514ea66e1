// Wakes that have come for a task, kept with it until the step that waited for them has moved on. Pure. One per name: a wake is a
// nudge with the latest word, not a queue.

import { decodeJson, isRecord } from './json.ts';

export const MAX_WAKE_NAMES = 16;

export interface Mail {
  /** The event that recorded the wake: grows, so that a later wake of the same name is told from the one a step has seen. */
  readonly seq: number;
  readonly payload: unknown;
}

export type Mailbox = ReadonlyMap<string, Mail>;

export function decodeMailbox(text: string): Mailbox {
  const value = decodeJson(text);
  const box = new Map<string, Mail>();
  if (!isRecord(value)) return box;
  for (const [name, mail] of Object.entries(value)) {
    if (isRecord(mail) && typeof mail.seq === 'number') box.set(name, { seq: mail.seq, payload: mail.payload ?? null });
  }
  return box;
}

/** At the cap the oldest goes. */
export function withMail(box: Mailbox, name: string, mail: Mail): Mailbox {
  const next = new Map(box);
  next.delete(name);
  next.set(name, mail);
  const [oldest] = next.keys();
  if (next.size > MAX_WAKE_NAMES && oldest !== undefined) next.delete(oldest);
  return next;
}

/** Without the mail that a step has seen; one that came later stays. */
export function withoutSeen(box: Mailbox, name: string | null, seen: Mail | undefined): Mailbox {
  const current = name === null ? undefined : box.get(name);
  if (name === null || current === undefined || seen === undefined || current.seq > seen.seq) return box;
  const next = new Map(box);
  next.delete(name);
  return next;
}

export function mailboxObject(box: Mailbox): Record<string, Mail> {
  return Object.fromEntries(box);
}
