// One disk, or a file in its place, opened to be written: sizes, bytes anywhere, zeroes, discards. All of it goes to what was opened, never
// to its name again. Knows no formats.

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
  /** The same disk once more, with other flags: whatever its name means by now. */
  readonly reopen: (flags: number) => Promise<FileHandle>;
}

/** What tells the disk that was found from another one that has its name by now. */
export interface Opened {
  readonly size: number;
  /** The kernel counts every disk that comes (Linux 5.15 and later: diskseq), and gives no number twice. */
  readonly sequence?: string | null;
}

const ZERO_CHUNK = 1024 * 1024;
/** blkdiscard is one ioctl, which old SSDs take minutes for. */
const IOCTL_MS = 30 * 60_000;

/** Held against mounting and against others that write, for as long as it is open; refused when it is not what was wanted. */
export async function openBlockDevice(path: string, run: Run, wanted?: Opened): Promise<BlockDevice> {
  const handle = await openHeld(path, (await stat(path)).isBlockDevice());
  try {
    const device = await deviceOf(path, handle, run);
    if (wanted !== undefined) await refuseOther(path, handle, device, wanted);
    return device;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function refuseOther(path: string, handle: FileHandle, { size, isBlock }: BlockDevice, wanted: Opened): Promise<void> {
  const sequence = isBlock ? await sysText(sysDirectory(await handle.stat()), 'diskseq') : null;
  const why = otherWhy(wanted, { size, sequence });
  if (why !== undefined)
    throw fail('agent.disk_failed', { message: `${path} is another disk than a moment ago: ${why}; nothing was written` });
}

/** Why what was opened is not what was looked for; undefined: it is, as far as can be known. */
export function otherWhy(wanted: Opened, { size, sequence }: Opened): string | undefined {
  if (size !== wanted.size) return `it has ${size} bytes, and should have ${wanted.size}`;
  const [was, is] = [wanted.sequence ?? null, sequence ?? null];
  return was !== null && is !== null && was !== is ? `the kernel counts it as disk ${is} since it started, and not ${was}` : undefined;
}

async function deviceOf(path: string, handle: FileHandle, run: Run): Promise<BlockDevice> {
  const stats = await handle.stat();
  const isBlock = stats.isBlockDevice();
  const directory = sysDirectory(stats);
  const queue = (name: string): Promise<number> => (isBlock ? sysNumber(directory, `queue/${name}`) : Promise.resolve(0));
  const [zeroBytes, discardBytes, rotational, logical] = await Promise.all(
    ['write_zeroes_max_bytes', 'discard_max_bytes', 'rotational', 'logical_block_size'].map(queue),
  );
  const size = isBlock ? (await sysNumber(directory, 'size')) * 512 : stats.size;
  // The open file by its number (proc_pid_fd(5)): a name may be another disk's after a hot swap.
  const held = `/proc/${process.pid}/fd/${handle.fd}`;
  const ioctl = async (args: readonly string[], signal: AbortSignal): Promise<void> => {
    const { code, stderr } = await run('blkdiscard', ['-f', ...args, held], { timeoutMs: IOCTL_MS, signal });
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
    reopen: (flags) => open(held, flags),
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

/** Linux, include/linux/kdev_t.h (new_encode_dev): the minor number has the lowest eight bits and those from the twentieth on. */
function sysDirectory({ rdev }: { readonly rdev: number }): string {
  return `/sys/dev/block/${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
}

async function sysText(directory: string, name: string): Promise<string | null> {
  try {
    return (await readFile(`${directory}/${name}`, 'utf8')).trim();
  } catch {
    return null; // partitions have no queue of their own, older kernels not every file
  }
}

/** What is not there is as if the disk could not do it. */
async function sysNumber(directory: string, name: string): Promise<number> {
  return Number(await sysText(directory, name)) || 0;
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
