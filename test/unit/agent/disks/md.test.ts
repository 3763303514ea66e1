import { describe, expect, it } from 'vitest';
import { probeMd } from '../../../../src/agent/disks/md-codec.ts';
import type { Region } from '../../../../src/agent/disks/read-at.ts';

const SIZE = 64 * 2 ** 20 + 12_345 * 512;
const UUID = '00112233445566778899aabbccddeeff';

function regionWith(at: number, bytes: Buffer): Region {
  const disk = Buffer.alloc(SIZE);
  bytes.copy(disk, at);
  return { start: 0, size: SIZE, read: async (offset, length) => disk.subarray(offset, offset + length) };
}

/** Linux, include/uapi/linux/raid/md_p.h: struct mdp_superblock_1. */
function super1(sector: number): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt32LE(0xa92b4efc, 0);
  bytes.writeUInt32LE(1, 4);
  Buffer.from(UUID, 'hex').copy(bytes, 16);
  bytes.write('nas:backup', 32);
  bytes.writeInt32LE(5, 72);
  bytes.writeUInt32LE(4, 92);
  bytes.writeBigUInt64LE(BigInt(sector), 144);
  return bytes;
}

/** mdp_super_t: words of 32 bits. */
function super090(isLittle: boolean): Buffer {
  const bytes = Buffer.alloc(4096);
  const words: Readonly<Record<number, number>> = {
    0: 0xa92b4efc,
    2: 90,
    5: 0x00112233,
    7: 1,
    10: 2,
    13: 0x44556677,
    14: 0x8899aabb,
    15: 0xccddeeff,
  };
  for (const [index, value] of Object.entries(words)) {
    if (isLittle) bytes.writeUInt32LE(value, Number(index) * 4);
    else bytes.writeUInt32BE(value, Number(index) * 4);
  }
  return bytes;
}

const END_10 = Math.floor((SIZE / 512 - 16) / 8) * 8;

describe('a member of a software raid', () => {
  it.each([
    ['1.1', 0],
    ['1.2', 8],
    ['1.0', END_10],
  ])('is known by its superblock %s', async (version, sector) => {
    expect(await probeMd(regionWith(sector * 512, super1(sector)))).toMatchObject([
      {
        kind: 'md',
        type: 'linux_raid_member',
        offset: sector * 512,
        label: 'nas:backup',
        uuid: '00112233-4455-6677-8899-aabbccddeeff',
        about: `member of software raid nas:backup (raid5, 4 members, superblock ${version})`,
        ids: { array: 'nas:backup', level: 'raid5', version },
      },
    ]);
  });

  it.each([
    ['little', true],
    ['big', false],
  ])('is known by its superblock 0.90 of a %s-endian machine', async (_order, isLittle) => {
    const at = Math.floor(SIZE / 65_536) * 65_536 - 65_536;
    expect(await probeMd(regionWith(at, super090(isLittle)))).toMatchObject([
      { offset: at, uuid: '00112233-4455-6677-8899-aabbccddeeff', ids: { level: 'raid1', members: '2', version: '0.90' } },
    ]);
  });

  it('is not what lies where its superblock does not say it lies', async () => {
    expect(await probeMd(regionWith(4096, super1(2048)))).toEqual([]);
  });
});
