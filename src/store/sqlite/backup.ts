// A copy of the database before a migration touches it, beside it, whole or not there.

import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { translateSqlite } from './errors.ts';

const KEPT = 3;

/** Returns the path of the copy. */
export function backUp(path: string, version: number, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const copy = `${path}.backup-v${version}-${stamp}`;
  const partial = `${copy}.partial`;
  rmSync(partial, { force: true });
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      db.prepare('vacuum into ?').run(partial);
    } finally {
      db.close();
    }
    sync(partial);
    renameSync(partial, copy);
    sync(dirname(path));
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw translateSqlite(thrown, partial);
  }
  removeOld(path);
  return copy;
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The stamp sorts by time; the version before it does not, so it is left out of the comparison. */
function removeOld(path: string): void {
  const directory = dirname(path);
  const prefix = `${basename(path)}.backup-v`;
  const stampOf = (name: string): string => name.slice(name.lastIndexOf('-') + 1);
  const copies = readdirSync(directory).filter((name) => name.startsWith(prefix) && !name.endsWith('.partial'));
  const old = copies.toSorted((a, b) => (stampOf(a) < stampOf(b) ? 1 : -1)).slice(KEPT);
  for (const name of old) rmSync(join(directory, name), { force: true });
}
