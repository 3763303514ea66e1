// Asks: in its turn, in its time, again where that can help, and not at all while the BMC is left alone. Counts what became of it.

import { type Clock, type Log, RackseedError, type Random } from '../lib/index.ts';
import type { Breakers } from './breakers.ts';
import type { Asking, Question } from './gateway-seam.ts';
import type { Lanes } from './lanes.ts';
import { timed } from './timed.ts';
import { late, notAsked, unsupported, type Way, washed } from './ways.ts';

export interface AskerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly lanes: Lanes;
  readonly breakers: Breakers;
  /** Ends everything under way when the appliance stops. */
  readonly stopping: AbortSignal;
  readonly callTimeoutMs: number;
}

export type AskerCounts = Record<
  'reads' | 'writes' | 'retries' | 'failures' | 'timeouts' | 'refused' | 'given_up' | 'breakers_opened',
  number
>;

export interface Asked<T> extends Question<T> {
  /** A person waits for it: it is asked also while the BMC is left alone, as every write is. */
  readonly isUrgent?: boolean;
}

export interface Asker {
  ask<T>(way: Way, question: Asked<T>, asking: Asking): Promise<T>;
  readonly counts: Readonly<AskerCounts>;
}

const READ_ATTEMPTS = 3;
const RETRY_FIRST_MS = 500;
/** The machine was not even asked. */
const NOT_ASKED = ['power.queue_full', 'power.not_asked', 'power.stopped'];
/** Trying again at once would meet the same. */
const HOPELESS = [...NOT_ASKED, 'power.timeout'];

export function createAsker(parts: AskerParts): Asker {
  const counts: AskerCounts = { reads: 0, writes: 0, retries: 0, failures: 0, timeouts: 0, refused: 0, given_up: 0, breakers_opened: 0 };
  return { counts, ask: (way, question, asking) => askAgain(parts, counts, way, question, asking) };
}

async function askAgain<T>(parts: AskerParts, counts: AskerCounts, way: Way, question: Asked<T>, asking: Asking): Promise<T> {
  const attempts = question.kind === 'read' ? READ_ATTEMPTS : 1;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(parts, counts, way, question, asking);
    } catch (thrown) {
      const canHelp = thrown instanceof RackseedError && thrown.retryable && !HOPELESS.includes(thrown.code);
      if (asking.signal.aborted) throw thrown;
      if (!canHelp || attempt >= attempts) throw judged(parts, counts, way, thrown);
      parts.breakers.undecided(way.key);
      counts.retries += 1;
      await parts.clock.sleep(RETRY_FIRST_MS * 2 ** (attempt - 1) * (0.5 + parts.random.float()), asking.signal);
    }
  }
}

async function askOnce<T>(parts: AskerParts, counts: AskerCounts, way: Way, question: Asked<T>, asking: Asking): Promise<T> {
  const { breakers, lanes, clock } = parts;
  const { what, timeoutMs = parts.callTimeoutMs } = question;
  const mayProbe = question.kind === 'write' || question.isUrgent === true;
  const admit = (): void => {
    if (breakers.admits(way.key, mayProbe)) return;
    counts.refused += 1;
    throw notAsked(way, breakers.stateOf(way.key), clock.now());
  };
  admit();
  const signal = AbortSignal.any([asking.signal, parts.stopping]);
  const leave = await lanes.enter(way.key, signal);
  try {
    admit(); // it may have been given up while this one waited
  } catch (refused) {
    leave();
    throw refused;
  }
  breakers.begin(way.key);
  counts[question.kind === 'read' ? 'reads' : 'writes'] += 1;
  const call = timed({ clock, timeoutMs, signal, late: () => late(way, what, timeoutMs) }, (inner) => {
    const answer = question.ask(way.driver, way.target, { signal: inner, log: asking.log ?? parts.log });
    if (answer === undefined) throw unsupported(way, what);
    return answer;
  });
  void call.rest.then((end) => {
    if (end === 'given up') counts.given_up += 1;
    leave();
  });
  try {
    const answer = await call.answer;
    breakers.succeeded(way.key);
    return answer;
  } catch (thrown) {
    if (!signal.aborted) throw washed(thrown, what, way, parts.log);
    breakers.undecided(way.key);
    throw signal.reason;
  }
}

/** What a failed question says of the BMC, once for all of its attempts: that it is well when it answered and the question was wrong. */
function judged({ breakers, log }: AskerParts, counts: AskerCounts, { key, node }: Way, thrown: unknown): unknown {
  if (!(thrown instanceof RackseedError) || NOT_ASKED.includes(thrown.code)) return thrown;
  counts.failures += 1;
  if (thrown.code === 'power.timeout') counts.timeouts += 1;
  if (thrown.status < 500) {
    breakers.succeeded(key);
  } else if (breakers.failed(key, thrown.message)) {
    counts.breakers_opened += 1;
    log.warn({ node: node.uuid, key }, `${key} is left alone for a while: ${thrown.message}`);
  }
  return thrown;
}
