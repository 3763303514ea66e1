// Durable events per second: a transaction of the store that appends one event, against the same insert by hand with the same
// settings (WAL, synchronous FULL). All of them on one disk, each in a file of its own.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import Sqlite from 'better-sqlite3';
import { silentLog, systemClock, systemRandom } from '../src/lib/index.ts';
import { openStore, type Store } from '../src/store/index.ts';
import type { Bench, Measure } from './harness.ts';

const DIRECTORY = join(import.meta.dirname, '..', '.artefacts', 'bench-store');
const SINGLE = 300;
const AT_ONCE = 100;
const BATCH = 100;
const REPEATS = 10;
const MESSAGE = 'node n1 moved from enroll to manageable because the operator asked for it';
const DATA = JSON.stringify({ from: 'enroll', to: 'manageable', who: 'user', padding: 'x'.repeat(120) });

const TABLE = `create table events (seq integer primary key, at integer not null, type text not null, severity text not null,
  node_uuid text, task_id text, message text not null, data text not null) strict;
  create index events_node_uuid_seq on events (node_uuid, seq); create index events_type_seq on events (type, seq)`;
const INSERT = 'insert into events (seq, at, type, severity, node_uuid, task_id, message, data) values (?, ?, ?, ?, ?, ?, ?, ?)';

/** What a peer must offer: run statements, and the insert prepared. */
interface Raw {
  exec(sql: string): void;
  insert(seq: number): void;
  close(): void;
}

let store: Store;
let raws: { readonly better: Raw; readonly node: Raw };

export const bench: Bench = {
  name: 'store',
  unit: 'events/s',
  larger: true,
  rounds: 7,
  note:
    'ours also raises the counter that numbers the events without gaps, checks the transaction and builds its SQL with Kysely; ' +
    'the peers only insert. "100 at once": 100 transactions begun together; ours share commits, by hand they are 100 commits.',
  async setup() {
    await rm(DIRECTORY, { recursive: true, force: true });
    await mkdir(DIRECTORY, { recursive: true });
    const url = `sqlite://${join(DIRECTORY, 'ours.sqlite')}`;
    store = await openStore({
      url,
      keys: [{ id: 'bench', bytes: Buffer.alloc(32) }],
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    });
    raws = { better: openBetter(join(DIRECTORY, 'better.sqlite')), node: openNode(join(DIRECTORY, 'node.sqlite')) };
  },
  async teardown() {
    await store.close();
    raws.better.close();
    raws.node.close();
    await rm(DIRECTORY, { recursive: true, force: true });
  },
  ours: {
    single: () => perSecond(SINGLE, () => repeat(SINGLE, () => appendOne())),
    '100 at once': () => perSecond(AT_ONCE * REPEATS, () => repeat(REPEATS, () => Promise.all(Array.from({ length: AT_ONCE }, appendOne)))),
    'batch of 100': () => perSecond(BATCH * REPEATS, () => repeat(REPEATS, appendBatch)),
  },
  peers: {
    'better-sqlite3': peerCases(() => raws.better),
    'node:sqlite': peerCases(() => raws.node),
  },
};

function appendOne(): Promise<number> {
  return store.transaction((tx) => store.events.append(tx, event()));
}

function appendBatch(): Promise<void> {
  return store.transaction(async (tx) => {
    for (let index = 0; index < BATCH; index += 1) await store.events.append(tx, event());
  });
}

function event() {
  return { type: 'node.moved', message: MESSAGE, nodeUuid: '6f1b4c1e-0000-4000-8000-000000000001', data: { data: DATA } };
}

function peerCases(raw: () => Raw): Readonly<Record<string, Measure>> {
  let seq = 0;
  const commit = (events: number): void => {
    raw().exec('begin immediate');
    for (let index = 0; index < events; index += 1) raw().insert(++seq);
    raw().exec('commit');
  };
  return {
    single: () => perSecond(SINGLE, () => repeat(SINGLE, () => commit(1))),
    '100 at once': () => perSecond(AT_ONCE, () => repeat(AT_ONCE, () => commit(1))),
    'batch of 100': () => perSecond(BATCH * REPEATS, () => repeat(REPEATS, () => commit(BATCH))),
  };
}

async function perSecond(events: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (events * 1000) / (performance.now() - start);
}

async function repeat(times: number, work: () => unknown): Promise<void> {
  for (let time = 0; time < times; time += 1) await work();
}

function rowOf(seq: number): (string | number | null)[] {
  return [seq, Date.now(), 'node.moved', 'info', '6f1b4c1e-0000-4000-8000-000000000001', null, MESSAGE, JSON.stringify({ data: DATA })];
}

const SETTINGS = 'pragma journal_mode = wal; pragma synchronous = full';

function openBetter(path: string): Raw {
  const db = new Sqlite(path);
  db.exec(`${SETTINGS}; ${TABLE}`);
  const insert = db.prepare(INSERT);
  return { exec: (sql) => void db.exec(sql), insert: (seq) => void insert.run(rowOf(seq)), close: () => void db.close() };
}

function openNode(path: string): Raw {
  const db = new DatabaseSync(path);
  db.exec(`${SETTINGS}; ${TABLE}`);
  const insert = db.prepare(INSERT);
  return { exec: (sql) => db.exec(sql), insert: (seq) => void insert.run(...rowOf(seq)), close: () => db.close() };
}
