// Members of Linux software raid: the superblock 0.90 near the end, 1.0 at the end, 1.1 at the start, 1.2 four KiB in (Linux,
// include/uapi/linux/raid/md_p.h; mdadm, super1.c). Pure.

import { shown, textAt, u32be, u32le, u64le, uuidAt } from './bytes.ts';
import type { Find, Probe } from './probe.ts';
import type { Region } from './read-at.ts';

const MAGIC = 0xa92b_4efc;
const SECTOR = 512;
const KIB = 1024;
const SUPER_1 = 256;
const LEVELS: Readonly<Record<number, string>> = { [-1]: 'linear', [-4]: 'multipath', [-5]: 'faulty' };

export const probeMd: Probe = async (region) => {
  const found = await Promise.all([...places1(region.size).map((one) => version1At(region, one)), version090At(region)]);
  return found.filter((one) => one !== undefined);
};

interface Place {
  readonly minor: string;
  readonly offset: number;
}

/** super1.c: for 1.0 eight KiB from the end, and down to a multiple of four KiB. */
function places1(size: number): readonly Place[] {
  const sectors = Math.floor(size / SECTOR);
  const last = Math.floor((sectors - 16) / 8) * 8 * SECTOR;
  const places = [
    { minor: '1.1', offset: 0 },
    { minor: '1.2', offset: 4 * KIB },
  ];
  return last >= 8 * KIB ? [...places, { minor: '1.0', offset: last }] : places;
}

async function version1At({ read }: Region, { minor, offset }: Place): Promise<Find | undefined> {
  const head = await read(offset, SUPER_1);
  if (head.length < SUPER_1 || u32le(head, 0) !== MAGIC || u32le(head, 4) !== 1) return undefined;
  // Where it says that it lies, so that a copy inside an image is none.
  if (u64le(head, 144) !== BigInt(offset / SECTOR)) return undefined;
  const name = textAt(head, 32, 32);
  return findOf({
    minor,
    offset,
    name,
    uuid: uuidAt(head, 16),
    level: u32le(head, 72) | 0,
    members: u32le(head, 92),
    device: uuidAt(head, 168),
  });
}

/** raid_disk super-blocks of 0.90 lie in the last whole 64 KiB, in the byte order of whoever made them. */
async function version090At({ read, size }: Region): Promise<Find | undefined> {
  const block = 64 * KIB;
  const offset = Math.floor(size / block) * block - block;
  if (offset < 0) return undefined;
  const head = await read(offset, 4 * KIB);
  const isLittle = u32le(head, 0) === MAGIC;
  if (head.length < 4 * KIB || (!isLittle && u32be(head, 0) !== MAGIC)) return undefined;
  const word = (index: number): number => (isLittle ? u32le(head, index * 4) : u32be(head, index * 4));
  if (word(1) !== 0) return undefined;
  const uuid = Buffer.alloc(16);
  for (const [index, value] of [word(5), word(13), word(14), word(15)].entries()) uuid.writeUInt32BE(value, index * 4);
  return findOf({ minor: '0.90', offset, name: null, uuid: uuidAt(uuid, 0), level: word(7) | 0, members: word(10), device: null });
}

interface Super {
  readonly minor: string;
  readonly offset: number;
  readonly name: string | null;
  readonly uuid: string | null;
  readonly level: number;
  readonly members: number;
  readonly device: string | null;
}

function findOf({ minor, offset, name, uuid, level, members, device }: Super): Find {
  const words = LEVELS[level] ?? (level >= 0 && level <= 10 ? `raid${level}` : `level ${level}`);
  return {
    kind: 'md',
    type: 'linux_raid_member',
    offset,
    label: name,
    uuid,
    about: `member of software raid${name === null ? '' : ` ${name}`} (${words}, ${members} members, superblock ${minor})`,
    ids: { array: name, array_uuid: uuid, level: shown(words), members: String(members), version: minor, device_uuid: device },
  };
}
