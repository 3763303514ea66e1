// The key outside the database: from a systemd credential or a key file that is made once. A database that has a key is
// never given another one silently: what the old one sealed could not be opened again.

import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, RackseedError, type Random, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';
import { sqliteHasKey } from './sqlite/inspect.ts';
import type { StoreKey } from './types.ts';
import { parseStoreUrl } from './url.ts';

const FORMAT = 'rackseed-key-v1';
const KEY_BYTES = 32;
const OTHERS_MAY = 0o077;
const COMMENT =
  '# The key to the secrets in the Rackseed database. Keep a copy apart from the backups of the database: nothing replaces it.';

export interface KeySource {
  /** The store the key is for: a key is made only for one that has none yet. */
  readonly url: string;
  readonly keyFile: string;
  /** Path of a systemd credential with the same content ($CREDENTIALS_DIRECTORY/NAME); used instead of the key file. */
  readonly credential?: string;
  readonly random: Random;
}

export async function loadStoreKeys(source: KeySource): Promise<readonly StoreKey[]> {
  if (source.credential !== undefined) return readCredential(source.credential);
  const keys = await readKeyFile(source.keyFile);
  if (keys !== undefined) return keys;
  if (await hasKey(source.url)) throw keyMissing(source.keyFile);
  return createKeyFile(source.keyFile, newKey(source.random));
}

export function newKey(random: Random): StoreKey {
  return keyOf(random.bytes(KEY_BYTES));
}

/** Undefined when there is no such file. */
export async function readKeyFile(path: string): Promise<readonly StoreKey[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
    const { mode } = await stat(path);
    if ((mode & OTHERS_MAY) !== 0)
      throw fail('store.key_exposed', { message: `other users may read or write the key file ${path}`, hint: `chmod 600 ${path}` });
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw systemCode(thrown) === undefined || thrown instanceof RackseedError ? thrown : unusable(path, 'read', thrown);
  }
  return parseKeys(text, path);
}

/** Replaces the key file in one step: at any moment it is the old one or the new one, whole. */
export async function writeKeyFile(path: string, keys: readonly StoreKey[]): Promise<void> {
  await place(path, keys, (partial) => rename(partial, path));
}

async function createKeyFile(path: string, key: StoreKey): Promise<readonly StoreKey[]> {
  try {
    // link() refuses an existing name, so of two that start at once one makes the key and both use it
    await place(path, [key], (partial) => link(partial, path));
    return [key];
  } catch (thrown) {
    const keys = systemCode(thrown instanceof RackseedError ? thrown.cause : thrown) === 'EEXIST' ? await readKeyFile(path) : undefined;
    if (keys === undefined) throw thrown;
    return keys;
  }
}

async function place(path: string, keys: readonly StoreKey[], move: (partial: string) => Promise<void>): Promise<void> {
  const directory = dirname(path);
  const partial = join(directory, `.${basename(path)}.${randomUUID()}.partial`);
  try {
    await writeSynced(partial, textOf(keys));
    await move(partial);
    await syncDirectory(directory);
  } catch (thrown) {
    throw unusable(path, 'written', thrown);
  } finally {
    await rm(partial, { force: true });
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readCredential(path: string): Promise<readonly StoreKey[]> {
  try {
    return parseKeys(await readFile(path, 'utf8'), path);
  } catch (thrown) {
    if (systemCode(thrown) === undefined || thrown instanceof RackseedError) throw thrown;
    throw fail('store.key_missing', {
      message: `the store key's credential ${path} can't be read (${systemCode(thrown) ?? messageOf(thrown)})`,
      hint: 'check LoadCredential= or LoadCredentialEncrypted= of the unit',
      cause: thrown,
    });
  }
}

function parseKeys(text: string, path: string): readonly StoreKey[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const keys = lines.map((line) => parseKey(line, path));
  if (keys.length === 0) throw invalid(path, 'there is no key in it');
  return keys;
}

function parseKey(line: string, path: string): StoreKey {
  const [format, id, text] = line.trim().split(/\s+/);
  if (format !== FORMAT || id === undefined || text === undefined) throw invalid(path, `a line is not "${FORMAT} ID KEY"`);
  const key = keyOf(Buffer.from(text, 'base64'));
  // The id is a digest of the key: a wrong letter in either is found here and not when a secret is needed.
  if (key.bytes.length !== KEY_BYTES || key.id !== id) throw invalid(path, `the key ${id} is damaged`);
  return key;
}

function keyOf(bytes: Buffer): StoreKey {
  const id = createHash('sha256').update('rackseed store key id ').update(bytes).digest('hex').slice(0, 12);
  return { id, bytes };
}

function textOf(keys: readonly StoreKey[]): string {
  const lines = keys.map((key) => `${FORMAT} ${key.id} ${key.bytes.toString('base64')}`);
  return `${[COMMENT, ...lines].join('\n')}\n`;
}

async function hasKey(url: string): Promise<boolean> {
  const location = parseStoreUrl(url);
  if (location.dialect === 'sqlite') return sqliteHasKey(location.path);
  const { postgresHasKey } = await import('./postgres/has-key.ts');
  return postgresHasKey(location);
}

function keyMissing(path: string) {
  return fail('store.key_missing', {
    message: `the database holds sealed secrets, and its key file ${path} is not there`,
    hint: 'put the key file back from where its copy is kept, or start with a new, empty database',
  });
}

function invalid(path: string, what: string) {
  return fail('store.key_invalid', { message: `the key file ${path} can't be used: ${what}`, hint: 'put back the copy of the key file' });
}

function unusable(path: string, what: string, cause: unknown) {
  return fail('store.key_file', {
    message: `the key file ${path} can't be ${what} (${systemCode(cause) ?? messageOf(cause)})`,
    hint: `check that ${dirname(path)} is there and belongs to uid ${process.getuid?.() ?? 'unknown'}`,
    cause,
  });
}
