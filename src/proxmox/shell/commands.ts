// Commands on one machine, so many beside each other as sshd takes. What runs out of its time, or is not wanted any more, is ended on the
// machine too. Knows no files.

import type { RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { type Collected, createCollector } from './collect.ts';
import { lineOf, type Redact } from './command-codec.ts';
import { createLink, endThere, type Link, lateAfter, type ShellOptions } from './link.ts';
import type { Ended } from './session.ts';
import { createSlots } from './slots.ts';

export interface Order {
  readonly command: readonly string[];
  /** For people. */
  readonly shown: string;
  readonly input: string | Buffer;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly redact: Redact;
  readonly onLine: ((line: string, stream: 'out' | 'err') => void) | undefined;
  /** Of this command alone. */
  readonly signal: AbortSignal | undefined;
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: Collected;
  readonly err: Collected;
}

export interface Commands {
  /** Signs in, to see that it can be done. */
  connect(): Promise<void>;
  execute(order: Order): Promise<Outcome>;
  close(): Promise<void>;
}

/** sshd's MaxSessions is 10 unless told; one is left for ending what runs too long. */
const AT_ONCE = 9;
const TRIES = 20;
const ROOM_AFTER_MS = 250;

export function createCommands(options: ShellOptions): Commands {
  const { address, clock, log } = options;
  const over = new AbortController();
  const ofAll = AbortSignal.any([options.signal, over.signal]);
  const link = createLink(options, ofAll);
  const slots = createSlots(AT_ONCE);
  const underWay = new Set<Promise<unknown>>();

  async function executed(order: Order): Promise<Outcome> {
    const signal = order.signal === undefined ? ofAll : AbortSignal.any([ofAll, order.signal]);
    for (let tries = 0; ; tries += 1) {
      const release = await slots.take(signal);
      try {
        const { end, outcome } = await attempt(order, { link, options, signal, isAlone: slots.taken === 1 });
        if (end.is === 'ended') return outcome;
        if (end.is === 'broke') throw broke(order, end.said, address);
        // Not begun, so it may be tried again. sshd frees the room of what has just ended a little later.
        if (tries >= TRIES) throw noRoom(order, end.said, address);
        if (end.is === 'no-room' && slots.taken > 1) slots.narrow();
        else if (end.is === 'no-room') await clock.sleep(ROOM_AFTER_MS, signal);
      } finally {
        release();
      }
    }
  }

  const onAbort = (): void => void close();
  async function close(): Promise<void> {
    over.abort(fail('proxmox.shell_broke', { message: `the shell of ${address} was closed`, hint: 'Open another one.' }));
    options.signal.removeEventListener('abort', onAbort);
    await Promise.allSettled(underWay);
    await link.close();
  }
  options.signal.addEventListener('abort', onAbort, { once: true });

  return {
    close,
    connect: async () => {
      await link.live();
    },
    execute: async (order) => {
      const startedAt = clock.monotonic();
      const run = executed(order);
      underWay.add(run);
      try {
        const outcome = await run;
        const { code, signal: by } = outcome;
        log.debug({ address, command: order.shown, code, signal: by, ms: Math.round(clock.monotonic() - startedAt) }, 'ran a command');
        return outcome;
      } finally {
        underWay.delete(run);
      }
    },
  };
}

interface Around {
  readonly link: Link;
  readonly options: ShellOptions;
  readonly signal: AbortSignal;
  readonly isAlone: boolean;
}

async function attempt(
  order: Order,
  { link, options, signal, isAlone }: Around,
): Promise<{ readonly end: Ended; readonly outcome: Outcome }> {
  const { address, clock, log } = options;
  const { timeoutMs, input, maxBytes, redact, onLine } = order;
  const id = options.random.uuid();
  const line = lineOf(order.command, { id, timeoutMs });
  const out = createCollector(maxBytes, onLine && ((text) => onLine(redact(text), 'out')));
  const err = createCollector(maxBytes, onLine && ((text) => onLine(redact(text), 'err')));
  const on = await link.trusted(isAlone);
  const late = lateAfter(clock, timeoutMs);
  try {
    const either = AbortSignal.any([signal, late.signal]);
    const end = await on.exec({ line, input, onOut: (chunk) => out.take(chunk), onErr: (chunk) => err.take(chunk), signal: either });
    if (end.is === 'broke' || end.is === 'not-begun') link.drop(on, end.said);
    else link.heard();
    const how = end.is === 'ended' ? { code: end.code, signal: end.signal } : { code: null, signal: null };
    return { end, outcome: { ...how, out: out.end(), err: err.end() } };
  } catch (thrown) {
    if (!late.signal.aborted && !signal.aborted) throw thrown;
    const isGone = await endThere(on, id, options);
    if (!isGone) log.warn({ address, command: order.shown }, 'a command could not be ended: it may still run');
    if (signal.aborted) throw signal.reason;
    throw tooLong(order, isGone, address);
  } finally {
    late.stop();
  }
}

function tooLong({ shown, timeoutMs, onLine }: Order, isGone: boolean, address: string): RackseedError {
  return fail('proxmox.shell_timeout', {
    message: `${shown} did not end on ${address} within ${timeoutMs / 1000} s and was ended${isGone ? '' : ', but may still run there'}`,
    hint: onLine === undefined ? 'Run it on the machine by hand to see what it waits for.' : 'Its last lines say what it waited for.',
    detail: { command: shown, isGone },
  });
}

function broke({ shown }: Order, said: string, address: string): RackseedError {
  return fail('proxmox.shell_broke', {
    message: `the SSH connection to ${address} broke while ${shown} was under way (${said}): whether it was done is not known`,
    hint: 'The step looks at the machine before it does anything again.',
    detail: { command: shown },
  });
}

function noRoom({ shown }: Order, said: string, address: string): RackseedError {
  return fail('proxmox.shell_unreachable', {
    message: `sshd of ${address} opens no session for ${shown}: ${said}. It was not begun`,
    hint: 'Is MaxSessions in its sshd_config 0, or does somebody stop sshd there?',
  });
}
