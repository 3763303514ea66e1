// Ends installations whose nodes have gone another way: failed, aborted, timed out, torn down. From the store, so that a restart goes on with
// it. What their machines ask for is refused by the nodes' states in any case: this is what makes the record say so.

import { type Clock, type Component, type Log, messageOf } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { InstallBook } from './book.ts';

export interface GivenUpOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly book: Pick<InstallBook, 'abandon'>;
}

export interface GivenUp extends Component {
  /** One look at all of them. */
  tick(): Promise<void>;
}

/** In these the deployment is under way. */
const UNDER_WAY = ['deploying', 'wait call-back', 'deploy hold'] as const;
/** Nothing waits for it. */
const LOOK_MS = 5000;
const BATCH = 200;
const REASON_MAX = 1000;

export function createGivenUp({ store, clock, log, book }: GivenUpOptions): GivenUp {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function tick(): Promise<void> {
    const rows = await store.db
      .selectFrom('installations')
      .innerJoin('nodes', 'nodes.uuid', 'installations.node_uuid')
      .select(['installations.node_uuid', 'installations.deployment', 'nodes.provision_state', 'nodes.last_error'])
      .where('installations.ended_at', 'is', null)
      .where('nodes.provision_state', 'not in', UNDER_WAY)
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      const reason = row.last_error ?? `its node is "${row.provision_state}"`;
      await book.abandon(row.node_uuid, row.deployment, reason.slice(0, REASON_MAX));
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await tick();
      } catch (thrown) {
        log.warn({ error: messageOf(thrown) }, 'installations that were given up could not be looked after'); // the next look tries again
      }
      await clock.sleep(LOOK_MS, stopping.signal).catch(() => undefined); // stopped: the only way a sleep fails
    }
  }

  return {
    name: 'installations',
    tick,
    start: () => {
      running = run();
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
