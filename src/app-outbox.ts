// What leaves the appliance by the outbox. Nobody is told yet, so what is due is done: the table must not grow without end.

import { type Clock, type Component, type Log, messageOf } from './lib/index.ts';
import type { Outbox } from './store/index.ts';

const EVERY_MS = 60_000;
const BATCH = 200;

export interface OutboxPump extends Component {
  /** One round: how many were settled. */
  drain(): Promise<number>;
}

export function createOutboxPump({
  outbox,
  clock,
  log,
}: {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
}): OutboxPump {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function drain(): Promise<number> {
    const due = await outbox.due(BATCH);
    for (const item of due) await outbox.done(item.id);
    return due.length;
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await clock.sleep(EVERY_MS, signal);
        while (!signal.aborted && (await drain()) === BATCH);
      } catch (thrown) {
        if (!signal.aborted) log.error({ error: messageOf(thrown) }, 'the outbox could not be settled'); // the next round tries again
      }
    }
  }

  return {
    name: 'outbox',
    drain,
    start: async () => {
      running = run(stopping.signal);
    },
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await running;
    },
  };
}
