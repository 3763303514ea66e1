// The appliances that share a store, as Ironic shows its conductors: each keeps a row of its own fresh. Knows nothing of what they do.

import { type Clock, type Component, type Log, messageOf } from '../lib/index.ts';
import type { ConductorTable, Store } from '../store/index.ts';

export interface Conductor {
  readonly hostname: string;
  readonly conductorGroup: string;
  /** Hardware types. */
  readonly drivers: readonly string[];
  /** The last sign of life; 0 when it has stopped. */
  readonly seenAt: number;
  readonly isAlive: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Conductors extends Component {
  /** By name. */
  list(): Promise<Conductor[]>;
  /** Who is in charge of the node: one of its conductor group, or of all where the group has none alive. Null: nobody is alive. */
  ofNode(node: { readonly uuid: string; readonly conductorGroup: string }): string | null;
}

export interface ConductorsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly hostname: string;
  readonly conductorGroup?: string;
  readonly drivers: () => readonly string[];
}

const BEAT_MS = 10_000;
const DEAD_MS = 60_000;
/** Appliances that were given up long ago; their rows go. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000;

export function createConductors(options: ConductorsOptions): Conductors {
  const { clock, log } = options;
  const stopping = new AbortController();
  let alive: readonly Conductor[] = [];
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    await beat(options, clock.now());
    alive = (await list(options)).filter((one) => one.isAlive);
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await clock.sleep(BEAT_MS, signal);
        await look();
      } catch (error) {
        if (!signal.aborted) log.error({ err: error }, `could not tell that this appliance is alive: ${messageOf(error)}`); // tried again
      }
    }
  }

  return {
    name: 'conductors',
    list: () => list(options),
    ofNode: ({ uuid, conductorGroup }) => {
      const own = alive.filter((one) => one.conductorGroup === conductorGroup);
      const able = own.length > 0 ? own : alive;
      return able[Number.parseInt(uuid.slice(0, 8), 16) % Math.max(1, able.length)]?.hostname ?? null;
    },
    start: async () => {
      await look();
      running = run(stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await running;
      if (running !== undefined) await beat(options, 0);
      running = undefined;
      alive = [];
    },
  };
}

async function beat({ store, clock, hostname, conductorGroup = '', drivers }: ConductorsOptions, seenAt: number): Promise<void> {
  const now = clock.now();
  const content = { conductor_group: conductorGroup, drivers: JSON.stringify([...drivers()].toSorted()), seen_at: seenAt, updated_at: now };
  await store.transaction(async (tx) => {
    await tx
      .insertInto('conductors')
      .values({ hostname, ...content, created_at: now })
      .onConflict((conflict) => conflict.column('hostname').doUpdateSet(content))
      .execute();
    await tx
      .deleteFrom('conductors')
      .where('updated_at', '<', now - FORGOTTEN_MS)
      .execute();
  });
}

async function list({ store, clock }: ConductorsOptions): Promise<Conductor[]> {
  const rows = await store.db.selectFrom('conductors').selectAll().orderBy('hostname').execute();
  return rows.map((row) => conductorOf(row, clock.now()));
}

function conductorOf(row: ConductorTable, now: number): Conductor {
  const drivers: unknown = JSON.parse(row.drivers);
  return {
    hostname: row.hostname,
    conductorGroup: row.conductor_group,
    drivers: Array.isArray(drivers) ? drivers.map(String) : [],
    seenAt: row.seen_at,
    isAlive: now - row.seen_at < DEAD_MS,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
