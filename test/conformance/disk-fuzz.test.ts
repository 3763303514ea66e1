// Any bytes at all on a disk: the agent's reader ends, answers within its schema, and reads no more than its bound.

import { crc32 } from 'node:zlib';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { readContents } from '../../src/agent/disks/contents.ts';
import { DiskContentsSchema } from '../../src/inspect/disk-contents.ts';
import { recorded } from '../support/disk-images.ts';

const SIZE = 64 * 2 ** 20;
const READ_MAX = 256 * 2 ** 20;
const ROUNDS = 400;

/** A small generator, so that a failure can be run again. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function corpus(): Promise<{ at: number; bytes: Buffer }[]> {
  const [zfs, lvm, ceph] = await Promise.all([recorded('zfs-label'), recorded('lvm-pv'), recorded('bluestore-label')]);
  return [
    { at: 0, bytes: zfs },
    { at: SIZE - 256 * 1024, bytes: zfs },
    { at: 0, bytes: lvm },
    { at: 0, bytes: ceph },
    { at: 0, bytes: mbrLoop() },
  ];
}

/** Whole by its checksums, with entries that overlap, reach beyond the disk, end before they begin, and lie where the table itself is. */
function gptOf(random: () => number): Buffer {
  const bytes = Buffer.alloc(34 * 512);
  for (let at = 1024; at < bytes.length; at += 128) {
    if (random() < 0.8) continue;
    for (let index = 0; index < 128; index += 1) bytes[at + index] = Math.floor(random() * 256);
    bytes.writeBigUInt64LE(BigInt(Math.floor(random() * (random() < 0.9 ? SIZE / 512 : 2 ** 52))), at + 32);
    bytes.writeBigUInt64LE(BigInt(Math.floor(random() * (random() < 0.9 ? SIZE / 512 : 2 ** 52))), at + 40);
  }
  const header = bytes.subarray(512, 512 + 92);
  header.write('EFI PART');
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(bytes.subarray(1024)), 88);
  header.writeUInt32LE(crc32(header), 16);
  return bytes;
}

/** An extended partition whose first link names itself. */
function mbrLoop(): Buffer {
  const bytes = Buffer.alloc(4096);
  for (const at of [0, 512]) {
    bytes.writeUInt16LE(0xaa55, at + 510);
    bytes[at + 446 + 4] = 5;
    bytes.writeUInt32LE(1, at + 446 + 8);
    bytes.writeUInt32LE(1000, at + 446 + 12);
  }
  return bytes;
}

describe('any bytes on a disk', { timeout: 280_000 }, () => {
  it(`are looked at ${ROUNDS} times without an error, an endless read or an answer outside the schema`, async () => {
    const seeds = await corpus();
    let tables = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const random = chance(round + 1);
      const gpt = random() < 0.4 ? [{ at: 0, bytes: gptOf(random) }] : [];
      const pieces = seeds
        .filter(() => random() < 0.5)
        .map(({ at, bytes }) => ({ at, bytes: damaged(bytes, random) }))
        .concat(gpt);
      const noise = round % 4 === 0;
      let total = 0;
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        expect(offset >= 0 && length > 0 && offset + length <= SIZE).toBe(true);
        total += length;
        const bytes = noise ? Buffer.from(Uint8Array.from({ length }, () => random() * 256)) : Buffer.alloc(length);
        for (const piece of pieces) {
          const from = Math.max(offset, piece.at);
          const to = Math.min(offset + length, piece.at + piece.bytes.length);
          if (from < to) piece.bytes.copy(bytes, from - offset, from - piece.at, to - piece.at);
        }
        return bytes;
      };
      const contents = await readContents({ name: '/dev/sda', serial: null, wwn: null, size: SIZE }, read);
      expect(Check(DiskContentsSchema, contents), `round ${round}`).toBe(true);
      tables += contents.partitions.length > 0 ? 1 : 0;
      expect(total, `round ${round}`).toBeLessThanOrEqual(READ_MAX);
    }
    expect(tables).toBeGreaterThan(ROUNDS / 20);
  });

  it('and a disk that answers nothing but errors is unread, not blank', async () => {
    const contents = await readContents({ name: '/dev/sda', serial: null, wwn: null, size: SIZE }, () =>
      Promise.reject(new Error('EIO: i/o error, read')),
    );
    expect(contents).toMatchObject({ isBlank: false, unread: 'EIO: i/o error, read', signatures: [] });
  });

  it.each([0, 1, 511, 512, 4095, 70_000])('and a disk of %i bytes is no trouble', async (size) => {
    const read = async (_offset: number, length: number): Promise<Uint8Array> => new Uint8Array(length);
    const contents = await readContents({ name: '/dev/sda', serial: null, wwn: null, size }, read);
    expect(Check(DiskContentsSchema, contents)).toBe(true);
  });
});

function damaged(bytes: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(bytes);
  // Most damage where the structures are: the beginning, and the middle of a label.
  for (let count = Math.floor(random() * 40); count > 0; count -= 1) {
    const span = random() < 0.7 ? Math.min(copy.length, 24_576) : copy.length;
    copy[Math.floor(random() * span)] = random() < 0.3 ? 0xff : Math.floor(random() * 256);
  }
  return copy;
}
