// Writes what files.ts reads: bytes by their SHA-256, never over each other, then the entry that names them, renamed into place. Whoever
// is cut off leaves the old files or the new ones, whole.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Clock, type Random, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { CONTENT, loadOwnFiles, MANIFEST } from './files.ts';

/** Contents that nothing names any more: a machine may have been told of them before, and resumes within hours if ever. */
const UNUSED_MS = 24 * 3600_000;

export interface NewFile {
  readonly name: string;
  /** Where the bytes are now. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly origin: string;
}

export interface FileStoreOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Replaces all built files by these; `more` is kept beside them in the manifest. */
export async function installFiles(options: FileStoreOptions, files: readonly NewFile[], more: object): Promise<void> {
  const { directory } = options;
  await mkdirs(directory);
  for (const file of files) await store(options, file);
  const artefacts = files.map(({ name, size, sha256, origin }) => ({ name, size, sha256, origin, file: `${CONTENT}/${sha256}` }));
  const before = await readIfThere(join(directory, MANIFEST));
  await writeWhole(options, MANIFEST, `${JSON.stringify({ ...more, artefacts }, undefined, 2)}\n`);
  await sweep(options, new Set([...hashesIn(before), ...files.map((file) => file.sha256)]));
}

/** One file of the operator's, under its name; a former one of that name is replaced. */
export async function addOwnFile(options: FileStoreOptions, file: NewFile): Promise<void> {
  const { name, size, sha256, origin } = file;
  await mkdirs(options.directory);
  await store(options, file);
  await writeWhole(
    options,
    `${name}.json`,
    `${JSON.stringify({ name, size, sha256, origin, file: `${CONTENT}/${sha256}` }, undefined, 2)}\n`,
  );
  await sweepOwn(options);
}

/** Whether there was one. */
export async function removeOwnFile(options: FileStoreOptions, name: string): Promise<boolean> {
  try {
    await rm(join(options.directory, `${name}.json`));
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
  await sweepOwn(options);
  return true;
}

export async function sha256OfPath(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/** The directory may lie in the data directory, before the first start has made it: secrets come there later. */
async function mkdirs(directory: string): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  await mkdir(join(directory, CONTENT), { recursive: true });
}

async function store({ directory, clock, random }: FileStoreOptions, file: NewFile): Promise<void> {
  const target = join(directory, CONTENT, file.sha256);
  if ((await sizeOf(target)) === file.size) {
    const now = new Date(clock.now());
    await utimes(target, now, now); // used again: the sweep goes by it
    return;
  }
  const draft = `${target}.${random.bytes(6).toString('hex')}.new`;
  try {
    await copyFile(file.path, draft);
    // Looked at where it now lies: the source may have changed since it was hashed, and disks lie.
    const found = await sha256OfPath(draft);
    if (found !== file.sha256)
      throw fail('boot.file_changed', {
        message: `${file.path}: its SHA-256 is ${found}, and was ${file.sha256} before it was copied`,
        hint: 'Something else writes that file, or the disk is faulty: try again.',
      });
    await flush(draft);
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeWhole({ directory, random }: FileStoreOptions, name: string, text: string): Promise<void> {
  // No .json at its end, so that nobody takes it for an entry.
  const draft = join(directory, `${name}.${random.bytes(6).toString('hex')}.new`);
  try {
    const handle = await open(draft, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, join(directory, name));
  } finally {
    await rm(draft, { force: true });
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sweepOwn(options: FileStoreOptions): Promise<void> {
  const own = await loadOwnFiles(options.directory);
  await sweep(options, new Set([...own.values()].map((file) => file.sha256)));
}

async function sweep({ directory, clock }: FileStoreOptions, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(join(directory, CONTENT))) {
    const path = join(directory, CONTENT, name);
    const { mtimeMs } = await stat(path);
    if (!kept.has(name) && clock.now() - mtimeMs > UNUSED_MS) await rm(path, { force: true });
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}

/** Whatever the former manifest looks like: what could be a hash in it keeps its content. */
function hashesIn(manifest: string): readonly string[] {
  return manifest.match(/\b[0-9a-f]{64}\b/g) ?? [];
}
