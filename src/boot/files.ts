// The boot files by name: a map made at start from the manifest beside them. No request ever reaches the file system by path.

import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface BootFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export type BootFiles = ReadonlyMap<string, BootFile>;

export const AGENT_KERNEL = 'agent/vmlinuz-amd64';
export const AGENT_INITRD = 'agent/initrd-amd64';

/** Plain words with single slashes between: never upwards, never absolute. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;

export const NO_BOOT_FILES: BootFiles = new Map();

/** Reads `manifest.json` in the directory and checks that each file is there with its size. */
export async function loadBootFiles(directory: string): Promise<BootFiles> {
  const manifest = join(directory, 'manifest.json');
  try {
    const entries = parseManifest(await readFile(manifest, 'utf8'), directory);
    for (const file of entries) await checkSize(file);
    return new Map(entries.map((file) => [file.name, file]));
  } catch (thrown) {
    throw fail('boot.artefacts_missing', {
      message: `${manifest}: ${messageOf(thrown)}`,
      hint: 'Build the boot files with: rackseed image build',
      cause: thrown,
    });
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
  return list.map((entry: unknown, index) => parseEntry(entry, index, directory));
}

function parseEntry(entry: unknown, index: number, directory: string): BootFile {
  if (typeof entry !== 'object' || entry === null) throw new Error(`artefacts[${index}] is no object`);
  const { name, size, sha256 } = entry as Record<string, unknown>; // an object: each field is checked below
  if (typeof name !== 'string' || typeof size !== 'number' || typeof sha256 !== 'string')
    throw new Error(`artefacts[${index}] wants name, size and sha256`);
  if (!NAME.test(name)) throw new Error(`artefacts[${index}]: ${JSON.stringify(name)} is no name of a file in this directory`);
  return { name, path: join(directory, name), size, sha256 };
}
