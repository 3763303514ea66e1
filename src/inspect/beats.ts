// Heartbeats of agents, made few: a beat is a mark in memory, and a moment later one read tells for many of them which have work that
// waits for their agent. Only those are written to. A crash loses marks of the last moment and nothing else: the agent beats again.

import { type Clock, type Component, type Log, messageOf } from '../lib/index.ts';
import { isProvisionState, isTransient } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';

export interface BeatsOptions {
  readonly store: Pick<Store, 'db'>;
  readonly clock: Clock;
  readonly log: Log;
  /** `isBusy`: it is at something, whose end it will tell. */
  readonly agentHeard: (uuid: string, isBusy: boolean) => Promise<void>;
  readonly everyMs?: number;
  /** A node is looked at this often at most; a beat before then is not lost, it waits. OpenStack's agent never beats faster than this. */
  readonly eachMs?: number;
}

export interface Beats extends Component {
  /** The agent of this node lives. */
  note(uuid: string, isBusy?: boolean): void;
}

const EVERY_MS = 25;
const EACH_MS = 5000;
/** More at once keep whoever else asks waiting. */
const CHUNK = 50;
const MAX_REMEMBERED = 20_000;

export function createBeats({ store, clock, log, agentHeard, everyMs = EVERY_MS, eachMs = EACH_MS }: BeatsOptions): Beats {
  const marked = new Map<string, boolean>();
  const lookedAt = new Map<string, number>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function look(beats: ReadonlyMap<string, boolean>): Promise<void> {
    const uuids = [...beats.keys()];
    const rows = await store.db.selectFrom('nodes').select(['uuid', 'provision_state']).where('uuid', 'in', uuids).execute();
    const due = rows.filter((row) => isProvisionState(row.provision_state) && isTransient(row.provision_state));
    // Begun together, so that they share their commits.
    await Promise.all(due.map(({ uuid }) => drive(uuid, beats.get(uuid) === true)));
  }

  async function drive(uuid: string, isBusy: boolean): Promise<void> {
    try {
      await agentHeard(uuid, isBusy);
    } catch (error) {
      // Removed meanwhile, or the store is away: the next beat says it again.
      log.warn({ node: uuid, error: messageOf(error) }, 'a heartbeat could not be passed on');
    }
  }

  function takeDue(): Map<string, boolean> {
    const now = clock.monotonic();
    const due = new Map<string, boolean>();
    for (const [uuid, isBusy] of marked) {
      if (now - (lookedAt.get(uuid) ?? Number.NEGATIVE_INFINITY) < eachMs) continue;
      remember(lookedAt, uuid, now);
      marked.delete(uuid);
      if (due.set(uuid, isBusy).size === CHUNK) break;
    }
    return due;
  }

  async function run(): Promise<void> {
    while (marked.size > 0 && !stopping.signal.aborted) {
      const due = takeDue();
      try {
        if (due.size > 0) await look(due);
      } catch (error) {
        log.warn({ beats: due.size, error: messageOf(error) }, 'heartbeats could not be looked at');
      }
      // Beats that come in meanwhile are looked at together. Rejects when it is told to stop.
      await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
    }
    running = undefined;
  }

  return {
    name: 'heartbeats',
    start: () => Promise.resolve(),
    stop: async () => {
      stopping.abort();
      await running;
    },
    note: (uuid, isBusy = false) => {
      marked.set(uuid, isBusy);
      running ??= run();
    },
  };
}

/** Bounded: the one written longest ago makes room. */
function remember(map: Map<string, number>, uuid: string, at: number): void {
  map.delete(uuid);
  map.set(uuid, at);
  if (map.size <= MAX_REMEMBERED) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
