// One disk, or a file in its place, opened to be written: sizes, bytes anywhere, zeroes, discards. Knows no formats.

import { constants, type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Run } from '../../lib/index.ts';
import { fail } from '../errors.ts';

export interface BlockDevice {
  readonly path: string;
  readonly size: number;
  readonly sectorSize: number;
  /** Not a plain file. */
  readonly isBlock: boolean;
  readonly isRotational: boolean;
  /** The disk makes ranges zero by itself, faster than by being sent zeroes. */
  readonly zeroesFast: boolean;
  readonly discards: boolean;
  readonly read: (offset: number, length: number) => Promise<Buffer>;
  readonly write: (offset: number, bytes: Uint8Array) => Promise<void>;
  /** By the kernel: it sends zeroes where the disk has no better way. Reads as zero afterwards. */
  readonly zero: (offset: number, length: number, signal: AbortSignal) => Promise<void>;
  /** What was there is no longer needed; what is read afterwards is anything. */
  readonly discard: (offset: number, length: number, signal: AbortSignal) => Promise<void>;
  /** It is on the disk. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const ZERO_CHUNK = 1024 * 1024;
/** blkdiscard is one ioctl, which old SSDs take minutes for. */
const IOCTL_MS = 30 * 60_000;

/** Held against mounting and against others that write, for as long as it is open. */
export async function openBlockDevice(path: string, run: Run): Promise<BlockDevice> {
  const stats = await stat(path);
  const isBlock = stats.isBlockDevice();
  const handle = await openHeld(path, isBlock);
  const queue = (name: string): Promise<number> => (isBlock ? sysNumber(path, `queue/${name}`) : Promise.resolve(0));
  const [zeroBytes, discardBytes, rotational, logical] = await Promise.all(
    ['write_zeroes_max_bytes', 'discard_max_bytes', 'rotational', 'logical_block_size'].map(queue),
  );
  const size = isBlock ? (await sysNumber(path, 'size')) * 512 : stats.size;
  const ioctl = async (args: readonly string[], signal: AbortSignal): Promise<void> => {
    const { code, stderr } = await run('blkdiscard', ['-f', ...args, path], { timeoutMs: IOCTL_MS, signal });
    if (code !== 0) throw fail('agent.disk_failed', { message: `${path}: ${stderr.trim() || `blkdiscard ended with ${code}`}` });
  };
  const range = (offset: number, length: number): string[] => ['-o', String(offset), '-l', String(length)];
  return {
    path,
    size,
    isBlock,
    sectorSize: isBlock ? (logical ?? 0) || 512 : 512,
    // virtio and loop devices say that they spin, and only SATA and SAS disks do.
    isRotational: (rotational ?? 0) !== 0 && basename(path).startsWith('sd'),
    zeroesFast: (zeroBytes ?? 0) > 0,
    discards: (discardBytes ?? 0) > 0,
    read: (offset, length) => readAll(handle, offset, Math.min(length, Math.max(0, size - offset))),
    write: (offset, bytes) => writeAll(handle, offset, bytes),
    zero: async (offset, length, signal) => {
      if (isBlock) return ioctl(['-z', ...range(offset, length)], signal);
      return writeZeroes(handle, offset, length, signal);
    },
    discard: async (offset, length, signal) => {
      if (isBlock) await ioctl(range(offset, length), signal);
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

async function openHeld(path: string, isBlock: boolean): Promise<FileHandle> {
  try {
    // O_EXCL on a block device: refused while it is mounted or part of an array, and nobody mounts it meanwhile (open(2)).
    return await open(path, isBlock ? constants.O_RDWR | constants.O_EXCL : constants.O_RDWR);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
    throw fail('agent.disk_busy', { message: `${path} is in use on this machine: mounted, or part of an array`, cause: error });
  }
}

async function sysNumber(path: string, name: string): Promise<number> {
  try {
    return Number((await readFile(`/sys/class/block/${basename(path)}/${name}`, 'utf8')).trim()) || 0;
  } catch {
    return 0; // partitions have no queue of their own, older kernels not every file: as if the disk could not do it
  }
}

async function readAll(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

export async function writeAll(handle: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

async function writeZeroes(handle: FileHandle, offset: number, length: number, signal: AbortSignal): Promise<void> {
  const zeroes = Buffer.alloc(Math.min(ZERO_CHUNK, length));
  for (let done = 0; done < length; done += zeroes.length) {
    signal.throwIfAborted();
    await writeAll(handle, offset + done, zeroes.subarray(0, Math.min(zeroes.length, length - done)));
  }
}

/** `/dev/sda`, 3 → `/dev/sda3`; `/dev/nvme0n1`, 3 → `/dev/nvme0n1p3`. */
export function partitionPath(disk: string, number: number): string {
  return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
}
