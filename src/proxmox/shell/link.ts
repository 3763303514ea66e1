// The one connection to a machine: opened when it is needed, opened again after a break, tried after a long silence. And the end of what runs too
// long there. Knows no commands of others.

import type { Clock, Log, Random, Secret } from '../../lib/index.ts';
import { lineOf, MARK } from './command-codec.ts';
import { pinnedKeys } from './host-keys-decide.ts';
import { type Ended, openSession, type Session } from './session.ts';

export interface ShellOptions {
  /** Host name or address. */
  readonly address: string;
  /** 22 unless told. */
  readonly port?: number;
  /** `ssh-ed25519 AAAA…`: who has one of them is believed, nobody else. */
  readonly hostKeys: readonly string[];
  /** The appliance's own, in OpenSSH's form; asked for at each connection. */
  readonly key: () => Promise<Secret>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends everything that is under way, on the machine too. */
  readonly signal: AbortSignal;
  readonly connectMs?: number;
  readonly keepAliveMs?: number;
}

export interface Link {
  live(): Promise<Session>;
  /** One that was quiet for long may be dead without saying so: it is tried, unless others use it right now. */
  trusted(isAlone: boolean): Promise<Session>;
  /** It answered just now. */
  heard(): void;
  drop(broken: Session, why: string): void;
  close(): Promise<void>;
}

const CONNECT_MS = 15_000;
const KEEP_ALIVE_MS = 15_000;
/** After so long in silence the connection is tried before something is trusted to it: a machine that lost its power does not take its leave. */
const TRY_AFTER_MS = 30_000;
const TRY_MS = 5000;
const TERM_SECONDS = 5;
const END_MS = 15_000;

/** Everything that bears the mark in its environment: SIGTERM, and SIGKILL to what is there after some seconds. Exit code 0: nothing is left. */
const END = `marked() { grep -lzxF -e "$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }
tell() { for pid in $(marked "$2"); do kill -s "$1" "$pid" 2>/dev/null || :; done; }
tell TERM "$1"
for turn in $(seq $(($2 * 10))); do
  if [ -z "$(marked "$1")" ]; then exit 0; fi
  sleep 0.1
done
tell KILL "$1"
sleep 0.2
[ -z "$(marked "$1")" ]`;

/** `signal`: of the shell, also when it is closed. */
export function createLink(options: ShellOptions, signal: AbortSignal): Link {
  const { address, clock, log } = options;
  const pinned = pinnedKeys(options.hostKeys, address);
  let session: Session | undefined;
  let opening: Promise<Session> | undefined;
  let heardAt = clock.monotonic();

  const heard = (): void => {
    heardAt = clock.monotonic();
  };
  const opened = async (): Promise<Session> => {
    const privateKey = (await options.key()).reveal();
    const { port = 22, connectMs = CONNECT_MS, keepAliveMs = KEEP_ALIVE_MS } = options;
    session = await openSession({ address, port, pinned, privateKey, connectMs, keepAliveMs, clock, signal });
    log.debug({ address }, 'signed in by SSH');
    heard();
    return session;
  };
  const live = async (): Promise<Session> => {
    if (session?.isOpen === true) return session;
    opening ??= opened().finally(() => {
      opening = undefined;
    });
    return opening;
  };
  const drop = (broken: Session, why: string): void => {
    broken.close();
    if (session !== broken) return;
    session = undefined;
    log.debug({ address, why }, 'the SSH connection is given up');
  };
  return {
    live,
    heard,
    drop,
    trusted: async (isAlone) => {
      const known = await live();
      if (!isAlone || clock.monotonic() - heardAt < TRY_AFTER_MS) return known;
      const end = await endedWithin(known, ['true'], { ...options, ms: TRY_MS });
      if (end?.is === 'ended') heard();
      else drop(known, 'it did not answer after a long silence');
      return live();
    },
    close: async () => {
      await Promise.allSettled([opening]);
      session?.close();
    },
  };
}

/** Whether nothing of it is left, as far as we know. */
export async function endThere(on: Session, id: string, time: { readonly clock: Clock; readonly random: Random }): Promise<boolean> {
  if (!on.isOpen) return false;
  const end = await endedWithin(on, ['sh', '-eu', '-c', END, 'sh', `${MARK}=${id}`, String(TERM_SECONDS)], { ...time, ms: END_MS });
  return end?.is === 'ended' && end.code === 0;
}

interface Within {
  readonly clock: Clock;
  readonly random: Random;
  readonly ms: number;
}

/** Undefined: not in that time. Not by the shell's own signal: it is asked for when that is aborted, too. */
async function endedWithin(on: Session, command: readonly string[], { clock, random, ms }: Within): Promise<Ended | undefined> {
  const late = lateAfter(clock, ms);
  try {
    const line = lineOf(command, { id: random.uuid(), timeoutMs: ms });
    return await on.exec({ line, input: '', onOut: () => undefined, onErr: () => undefined, signal: late.signal });
  } catch (thrown) {
    if (late.signal.aborted) return undefined;
    throw thrown;
  } finally {
    late.stop();
  }
}

/** A signal that comes after that time, unless it is stopped before. */
export function lateAfter(clock: Clock, ms: number): { readonly signal: AbortSignal; readonly stop: () => void } {
  const late = new AbortController();
  const done = new AbortController();
  clock.sleep(ms, done.signal).then(
    () => late.abort(),
    () => undefined, // stopped
  );
  return { signal: late.signal, stop: () => done.abort() };
}
