// Looks at real disks: opens them for reading only, one after the other within each, several at once, and never waits for one that hangs.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { DiskContents } from '../../inspect/disk-contents.ts';
import { type Clock, messageOf } from '../../lib/index.ts';
import { type DiskName, readContents } from './contents.ts';
import type { ReadAt } from './read-at.ts';

export interface EyesParts {
  readonly clock: Clock;
  readonly openDisk?: (path: string) => Promise<OpenDisk>;
  readonly limitMs?: number;
}

export interface OpenDisk {
  readonly read: ReadAt;
  readonly close: () => Promise<void>;
}

export interface Eyes {
  /** Never rejects: what can not be looked at says so. */
  readonly look: (disk: DiskName) => Promise<DiskContents>;
  readonly lookAll: (disks: readonly DiskName[]) => Promise<readonly DiskContents[]>;
}

/** A healthy disk takes a second or two; the kernel's own patience with a dying one is minutes. */
const LIMIT_MS = 60_000;
const AT_ONCE = 8;
/** Each holds one of Node's threads for files until the kernel gives up on it. */
const HANGING_MAX = 8;

export function createEyes({ clock, openDisk = openForReading, limitMs = LIMIT_MS }: EyesParts): Eyes {
  const hanging = new Set<string>();

  async function look(disk: DiskName): Promise<DiskContents> {
    if (hanging.has(disk.name)) return unread(disk, 'it still hangs since it was looked at before');
    if (hanging.size >= HANGING_MAX) return unread(disk, `${hanging.size} other disks hang, so that it was left alone`);
    const stop = new AbortController();
    hanging.add(disk.name);
    const looked = lookNow(disk, stop.signal).finally(() => hanging.delete(disk.name));
    const late = clock.sleep(limitMs, stop.signal).then(
      () => unread(disk, `it did not answer within ${limitMs / 1000} s`),
      () => unread(disk, 'it was looked at'), // never shown: the clock was stopped because the look had ended
    );
    const contents = await Promise.race([looked, late]);
    stop.abort();
    return contents;
  }

  async function lookNow(disk: DiskName, signal: AbortSignal): Promise<DiskContents> {
    let opened: OpenDisk;
    try {
      opened = await openDisk(disk.name);
    } catch (error) {
      return unread(disk, messageOf(error));
    }
    const { read, close } = opened;
    try {
      // Given up: what still waits for the disk ends with its next answer.
      return await readContents(disk, (offset, length) => {
        signal.throwIfAborted();
        return read(offset, length);
      });
    } finally {
      await close().catch(() => undefined); // opened for reading: nothing can be lost
    }
  }

  return {
    look,
    lookAll: async (disks) => {
      const found: DiskContents[] = [];
      const waiting = [...disks.entries()];
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) found[next[0]] = await look(next[1]);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return found;
    },
  };
}

function unread({ name, serial, wwn, size }: DiskName, why: string): DiskContents {
  return {
    name,
    serial,
    wwn,
    size,
    table: null,
    tableUuid: null,
    partitions: [],
    signatures: [],
    system: null,
    isBlank: false,
    unread: why.slice(0, 256),
  };
}

/** Non-blocking, so that a drive without a medium does not hold it up; closing what was only read wakes no udev rule. */
async function openForReading(path: string): Promise<OpenDisk> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read: (offset, length) => readFully(handle, offset, length), close: () => handle.close() };
}

async function readFully(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
