// A boot decision with a limit, for DHCPv4 and DHCPv6 alike: one that fails or hangs costs the boot, not the address.

import { type Clock, type Log, type Mac, messageOf } from '../lib/index.ts';

export interface TimedDecision<Offer> {
  readonly mac: Mac;
  readonly decide: () => Promise<Offer>;
  readonly limitMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Never rejects: what went wrong becomes the reason of a silence. */
export async function decideInTime<Offer>(ask: TimedDecision<Offer>): Promise<Offer | { readonly silent: string }> {
  const { mac, decide, limitMs, clock, log } = ask;
  const timer = new AbortController();
  const late = clock.sleep(limitMs, timer.signal).then(
    () => ({ silent: `no boot decision within ${limitMs} ms` }),
    () => ({ silent: 'decided' }), // the sleep was called off: the race is over
  );
  try {
    return await Promise.race([decide(), late]);
  } catch (thrown) {
    log.error({ mac, error: thrown }, `boot decision failed: ${messageOf(thrown)}`);
    return { silent: `the boot decision failed: ${messageOf(thrown)}` };
  } finally {
    timer.abort();
  }
}
