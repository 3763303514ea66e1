// What a driver has to remember of a machine, beyond the node's own fields and over restarts: a small JSON value per driver and node.
// Writes of one moment share a transaction. Nothing secret: it is stored as it is.

import { assert, type Clock } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';

export interface Memory {
  /** {} when nothing is remembered. */
  read(driver: string, uuid: string): Promise<JsonObject>;
  /** Resolves when it is stored; at once where it is the same already. {} forgets. */
  write(driver: string, uuid: string, value: JsonObject): Promise<void>;
}

/** As large as driver_internal_info may be would be too much for something read at every call. */
const MAX_BYTES = 64 * 1024;
/** Machines whose values are held in memory; the one not used for longest goes first and is read again. */
const MAX_CACHED = 20_000;
const MAX_BATCH = 200;

interface Write {
  readonly key: string;
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface MemoryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly maxCached?: number;
}

export function createMemory({ store, clock, maxCached = MAX_CACHED }: MemoryOptions): Memory {
  const cache = new Map<string, string>();
  let waiting: Write[] = [];
  let isWriting = false;

  const remember = (key: string, text: string): void => {
    cache.delete(key); // to the young end
    cache.set(key, text);
    for (const oldest of cache.keys()) {
      if (cache.size <= maxCached) break;
      cache.delete(oldest);
    }
  };

  const textOf = async (key: string): Promise<string> => {
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const row = await store.db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();
    // A write that came in between knows better.
    const text = cache.get(key) ?? row?.value ?? '{}';
    remember(key, text);
    return text;
  };

  const drain = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      try {
        await store.transaction(async (tx) => {
          for (const { key, text } of batch) await writeRow(tx, key, text, clock.now());
        });
        for (const write of batch) write.resolve();
      } catch (error) {
        for (const write of batch) {
          // The store knows what it has, unless a newer value is about to be written.
          if (!waiting.some((later) => later.key === write.key)) cache.delete(write.key);
          write.reject(error);
        }
      }
    }
    isWriting = false;
  };

  return {
    read: async (driver, uuid) => parse(await textOf(keyOf(driver, uuid))),
    write: async (driver, uuid, value) => {
      const key = keyOf(driver, uuid);
      const text = JSON.stringify(value);
      assert(Buffer.byteLength(text) <= MAX_BYTES, `the driver ${driver} wants to remember ${text.length} bytes of one machine`);
      if ((await textOf(key)) === text) return;
      remember(key, text);
      await new Promise<void>((resolve, reject) => {
        waiting.push({ key, text, resolve, reject });
        if (!isWriting) void drain();
      });
    },
  };
}

/** What drivers remember of nodes that are gone. */
export async function forgetGoneNodes(store: Store): Promise<void> {
  const rows = await store.db.selectFrom('settings').select('key').where('key', 'like', `${PREFIX}%`).execute();
  if (rows.length === 0) return;
  const present = new Set((await store.db.selectFrom('nodes').select('uuid').execute()).map((row) => row.uuid));
  for (const { key } of rows)
    if (!present.has(key.slice(-UUID_LENGTH))) await store.db.deleteFrom('settings').where('key', '=', key).execute();
}

const PREFIX = 'driver:';
const UUID_LENGTH = 36;

function keyOf(driver: string, uuid: string): string {
  return `${PREFIX}${driver}:${uuid}`;
}

async function writeRow(tx: Parameters<Parameters<Store['transaction']>[0]>[0], key: string, text: string, now: number): Promise<void> {
  if (text === '{}') {
    await tx.deleteFrom('settings').where('key', '=', key).execute();
    return;
  }
  await tx
    .insertInto('settings')
    .values({ key, value: text, updated_at: now })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: text, updated_at: now }))
    .execute();
}

function parse(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // JSON.parse gives JSON
}
