// What can be wrong with the file, its directory and its disk: each said clearly, and nothing damaged.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import { MIGRATIONS } from '../../../src/store/migrations/index.ts';
import type { Migration } from '../../../src/store/migrations/types.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { parseLine, storeAt } from './fixture.ts';
import { setSetting, settingKeys } from './rows.ts';
import { pathOf } from './sqlite.ts';

const run = promisify(execFile);
const CHILD = new URL('child.ts', import.meta.url).pathname;
const PAGE = 4096;

describe('the place of a SQLite database', () => {
  it('must be a directory that exists', async () => {
    const directory = await temporaryDirectory();
    const url = `sqlite://${directory}/not/there/rackseed.sqlite`;
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.directory_missing', hint: containing('mkdir -p') });
    expect(await readdir(directory)).toEqual([]);
  });

  it('must not be below a file', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    await expect(storeAt(`sqlite://${directory}/file/rackseed.sqlite`)).rejects.toMatchObject({ code: 'store.directory_missing' });
  });

  it('must not be a directory itself', async () => {
    const url = `sqlite://${await temporaryDirectory()}`;
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.not_a_database' });
  });

  it('must be writable by this user', async () => {
    const directory = await temporaryDirectory();
    // root obeys the mode of a directory once it has no CAP_DAC_OVERRIDE
    const lines = await inShell(
      `chmod 500 ${directory}; exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"`,
      'open',
      `sqlite://${directory}/rackseed.sqlite`,
    );
    expect(lines).toMatchObject([{ code: 'store.not_writable', message: containing(directory), hint: containing('chown') }]);
  });

  it('must not be mounted read-only', async () => {
    const url = await databaseWithRow();
    const directory = dirname(pathOf(url));
    const before = await digest(pathOf(url));
    const lines = await inShell(`mount --bind ${directory} ${directory}; mount -o remount,bind,ro ${directory}; exec "$@"`, 'open', url);
    expect(lines).toMatchObject([{ code: 'store.read_only', message: containing('mounted read-only') }]);
    expect(await digest(pathOf(url))).toBe(before);
  });

  it('may become full: writes fail, reads go on, and everything acknowledged is there after a restart', async () => {
    const directory = await temporaryDirectory();
    const url = `sqlite://${directory}/rackseed.sqlite`;
    const lines = await inShell(
      `mount -t tmpfs -o size=6m tmpfs ${directory}
       head -c 1M /dev/zero > ${directory}/ballast
       "$@"
       cat /dev/zero > ${directory}/rest 2>/dev/null || true
       ${process.execPath} ${CHILD} open ${url}
       rm ${directory}/ballast ${directory}/rest
       ${process.execPath} ${CHILD} open ${url}
       ${process.execPath} ${CHILD} fill ${url}`,
      'fill',
      url,
    );
    const [, full, reading, again, ...restarts] = lines;
    expect(full).toMatchObject({ code: 'store.full', message: containing('no space left'), hint: containing('free space') });
    const acknowledged = Number(full?.acknowledged);
    expect(acknowledged).toBeGreaterThan(100);
    expect(reading).toEqual({ readable: Math.min(acknowledged, 1000), last: acknowledged });
    expect(again).toEqual({ again: 'store.full' });
    // Started while the disk is full: says so. Started with space again: all is there, and more can be written.
    expect(restarts[0]).toMatchObject({ code: 'store.full' });
    expect(restarts.slice(1, 3)).toEqual([{ opened: true }, { events: acknowledged }]);
    expect(Number(restarts[4]?.acknowledged)).toBeGreaterThan(acknowledged);
  });
});

describe('many transactions at once on a disk that becomes full', () => {
  it('are there when they were acknowledged, and only then', async () => {
    const store = await storeAt(await databaseWithRow());
    onTestFinished(() => store.close());
    // To SQLite a limit on its pages is a full disk.
    await store.transaction(async (tx) => {
      const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(tx);
      await sql`pragma max_page_count = ${sql.lit((rows[0]?.page_count ?? 0) + 60)}`.execute(tx);
    });
    const write = (index: number): Promise<unknown> =>
      store.transaction((tx) =>
        tx
          .insertInto('settings')
          .values({ key: `k${index}`, value: 'x'.repeat(1 + index * 37), updated_at: 1 })
          .execute(),
      );
    const results = await Promise.allSettled(Array.from({ length: 400 }, (_, index) => write(index)));
    const kept = results.flatMap((result, index) => (result.status === 'fulfilled' ? [`k${index}`] : []));
    const codes = new Set(results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : [])));
    expect([...codes]).toEqual(['store.full']);
    expect(kept.length).toBeGreaterThan(10);
    expect(await settingKeys(store)).toEqual(['a', ...kept].toSorted());
    await store.transaction((tx) => sql`pragma max_page_count = 100000`.execute(tx));
    await write(1000);
  });
});

describe('a damaged SQLite database', () => {
  it.each([
    ['a byte of the first page after its header text', 30],
    ['the schema format', 44],
    ['the text encoding', 56],
    ['the root of the schema', 100],
    ['the cells of a table', 3 * PAGE],
    ['the cells of another table', 6 * PAGE + 1],
  ])('is found when it is opened, and left as it is: %s', async (_, offset) => {
    const url = await databaseWithRow();
    await overwrite(pathOf(url), offset, Buffer.alloc(8, 0xff));
    const before = await digest(pathOf(url));
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.corrupt', hint: containing('backup') });
    expect(await digest(pathOf(url))).toBe(before);
  });

  it('is found when it was cut short', async () => {
    const url = await databaseWithRow();
    await truncate(pathOf(url), 5 * PAGE + 100);
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.corrupt' });
  });

  it('can be replaced by its backup', async () => {
    const url = await databaseWithRow();
    await copyFile(pathOf(url), `${pathOf(url)}.copy`);
    await overwrite(pathOf(url), 3 * PAGE, Buffer.alloc(8, 0xff));
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.corrupt' });
    await copyFile(`${pathOf(url)}.copy`, pathOf(url));
    await expectRow(url);
  });

  it('is no database at all when it begins with other text', async () => {
    const path = join(await temporaryDirectory(), 'rackseed.sqlite');
    await writeFile(path, '# my notes\n'.repeat(1000));
    const before = await digest(path);
    await expect(storeAt(`sqlite://${path}`)).rejects.toMatchObject({ code: 'store.not_a_database', message: containing(path) });
    expect(await digest(path)).toBe(before);
  });
});

describe('a SQLite database in use', () => {
  it('is refused to a second store, and free again when the first is closed', async () => {
    const url = await databaseWithRow();
    const first = await storeAt(url);
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.in_use', message: containing(String(process.pid)) });
    await first.close();
    await expectRow(url);
  });

  it('is free again after an opening that failed', async () => {
    const url = await databaseWithRow();
    await expect(storeAt(url, { keys: [{ id: 'x', bytes: Buffer.alloc(32) }] })).rejects.toMatchObject({ code: 'store.key_wrong' });
    await expectRow(url);
  });

  it('makes a transaction fail, and not the store, while another program writes to it', async () => {
    const url = await databaseWithRow();
    const store = await storeAt(url);
    onTestFinished(() => store.close());
    const other = new Sqlite(pathOf(url));
    other.exec('begin immediate');
    await expect(setSetting(store, 'b', '')).rejects.toMatchObject({ code: 'store.busy', retryable: true });
    expect(await settingKeys(store)).toEqual(['a']);
    other.close();
    await setSetting(store, 'b', '');
  });
});

describe('the copy before a migration', () => {
  it('holds the rows and the version from before', async () => {
    const url = await databaseWithRow();
    const clock = createFakeClock(Date.UTC(2026, 0, 2, 3, 4, 5));
    await (await storeAt(url, { migrations: [...MIGRATIONS, extra(1)], clock })).close();
    const version = MIGRATIONS.length;
    const copy = `${pathOf(url)}.backup-v${version}-20260102T030405Z`;
    expect(await backups(url)).toEqual([copy]);
    await expectRow(`sqlite://${copy}`);
    // and the migrated one is the newer
    await expect(storeAt(url)).rejects.toMatchObject({ code: 'store.newer_version' });
  });

  it('is made only when there is something to migrate', async () => {
    const url = await databaseWithRow();
    await (await storeAt(url)).close();
    expect(await backups(url)).toEqual([]);
  });

  it('is there, too, when the migration fails, and the database is as before', async () => {
    const url = await databaseWithRow();
    const broken: Migration = { ...extra(1), up: () => Promise.reject(new Error('no')) };
    await expect(storeAt(url, { migrations: [...MIGRATIONS, broken] })).rejects.toMatchObject({ code: 'store.migration_failed' });
    expect(await backups(url)).toHaveLength(1);
    await expectRow(url);
  });

  it('is kept three times at most, the newest', async () => {
    const url = await databaseWithRow();
    const clock = createFakeClock();
    for (let count = 1; count <= 5; count += 1) {
      await (
        await storeAt(url, { migrations: [...MIGRATIONS, ...Array.from({ length: count }, (_, index) => extra(index + 1))], clock })
      ).close();
      await clock.advance(1000);
    }
    const versions = (await backups(url)).map((name) => Number(/backup-v(\d+)/.exec(name)?.[1]) - MIGRATIONS.length);
    expect(versions.toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
  });
});

function codeOf(thrown: unknown): string {
  return thrown instanceof RackseedError ? thrown.code : String(thrown);
}

function extra(number: number): Migration {
  return {
    version: MIGRATIONS.length + number,
    name: `extra${number}`,
    up: (tx, types) => tx.schema.alterTable('settings').addColumn(`extra${number}`, types.text).execute(),
  };
}

async function databaseWithRow(): Promise<string> {
  const url = `sqlite://${join(await temporaryDirectory(), 'rackseed.sqlite')}`;
  const store = await storeAt(url);
  await setSetting(store, 'a', '1');
  await store.close();
  return url;
}

async function expectRow(url: string): Promise<void> {
  const store = await storeAt(url);
  expect(await settingKeys(store)).toEqual(['a']);
  await store.close();
}

async function backups(url: string): Promise<string[]> {
  const directory = dirname(pathOf(url));
  return (await readdir(directory)).filter((name) => name.includes('.backup-')).map((name) => join(directory, name));
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

async function digest(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(directory, { recursive: true });
  return directory;
}

/** Runs a script in a mount namespace of its own; "$@" in it is the child process with `action` and `url`. */
async function inShell(script: string, action: string, url: string): Promise<Record<string, unknown>[]> {
  const isRoot = process.getuid?.() === 0;
  const namespace = isRoot ? ['--mount'] : ['--mount', '--map-root-user'];
  const { stdout } = await run('unshare', [...namespace, 'sh', '-e', '-c', script, 'sh', process.execPath, CHILD, action, url]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map(parseLine);
}
