// What a step works with, put together for one drive; and what keeps secrets out of what is shown.

import type { Clock, Log, Secret } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Pve, RootShell } from '../proxmox/index.ts';
import type { StepContext, StepLook } from './seam.ts';

/** The ways to the machine and its cluster. */
export interface Hands {
  readonly shell: RootShell;
  memberShell(): Promise<RootShell & { readonly name: string }>;
  pve(of: 'node' | 'member'): Promise<Pve>;
  secret(name: string): Promise<Secret | undefined>;
  close(): Promise<void>;
}

export interface ContextParts extends Pick<StepContext, 'notes' | 'progress' | 'log' | 'signal' | 'trace'> {
  readonly look: StepLook;
  readonly hands: Hands;
  readonly args: JsonObject;
  readonly clock: Clock;
}

/** A run's notes are written whole: so many, each so long. */
const NOTES_MAX = 4096;

export function contextOf({ look, hands, notes, ...parts }: ContextParts & { readonly trace: Log }): StepContext {
  return {
    ...look,
    ...parts,
    shell: hands.shell,
    memberShell: () => hands.memberShell(),
    pve: (of) => hands.pve(of),
    secret: (name) => hands.secret(name),
    notes: {
      get: (key) => notes.get(key),
      set: (key, value) => {
        if (key.length + value.length > NOTES_MAX)
          throw new RangeError(`the note ${key.slice(0, 64)} is longer than ${NOTES_MAX} characters`);
        return notes.set(key, value);
      },
    },
  };
}

export interface Redactor {
  /** Remembers what secrets are given out. */
  watching(hands: Hands): Hands;
  text(text: string): string;
}

/** Shorter ones would hide every other word. */
const LEAST = 4;

export function redactor(): Redactor {
  const known = new Set<string>();
  return {
    watching: (hands) => ({
      shell: hands.shell,
      memberShell: () => hands.memberShell(),
      pve: (of) => hands.pve(of),
      secret: async (name) => {
        const secret = await hands.secret(name);
        const text = secret?.reveal() ?? '';
        if (text.length >= LEAST) known.add(text);
        return secret;
      },
      close: () => hands.close(),
    }),
    text: (text) => [...known].reduce((shown, secret) => shown.replaceAll(secret, '******'), text),
  };
}
