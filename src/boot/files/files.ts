// The boot files by name: maps made from the manifests beside them. No request ever reaches the file system by path.

import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';

export interface BootFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** The package it is from, or who gave it. */
  readonly origin?: string;
}

/** What readers need of a map; the appliance's own changes its contents as a whole (live-files.ts). */
export interface BootFiles {
  get(name: string): BootFile | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
}

export const AGENT_KERNEL = 'agent/vmlinuz-amd64';
export const AGENT_INITRD = 'agent/initrd-amd64';

/** In the directory of built files: what is there. Each of an operator's own files has an entry of its own instead, NAME.json. */
export const MANIFEST = 'manifest.json';
/** The operator's own files, below the data directory. */
export const OWN_FILES = 'loaders';
/** Below either directory: the bytes, by their SHA-256. A name gets other bytes by pointing elsewhere. */
export const CONTENT = 'content';

/** Plain words with single slashes between: never upwards, never absolute. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;
const OWN_FILES_MAX = 64;

export const NO_BOOT_FILES: BootFiles = new Map();

/** Reads `manifest.json` in the directory and checks that each file is there with its size. */
export async function loadBootFiles(directory: string): Promise<ReadonlyMap<string, BootFile>> {
  const manifest = join(directory, MANIFEST);
  try {
    const entries = parseManifest(await readFile(manifest, 'utf8'), directory);
    for (const file of entries) await checkSize(file);
    return new Map(entries.map((file) => [file.name, file]));
  } catch (thrown) {
    throw fail('boot.artefacts_missing', {
      message:
        systemCode(thrown) === 'ENOENT' ? `there are no boot files in ${directory} (no ${MANIFEST})` : `${manifest}: ${messageOf(thrown)}`,
      hint: 'Build the boot files with: rackseed image build',
      cause: thrown,
    });
  }
}

/** What an operator added: they take the place of built ones of the same name. No directory means none. */
export async function loadOwnFiles(directory: string): Promise<ReadonlyMap<string, BootFile>> {
  const own = new Map<string, BootFile>();
  const entries = await ownEntries(directory).catch((thrown: unknown) => {
    const hint = 'Give the directory to the user that runs Rackseed (chown).';
    throw fail('boot.own_file_broken', { message: `${directory}: ${messageOf(thrown)}`, hint, cause: thrown });
  });
  for (const entry of entries) {
    const path = join(directory, entry);
    try {
      const value: unknown = JSON.parse(await readFile(path, 'utf8'));
      const file = parseEntry(value, entry, directory);
      await checkSize(file);
      own.set(file.name, file);
    } catch (thrown) {
      throw fail('boot.own_file_broken', {
        message: `${path}: ${messageOf(thrown)}`,
        hint: `Add it again with: rackseed image loader add, or take it away with: rackseed image loader remove ${entry.replace(/\.json$/, '')}`,
        cause: thrown,
      });
    }
  }
  return own;
}

/** The first so many by name; no more than that has a meaning to us. */
export async function ownEntries(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory))
      .filter((name) => name.endsWith('.json'))
      .sort()
      .slice(0, OWN_FILES_MAX);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

async function checkSize(file: BootFile): Promise<void> {
  const handle = await open(file.path, 'r');
  try {
    const { size } = await handle.stat();
    if (size !== file.size) throw new Error(`${file.name} has ${size} bytes, the manifest says ${file.size}`);
  } finally {
    await handle.close();
  }
}

function parseManifest(text: string, directory: string): BootFile[] {
  const value: unknown = JSON.parse(text);
  const list = typeof value === 'object' && value !== null && 'artefacts' in value ? value.artefacts : undefined;
  if (!Array.isArray(list)) throw new Error('has no list "artefacts"');
  return list.map((entry: unknown, index) => parseEntry(entry, `artefacts[${index}]`, directory));
}

function parseEntry(entry: unknown, where: string, directory: string): BootFile {
  if (typeof entry !== 'object' || entry === null) throw new Error(`${where} is no object`);
  const { name, size, sha256, origin, file } = entry as Record<string, unknown>; // an object: each field is checked below
  if (typeof name !== 'string' || typeof size !== 'number' || typeof sha256 !== 'string')
    throw new Error(`${where} wants name, size and sha256`);
  const stored = file ?? name;
  for (const one of [name, stored]) {
    if (typeof one !== 'string' || !NAME.test(one))
      throw new Error(`${where}: ${JSON.stringify(one)} is no name of a file in this directory`);
  }
  // a string: the loop above looked at it
  const path = join(directory, stored as string);
  return { name, path, size, sha256, ...(typeof origin === 'string' ? { origin } : {}) };
}
