// Asks the appliance until it answers: says the first failure and every change of reason, and is silent while a reason stays the same.

import { type Clock, messageOf, RackseedError, type Random } from '../lib/index.ts';
import { backoffMs } from './backoff.ts';

export interface InsistParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly say: (line: string) => void;
  readonly mark: (words: string) => void;
}

export interface Asking<T> {
  readonly what: string;
  readonly ask: () => Promise<T>;
  /** The longest pause between tries. */
  readonly lastMs?: () => number | undefined;
}

const REFUSED_WAIT_MS = 60_000;

/** Ends with an answer, a lost token, or the signal. */
export async function insist<T>(parts: InsistParts, { what, ask, lastMs }: Asking<T>, signal: AbortSignal): Promise<T | 'token-lost'> {
  let lastReason = '';
  for (let failures = 0; ; ) {
    try {
      const answer = await ask();
      if (failures > 0) parts.say(`The appliance answers (${what}, after ${failures} failed tries).`);
      return answer;
    } catch (error) {
      if (codeOf(error) === 'agent.token_lost') return 'token-lost';
      if (signal.aborted) throw error;
      failures += 1;
      const reason = messageOf(error);
      if (reason !== lastReason) parts.say(`${what}: ${reason}${hintOf(error)}. Trying again.`);
      lastReason = reason;
      const isFinal = codeOf(error) === 'agent.refused';
      if (isFinal) parts.mark(`refused-by-appliance step=${what}`);
      await parts.clock.sleep(isFinal ? REFUSED_WAIT_MS : backoffMs(failures, parts.random, lastMs?.()), signal);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof RackseedError ? error.code : undefined;
}

function hintOf(error: unknown): string {
  return error instanceof RackseedError && error.hint !== undefined ? ` (${error.hint})` : '';
}
