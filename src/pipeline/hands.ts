// What a step works with, put together for one drive; and what keeps secrets out of what is shown.

import type { Clock, Log, Secret } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Pve, RootShell, RunOptions } from '../proxmox/index.ts';
import { NO_POST, type Post } from './post.ts';
import { NO_SCRIPTS, type Scripts } from './scripts.ts';
import type { StepContext, StepLook } from './seam.ts';

/** `look`: check and verify, which leave nothing behind. `work`: apply. */
export type How = 'look' | 'work';

/** The ways to the machine and its cluster. */
export interface Hands {
  readonly shell: RootShell;
  shellAt(address: string): Promise<RootShell & { close(): Promise<void> }>;
  /** It has moved, or joined: what is opened from now on is opened by that. */
  sees(look: StepLook): void;
  memberShell(how: How): Promise<RootShell & { readonly name: string }>;
  pve(of: 'node' | 'member', how: How): Promise<Pve>;
  secret(name: string): Promise<Secret | undefined>;
  /** Without it nothing is sent. */
  readonly post?: Post | undefined;
  /** Likewise. */
  readonly scripts?: Scripts | undefined;
  close(): Promise<void>;
}

export interface ContextParts extends Pick<StepContext, 'notes' | 'moved' | 'progress' | 'log' | 'signal' | 'trace'> {
  readonly look: StepLook;
  readonly hands: Hands;
  readonly args: JsonObject;
  readonly clock: Clock;
}

/** A run's notes are written whole: so many, each so long. */
const NOTES_MAX = 4096;

/** For looking, unless it is made one `toWork`. */
export function contextOf({ look, hands, notes, ...parts }: ContextParts & { readonly trace: Log }): StepContext {
  return {
    ...look,
    ...parts,
    shell: hands.shell,
    shellAt: (address) => hands.shellAt(address),
    memberShell: () => hands.memberShell('look'),
    pve: (of) => hands.pve(of, 'look'),
    secret: (name) => hands.secret(name),
    post: hands.post ?? NO_POST,
    scripts: hands.scripts ?? NO_SCRIPTS,
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

/** The same for apply. */
export function toWork(context: StepContext, hands: Hands): StepContext {
  return { ...context, memberShell: () => hands.memberShell('work'), pve: (of) => hands.pve(of, 'work') };
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
      shellAt: (address) => hands.shellAt(address),
      sees: (look) => hands.sees(look),
      memberShell: (how) => hands.memberShell(how),
      pve: (of, how) => hands.pve(of, how),
      secret: async (name) => {
        const secret = await hands.secret(name);
        const text = secret?.reveal() ?? '';
        if (text.length >= LEAST) known.add(text);
        return secret;
      },
      post: hands.post,
      scripts: hands.scripts,
      close: () => hands.close(),
    }),
    text: (text) => [...known].reduce((shown, secret) => shown.replaceAll(secret, '******'), text),
  };
}

/** The same for one act: commands are ended on the machine with the signal, and of everything else nobody waits for the answer. */
export function endedBy(context: StepContext, signal: AbortSignal): StepContext {
  return {
    ...context,
    signal,
    post: (request) => unless(signal, context.post({ ...request, signal: AbortSignal.any([signal, request.signal]) })),
    shell: shellBy(context.shell, signal),
    scripts: {
      ...context.scripts,
      run: (script, order) => context.scripts.run(script, { ...order, signal: AbortSignal.any([signal, order.signal]) }),
    },
    shellAt: async (address) => {
      const shell = await unless(signal, context.shellAt(address));
      return { ...shellBy(shell, signal), close: () => shell.close() };
    },
    memberShell: async () => {
      const shell = await unless(signal, context.memberShell());
      return { ...shellBy(shell, signal), name: shell.name };
    },
    pve: async (of) => {
      const pve = await unless(signal, context.pve(of));
      return {
        address: pve.address,
        call: (method, path, params) => unless(signal, pve.call(method, path, params)),
        task: (method, path, params, more) => unless(signal, pve.task(method, path, params, more)),
      };
    },
  };
}

function shellBy(shell: RootShell, signal: AbortSignal): RootShell {
  const ending = (options: RunOptions = {}): RunOptions => ({
    ...options,
    signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
  });
  return {
    address: shell.address,
    run: (command, options) => shell.run(command, ending(options)),
    must: (command, options) => shell.must(command, ending(options)),
    script: (text, words, options) => shell.script(text, words, ending(options)),
    readFile: (path, maxBytes) => unless(signal, shell.readFile(path, maxBytes)),
    // Whole or not at all, also when nobody waits for it any more.
    writeFile: (path, content, mode) => unless(signal, shell.writeFile(path, content, mode)),
  };
}

async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
