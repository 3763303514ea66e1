// Uploads of ISOs in parts: how far each is, one more part at its end, and an end for those that nobody goes on with. Their bytes lie in
// our directory; what they are is looked at when they are imported.

import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Check as fits } from 'typebox/value';
import { type Clock, type Random, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { asNoSpace, type FreeBytes, type Growing, hashFile, roomFor, sizeOf, wantRoom, writeAt, writeNew } from './disk-files.ts';

export const ISO_MAX_BYTES = 8 * 1024 ** 3;
/** Of one request: it must be over within the time that a request may take, on slow links too. */
export const PART_MAX_BYTES = 64 * 1024 ** 2;
const OPEN_MAX = 8;
const IDLE_MS = 24 * 3600_000;
const ID = /^[0-9a-f]{32}$/;

const record = Type.Object({
  name: Type.String({ maxLength: 255 }),
  bytes: Type.Integer({ minimum: 1, maximum: ISO_MAX_BYTES }),
  sha256: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()]),
});

export interface NewUpload {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string | null;
}

export interface Upload extends NewUpload {
  readonly id: string;
  readonly path: string;
  /** How much of it is there. */
  readonly offset: number;
}

export interface Uploads {
  create(upload: NewUpload): Promise<Upload>;
  get(id: string): Promise<Upload>;
  /**
   * Appends at that offset, which must be where it ends; what came before a broken connection, or before the disk was full, stays. With the
   * last part it is compared with its SHA-256, if that was told, and removed when it is another.
   */
  append(id: string, offset: number, body: AsyncIterable<Uint8Array>): Promise<Upload>;
  remove(id: string): Promise<void>;
  /** Those left alone for a day; `isWanted` says which ones an import still needs. */
  sweep(isWanted: (id: string) => Promise<boolean>): Promise<void>;
}

export interface UploadsOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly free: FreeBytes;
}

export function createUploads({ directory, clock, random, free }: UploadsOptions): Uploads {
  const partOf = (id: string): string => join(directory, `${id}.part`);
  const recordOf = (id: string): string => join(directory, `${id}.json`);
  /** One part of an upload at a time. */
  const busy = new Set<string>();

  const find = async (id: string): Promise<Upload | undefined> => {
    if (!ID.test(id)) return undefined;
    const text = await readIfThere(recordOf(id));
    const value: unknown = text === undefined ? undefined : parsed(text);
    const offset = await sizeOf(partOf(id));
    return fits(record, value) && offset !== undefined ? { ...value, id, path: partOf(id), offset } : undefined;
  };
  const get = async (id: string): Promise<Upload> => {
    const found = await find(id);
    if (found !== undefined) return found;
    throw fail('install.no_upload', {
      message: `there is no upload ${JSON.stringify(id.slice(0, 64))}`,
      hint: 'Begin anew; an upload that nobody goes on with is removed after a day.',
    });
  };
  const remove = async (id: string): Promise<void> => {
    if (!ID.test(id)) return;
    await rm(recordOf(id), { force: true });
    await rm(partOf(id), { force: true });
  };

  return {
    get,
    remove,
    async create(upload) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const open = (await readdir(directory)).filter((name) => name.endsWith('.json')).length;
      if (open >= OPEN_MAX) {
        throw fail('install.upload_refused', {
          message: `${open} uploads are open already`,
          hint: 'Finish or remove one; those that nobody goes on with are removed after a day.',
        });
      }
      await wantRoom(directory, upload.bytes, JSON.stringify(upload.name), free);
      const id = random.bytes(16).toString('hex');
      try {
        await writeNew(partOf(id), '');
        await writeNew(recordOf(id), JSON.stringify({ name: upload.name, bytes: upload.bytes, sha256: upload.sha256 }));
      } catch (thrown) {
        await remove(id);
        throw asNoSpace(thrown, directory, JSON.stringify(upload.name));
      }
      return get(id);
    },
    async append(id, offset, body) {
      const before = await get(id);
      if (busy.has(id)) throw misplaced(before, 'another part of it is just being received');
      busy.add(id);
      try {
        // Looked at again: the part before may have ended since.
        const upload = await get(id);
        if (offset !== upload.offset) throw misplaced(upload, `a part for byte ${offset} of it came, and ${upload.offset} bytes are there`);
        await write(upload, body, { directory, what: JSON.stringify(upload.name), bytes: upload.bytes, free }).catch((thrown: unknown) => {
          throw asNoSpace(thrown, directory, JSON.stringify(upload.name));
        });
        const after = await get(id);
        if (after.offset === after.bytes) await compare(after, remove);
        return after;
      } finally {
        busy.delete(id);
      }
    },
    async sweep(isWanted) {
      for (const name of await readdir(directory).catch(() => [])) {
        const [id = ''] = name.split('.');
        const { mtimeMs } = await stat(join(directory, name)).catch(() => ({ mtimeMs: clock.now() }));
        const isOld = clock.now() - mtimeMs > IDLE_MS && !busy.has(id);
        const age = ID.test(id) ? await lastTouched(partOf(id)) : 0;
        if (isOld && clock.now() - age > IDLE_MS && !(await isWanted(id))) await rm(join(directory, name), { force: true });
      }
    },
  };
}

async function compare(upload: Upload, remove: (id: string) => Promise<void>): Promise<void> {
  if (upload.sha256 === null) return;
  const { sha256 } = await hashFile(upload.path, { signal: new AbortController().signal });
  if (sha256 === upload.sha256) return;
  await remove(upload.id);
  throw wrongChecksum(JSON.stringify(upload.name), sha256, upload.sha256);
}

export function wrongChecksum(where: string, seen: string, wanted: string): Error {
  return fail('install.wrong_checksum', {
    message: `${where} has the SHA-256 ${seen}, and should have ${wanted}`,
    hint: 'Compare with the one on the download page of that very release, then load the file again.',
  });
}

async function write({ path, offset, bytes, name }: Upload, body: AsyncIterable<Uint8Array>, growing: Growing): Promise<void> {
  const needsRoom = roomFor(growing);
  const handle = await open(path, 'r+');
  let at = offset;
  try {
    for await (const chunk of body) {
      if (at + chunk.length > bytes || at + chunk.length - offset > PART_MAX_BYTES) {
        const limit = at + chunk.length > bytes ? `${bytes} bytes, as many as were announced` : `${PART_MAX_BYTES} bytes in one part`;
        throw fail('install.upload_refused', {
          message: `${JSON.stringify(name)}: more than ${limit} came`,
          hint: 'Begin anew with the right size, in smaller parts.',
        });
      }
      await needsRoom(at);
      await writeAt(handle, chunk, at);
      at += chunk.length;
    }
  } finally {
    // What was told to have come must be there after a loss of power too.
    await handle.datasync();
    await handle.close();
  }
}

function misplaced({ id, offset }: Upload, message: string): Error {
  return fail('install.upload_offset', {
    message: `upload ${id}: ${message}`,
    hint: `Go on at byte ${offset}.`,
    detail: { offset },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut off when it was written: there is no such upload
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function lastTouched(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return 0;
    throw thrown;
  }
}
