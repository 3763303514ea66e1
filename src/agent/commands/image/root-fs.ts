// Which file system of a freshly written disk is the root: the largest partition's, named as programs name it. Reads a few superblocks.

import type { BlockDevice } from '../../writing/block-device.ts';
import { partitionsOf } from '../../writing/gpt-codec.ts';
import { decodeMbr } from '../../writing/mbr-codec.ts';
import { guidOf, readGpt } from '../../writing/tables.ts';

export interface RootFs {
  readonly partition: number | null;
  readonly type: 'ext4' | 'xfs' | 'btrfs' | null;
  readonly uuid: string | null;
}

const BIGGEST_SUPERBLOCK_END = 65_536 + 256;

export async function findRootFs(device: BlockDevice, wanted?: number): Promise<RootFs> {
  const parts = await partsOf(device);
  const found = await Promise.all(
    parts.map(async (part) => ({ ...part, ...fsOf(await device.read(part.offset, BIGGEST_SUPERBLOCK_END)) })),
  );
  const one =
    wanted === undefined
      ? found.filter(({ type }) => type !== null).toSorted((a, b) => b.bytes - a.bytes)[0]
      : found.find(({ partition }) => partition === wanted);
  return one === undefined ? { partition: null, type: null, uuid: null } : { partition: one.partition, type: one.type, uuid: one.uuid };
}

interface Part {
  readonly partition: number | null;
  readonly offset: number;
  readonly bytes: number;
}

async function partsOf(device: BlockDevice): Promise<Part[]> {
  const { sectorSize } = device;
  const gpt = await readGpt(device);
  if (gpt !== null)
    return partitionsOf(gpt).map(({ number, first, last }) => ({
      partition: number,
      offset: first * sectorSize,
      bytes: (last - first + 1) * sectorSize,
    }));
  const mbr = decodeMbr(await device.read(0, 512)) ?? [];
  if (mbr.length > 0)
    return mbr.map(({ number, first, sectors }) => ({ partition: number, offset: first * sectorSize, bytes: sectors * sectorSize }));
  return [{ partition: null, offset: 0, bytes: device.size }];
}

/** Of 2, 3 and 4 the newest: all are grown the same way. */
function fsOf(bytes: Buffer): Pick<RootFs, 'type' | 'uuid'> {
  if (bytes.length >= 1024 + 120 && bytes.readUInt16LE(1024 + 0x38) === 0xef53) return { type: 'ext4', uuid: guidOf(bytes, 1024 + 0x68) };
  if (bytes.toString('latin1', 0, 4) === 'XFSB') return { type: 'xfs', uuid: guidOf(bytes, 32) };
  if (bytes.length >= 65_536 + 72 && bytes.toString('latin1', 65_536 + 64, 65_536 + 72) === '_BHRfS_M')
    return { type: 'btrfs', uuid: guidOf(bytes, 65_536 + 32) };
  return { type: null, uuid: null };
}
