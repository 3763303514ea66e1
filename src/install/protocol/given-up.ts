// Ends installations whose nodes have gone another way: failed, aborted, timed out, torn down. From the store, so that a restart goes on with
// it. What their machines ask for is refused by the nodes' states in any case: this is what makes the record say so.

import { type Component, type Log, messageOf, type Vigil } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { InstallBook } from './book.ts';

export interface GivenUpOptions {
  readonly store: Store;
  readonly log: Log;
  readonly book: Pick<InstallBook, 'abandon'>;
  /** Looks go by it, since who counts silence has to learn when we were stopped. */
  readonly vigil: Pick<Vigil, 'sleep'>;
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
/** Records that could not be ended, told once each; at the cap they are told once more. */
const TOLD_MAX = 1000;

export function createGivenUp({ store, log, book, vigil }: GivenUpOptions): GivenUp {
  const stopping = new AbortController();
  const told = new Set<string>();
  let running: Promise<void> = Promise.resolve();

  function rowsAfter(uuid: string) {
    return store.db
      .selectFrom('installations')
      .innerJoin('nodes', 'nodes.uuid', 'installations.node_uuid')
      .select(['installations.uuid', 'installations.node_uuid', 'installations.deployment', 'nodes.provision_state', 'nodes.last_error'])
      .where('installations.ended_at', 'is', null)
      .where('nodes.provision_state', 'not in', UNDER_WAY)
      .where('installations.uuid', '>', uuid)
      .orderBy('installations.uuid')
      .limit(BATCH)
      .execute();
  }

  async function end(row: Awaited<ReturnType<typeof rowsAfter>>[number]): Promise<void> {
    const reason = row.last_error ?? `its node is "${row.provision_state}"`;
    try {
      await book.abandon(row.node_uuid, row.deployment, reason.slice(0, REASON_MAX));
      told.delete(row.uuid);
    } catch (thrown) {
      // A damaged record must not keep the others; the next look tries it again.
      if (told.has(row.uuid)) return;
      if (told.size >= TOLD_MAX) told.clear();
      told.add(row.uuid);
      log.error(
        { installation: row.uuid, node: row.node_uuid, error: messageOf(thrown) },
        'an installation that was given up could not be ended: its record may be damaged; another deployment of the node puts a new one in its place',
      );
    }
  }

  async function tick(): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await rowsAfter(after);
      for (const row of rows) await end(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < BATCH) return;
      after = last.uuid;
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await tick();
      } catch (thrown) {
        log.warn({ error: messageOf(thrown) }, 'installations that were given up could not be looked after'); // the next look tries again
      }
      await vigil.sleep(LOOK_MS, stopping.signal).catch(() => undefined); // stopped: the only way a sleep fails
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
