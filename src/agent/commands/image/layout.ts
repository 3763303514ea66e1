// After an image is on a disk: its partition table made to fit the disk, the last partition grown, its root file system named. Knows how
// the kernel is told; what a table looks like is in writing/.

import { stat } from 'node:fs/promises';
import type { Clock, Run } from '../../../lib/index.ts';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import { partitionPath } from '../../writing/block-device.ts';
import { ALIGN_BYTES, encodeGpt, GPT_TYPES, type Gpt, onDiskOf, partitionsOf, withEndOf } from '../../writing/gpt-codec.ts';
import { decodeMbr, isExtended, withSectors } from '../../writing/mbr-codec.ts';
import { readGpt } from '../../writing/tables.ts';

/** Left at the end for a config drive: 64 MiB and what alignment takes. */
export const RESERVED_BYTES = 66 * 2 ** 20;
const NODE_WAIT_MS = 20_000;
const NODE_LOOK_MS = 100;
const RESIZE_MS = 30 * 60_000;

export interface Parts {
  readonly device: BlockDevice;
  readonly run: Run;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** The partition that ends last, where it was grown: its number. */
export async function fitTable(parts: Parts, grow: boolean): Promise<number | undefined> {
  const { device, log } = parts;
  const sectors = Math.floor(device.size / device.sectorSize);
  const gpt = await readGpt(device);
  if (gpt === null) return grow ? growMbr(parts, sectors) : undefined;
  let table = onDiskOf(gpt, sectors);
  const last = lastPartition(gpt);
  if (last !== undefined && last.last > table.lastUsable)
    throw fail('agent.image_failed', { message: `partition ${last.number} of the image ends beyond the disk of ${device.size} bytes` });
  const grown = grow && last !== undefined && mayGrow(last.type) ? grownEnd(table) : undefined;
  const isGrown = last !== undefined && grown !== undefined && grown > last.last;
  if (isGrown) table = withEndOf(table, last.number, grown);
  for (const { offset, bytes } of encodeGpt(table, sectors, await device.read(0, device.sectorSize))) await device.write(offset, bytes);
  await device.sync();
  log(isGrown ? `partition ${last.number} goes to the end of the disk now` : 'the backup of the partition table is at the end of the disk');
  return isGrown ? last.number : undefined;
}

function lastPartition(gpt: Gpt) {
  return partitionsOf(gpt).toSorted((a, b) => b.last - a.last)[0];
}

/** Firmware looks for these two where the image has them. */
function mayGrow(type: string): boolean {
  return type !== GPT_TYPES.esp && type !== GPT_TYPES.biosBoot;
}

function grownEnd({ lastUsable, sectorSize }: Gpt): number {
  const align = ALIGN_BYTES / sectorSize;
  return Math.floor((lastUsable + 1 - RESERVED_BYTES / sectorSize) / align) * align - 1;
}

async function growMbr({ device, log }: Parts, sectors: number): Promise<number | undefined> {
  const sector = await device.read(0, 512);
  const last = (decodeMbr(sector) ?? []).toSorted((a, b) => b.first + b.sectors - (a.first + a.sectors))[0];
  if (last === undefined || isExtended(last)) return undefined;
  const align = ALIGN_BYTES / device.sectorSize;
  const end = Math.floor((Math.min(sectors, 2 ** 32 - 1) - RESERVED_BYTES / device.sectorSize) / align) * align;
  if (end <= last.first + last.sectors) return undefined;
  await device.write(0, withSectors(sector, last.number, end - last.first));
  await device.sync();
  log(`partition ${last.number} goes to the end of the disk now`);
  return last.number;
}

/** The kernel reads the table anew; true when the partition's node is there. The device must be closed: it is held while it is open. */
export async function rereadTable({ run, clock, signal }: Omit<Parts, 'device' | 'log'>, path: string, number?: number): Promise<boolean> {
  const { code } = await run('blockdev', ['--rereadpt', path], { signal });
  if (code !== 0) await run('partx', ['-u', path], { signal });
  if (number === undefined) return code === 0;
  const begun = clock.monotonic();
  while (!(await isThere(partitionPath(path, number)))) {
    if (clock.monotonic() - begun > NODE_WAIT_MS) return false;
    await clock.sleep(NODE_LOOK_MS, signal);
  }
  return true;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isBlockDevice();
  } catch {
    return false; // not yet
  }
}

/** ext4 from here; others by cloud-init's growpart and resizefs at the first boot. Never fails a deployment: the system starts as it is. */
export async function growFileSystem(parts: Omit<Parts, 'device'>, path: string, number: number, type: string | null): Promise<string> {
  const node = partitionPath(path, number);
  if (type !== 'ext4') return `the file system in partition ${number} (${type ?? 'unknown'}) is grown at the first boot, by cloud-init`;
  if (!(await rereadTable(parts, path, number))) return `${node} did not appear: its file system is grown at the first boot, by cloud-init`;
  const checked = await parts.run('e2fsck', ['-f', '-p', node], { timeoutMs: RESIZE_MS, signal: parts.signal });
  // 1: errors were corrected (e2fsck(8)).
  const resized = (checked.code ?? 8) > 1 ? checked : await parts.run('resize2fs', [node], { timeoutMs: RESIZE_MS, signal: parts.signal });
  if (resized.code === 0) return `the ext4 file system in partition ${number} fills it`;
  parts.log(`${node}: ${`${resized.stderr}${resized.stdout}`.trim().slice(0, 400)}`);
  return `the file system in partition ${number} could not be grown from here; cloud-init may at the first boot`;
}
