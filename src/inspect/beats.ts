// Heartbeats of agents, made few: a beat is a mark in memory, and a moment later one read tells for hundreds of them which have work that
// waits for their agent. Only those are written to. A crash loses marks of the last moment and nothing else: the agent beats again.

import { type Clock, type Component, type Log, messageOf } from '../lib/index.ts';
import { isProvisionState, isTransient, stateOf } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';

export interface BeatsOptions {
  readonly store: Pick<Store, 'db'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly agentHeard: (uuid: string) => Promise<void>;
  readonly everyMs?: number;
}

export interface Beats extends Component {
  /** The agent of this node lives. */
  note(uuid: string): void;
  /** Resolves when everything noted before has been looked at. */
  flush(): Promise<void>;
  /** When it was last heard, in this process. */
  heardAt(uuid: string): number | undefined;
}

const EVERY_MS = 200;
const CHUNK = 500;
/** A node that is being worked on has nothing that waits: its time is put off this often and no more. */
const BUSY_EVERY_MS = 10_000;
const MAX_REMEMBERED = 20_000;

export function createBeats({ store, clock, log, agentHeard, everyMs = EVERY_MS }: BeatsOptions): Beats {
  const marked = new Set<string>();
  const heard = new Map<string, number>();
  const putOff = new Map<string, number>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function look(uuids: readonly string[]): Promise<void> {
    const rows = await store.db.selectFrom('nodes').select(['uuid', 'provision_state']).where('uuid', 'in', uuids).execute();
    const now = clock.monotonic();
    const due = rows.filter(({ uuid, provision_state: state }) => {
      if (!isProvisionState(state) || !isTransient(state)) return false;
      if (stateOf(state).kind === 'waiting') return true;
      const last = putOff.get(uuid);
      if (last !== undefined && now - last < BUSY_EVERY_MS) return false;
      remember(putOff, uuid, now);
      return true;
    });
    // Begun together, so that they share their commits.
    await Promise.all(due.map(({ uuid }) => drive(uuid)));
  }

  async function drive(uuid: string): Promise<void> {
    try {
      await agentHeard(uuid);
    } catch (error) {
      // Removed meanwhile, or the store is away: the next beat says it again.
      log.warn({ node: uuid, error: messageOf(error) }, 'a heartbeat could not be passed on');
    }
  }

  async function run(): Promise<void> {
    while (marked.size > 0) {
      const chunk = [...marked].slice(0, CHUNK);
      for (const uuid of chunk) marked.delete(uuid);
      try {
        await look(chunk);
      } catch (error) {
        log.warn({ beats: chunk.length, error: messageOf(error) }, 'heartbeats could not be looked at');
      }
      if (marked.size < CHUNK) await pause();
    }
    running = undefined;
  }

  /** Beats that come in meanwhile are looked at together. */
  async function pause(): Promise<void> {
    if (stopping.signal.aborted) return;
    await clock.sleep(everyMs, stopping.signal).catch(() => undefined);
  }

  return {
    name: 'heartbeats',
    start: () => Promise.resolve(),
    stop: async () => {
      stopping.abort();
      await running;
    },
    note: (uuid) => {
      remember(heard, uuid, clock.now());
      marked.add(uuid);
      running ??= run();
    },
    flush: async () => {
      while (running !== undefined) await running;
    },
    heardAt: (uuid) => heard.get(uuid),
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
