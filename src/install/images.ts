// Image files of the appliance: which of them machines may have, their checksums, and their bytes. Knows nothing of who asks.

import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';
import { createMapper, type ImageMap, placesOf } from './image-map.ts';

export interface ImageFilesOptions {
  /** Where people put images; every file below it may be given. */
  readonly directory: string;
  /** Files that profiles name, wherever they are. */
  readonly named: readonly string[];
}

export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  /** Changes when the file does. */
  readonly tag: string;
}

export interface ImageFiles {
  /** For drivers: the URL of every machine's own image. */
  readonly url: string;
  readonly refusal: (path: string) => string | null;
  readonly describe: (path: string, signal: AbortSignal) => Promise<{ readonly checksum: string; readonly bytes: number }>;
  readonly find: (path: string) => Promise<ImageFile>;
  /** Both ends are given. Its reader gets install.bad_image when it is no longer the file that was found, or shrinks meanwhile. */
  readonly read: (file: ImageFile, start: number, end: number) => AsyncIterable<Buffer>;
  /**
   * Which of its parts are not zero; null: nothing is gained by it. Known since its checksum was asked for; after a restart it is read
   * again, since a machine that is at it goes on with those parts only.
   */
  readonly map: (file: ImageFile) => Promise<ImageMap | null>;
  /** Of those parts, one after the other, as `read` does. */
  readonly readData: (file: ImageFile, map: ImageMap, start: number, end: number) => AsyncIterable<Buffer>;
}

interface Known {
  readonly tag: string;
  readonly reading: Promise<Reading>;
}

interface Reading {
  readonly checksum: string;
  readonly map: ImageMap | null;
}

const READ_BYTES = 1024 * 1024;
const MAX_KNOWN = 256;

export function createImageFiles({ directory, named }: ImageFilesOptions): ImageFiles {
  const known = new Map<string, Known>();

  const refusal = (path: string): string | null => {
    if (!path.startsWith('/')) return `the image ${path} of the appliance is no absolute path`;
    if (named.includes(path) || path.startsWith(`${directory}${sep}`)) return null;
    return `the file ${path} is given to no machine: only what is in ${directory}, or what a [[profile]] names as its image`;
  };

  /** A link out of the directory is a way out of it. */
  const find = async (path: string): Promise<ImageFile> => {
    const before = refusal(path);
    if (before !== null) throw fail('install.no_image', { message: before });
    try {
      const real = await realpath(path);
      const isInside = named.includes(path) || real.startsWith(`${await realpath(directory)}${sep}`);
      if (!isInside) throw fail('install.no_image', { message: `${path} leads out of ${directory}` });
      const stats = await stat(real);
      if (!stats.isFile()) throw fail('install.no_image', { message: `${path} is no file` });
      return {
        path: real,
        bytes: stats.size,
        tag: tagOf(stats),
      };
    } catch (error) {
      if (error instanceof Error && 'status' in error) throw error;
      throw fail('install.no_image', { message: `the image ${path} can not be read: ${messageOf(error)}`, cause: error });
    }
  };

  /** Read once, and remembered while the file stays the same. */
  const reading = (file: ImageFile): Promise<Reading> => {
    const one = known.get(file.path);
    if (one?.tag === file.tag) return one.reading;
    const begun = readingOf(file);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(file.path, { tag: file.tag, reading: begun });
    begun.catch(() => known.delete(file.path)); // told to whoever waits; the next one reads again
    return begun;
  };

  return {
    url: '/api/agent/image',
    refusal,
    find,
    describe: async (path, signal) => {
      const file = await find(path);
      const { checksum } = await abortable(reading(file), signal);
      if ((await find(path)).tag !== file.tag)
        throw fail('install.bad_image', { message: `${path} changed while its checksum was computed` });
      return { checksum, bytes: file.bytes };
    },
    read: whole,
    map: async (file) => (await reading(file)).map,
    readData: data,
  };
}

function tagOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino.toString(36)}-${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`;
}

/** Between the look at it and the read, a person may have put another file there. */
async function opened({ path, tag }: ImageFile): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path);
    if (tagOf(await handle.stat()) === tag) return handle;
  } catch (error) {
    await handle?.close();
    throw fail('install.bad_image', { message: `${path} can not be read: ${messageOf(error)}`, cause: error });
  }
  await handle.close();
  throw fail('install.bad_image', { message: `${path} changed since it was looked at` });
}

/**
 * Its length was told: less than that must break off, or whoever reads waits for the rest. Opened in here, so that whoever gives up while
 * it opens leaves no handle: what ends a generator runs its finally.
 */
async function* whole(file: ImageFile, start: number, end: number): AsyncGenerator<Buffer> {
  if (end < start) return;
  let at = start;
  const handle = await opened(file);
  try {
    const stream: AsyncIterable<Buffer> = handle.createReadStream({ start, end, highWaterMark: READ_BYTES });
    for await (const chunk of stream) {
      at += chunk.length;
      yield chunk;
    }
  } finally {
    await handle.close();
  }
  if (at <= end) throw fail('install.bad_image', { message: 'an image became shorter while it was read' });
}

async function* data(file: ImageFile, map: ImageMap, start: number, end: number): AsyncGenerator<Buffer> {
  const places = placesOf(map, start, end + 1);
  if (places.length === 0) return;
  const handle = await opened(file);
  try {
    for (const place of places) {
      for (let at = place.start; at < place.end; ) {
        const room = Buffer.allocUnsafe(Math.min(READ_BYTES, place.end - at));
        const { bytesRead } = await handle.read(room, 0, room.length, at);
        if (bytesRead === 0) throw fail('install.bad_image', { message: 'an image became shorter while it was read' });
        at += bytesRead;
        yield room.subarray(0, bytesRead);
      }
    }
  } finally {
    await handle.close();
  }
}

export function imageDirectory(dataDir: string): string {
  return join(dataDir, 'images');
}

async function readingOf({ path }: ImageFile): Promise<Reading> {
  const hash = createHash('sha256');
  const mapper = createMapper();
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    mapper.add(chunk);
  }
  const checksum = `sha256:${hash.digest('hex')}`;
  return { checksum, map: mapper.map(checksum) };
}

/** Several deployments may wait for one sum: one that gives up leaves it to the others. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
