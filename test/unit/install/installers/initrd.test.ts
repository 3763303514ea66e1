// Initrds of several archives, packed in several ways: found, unpacked in order, packed anew for iPXE's machines.

import { constants, gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { entriesOfInitrd, InitrdFault, openInitrd, repacked } from '../../../../src/install/installers/initrd.ts';
import { cpio } from '../../../support/installer-iso.ts';

const MICROCODE = cpio([{ name: 'kernel/x86/microcode/GenuineIntel.bin', mode: 0o100644, content: Buffer.alloc(3001, 1) }]);
const MAIN = cpio([
  { name: 'init', mode: 0o100755, content: Buffer.from('#!/bin/sh\n') },
  { name: './usr/lib/loop.ko', mode: 0o100644, content: Buffer.alloc(300_000, 7) },
]);
const LAST = cpio([{ name: 'init', mode: 0o100755, content: Buffer.from('#!/bin/second\n') }]);

function readerOf(bytes: Buffer) {
  return (offset: number, length: number): Promise<Buffer> => {
    if (offset + length > bytes.length) throw new RangeError(`byte ${offset + length} of ${bytes.length}`);
    return Promise.resolve(bytes.subarray(offset, offset + length));
  };
}

async function open(bytes: Buffer) {
  const readAt = readerOf(bytes);
  return { readAt, initrd: await openInitrd(readAt, bytes.length) };
}

async function repack(bytes: Buffer): Promise<Buffer> {
  const { readAt, initrd } = await open(bytes);
  return Buffer.concat(await all(repacked(readAt, initrd, bytes.length)));
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

async function names(bytes: Buffer): Promise<string[]> {
  return (await all(entriesOfInitrd((await open(bytes)).initrd))).map(({ name }) => name);
}

describe('an initrd', () => {
  it('that is packed with zstd becomes the same archive packed with gzip', async () => {
    const packed = await repack(zstdCompressSync(MAIN));
    expect(packed.readUInt16BE(0)).toBe(0x1f8b);
    expect(gunzipSync(packed).equals(MAIN)).toBe(true);
  });

  it.each([
    ['gzip', gzipSync(MAIN)],
    ['nothing', MAIN],
    ['nothing, then gzip', Buffer.concat([MICROCODE, gzipSync(MAIN)])],
  ])('that is packed with %s stays as it is', async (_, bytes) => {
    expect((await repack(bytes)).equals(bytes)).toBe(true);
  });

  it('keeps what lies unpacked at its beginning unpacked, and everything in its order', async () => {
    const bytes = Buffer.concat([MICROCODE, Buffer.alloc(512), zstdCompressSync(MAIN), Buffer.alloc(4), zstdCompressSync(LAST), MICROCODE]);
    const packed = await repack(bytes);
    expect(packed.subarray(0, MICROCODE.length).equals(MICROCODE)).toBe(true);
    expect(gunzipSync(packed.subarray(MICROCODE.length)).equals(Buffer.concat([MAIN, LAST, MICROCODE]))).toBe(true);
    expect(await names(bytes)).toEqual([
      'kernel/x86/microcode/GenuineIntel.bin',
      'TRAILER!!!',
      'init',
      'usr/lib/loop.ko',
      'TRAILER!!!',
      'init',
      'TRAILER!!!',
      'kernel/x86/microcode/GenuineIntel.bin',
      'TRAILER!!!',
    ]);
  });

  it('has the end of each zstd frame found without unpacking, with and without checksum and size', async () => {
    const noise = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 2_654_435_761) >>> (index % 24)));
    const big = cpio([{ name: 'noise', mode: 0o100644, content: noise }]);
    for (const checksum of [0, 1])
      for (const size of [0, 1]) {
        const params = { [constants.ZSTD_c_checksumFlag]: checksum, [constants.ZSTD_c_contentSizeFlag]: size };
        const frame = zstdCompressSync(big, { params });
        const { initrd } = await open(Buffer.concat([frame, Buffer.alloc(3), frame]));
        expect(initrd.parts).toEqual([
          { kind: 'zstd', start: 0, end: frame.length },
          { kind: 'zstd', start: frame.length + 3, end: 2 * frame.length + 3 },
        ]);
      }
  });

  it('gives the beginning of a file of it, and passes over what nobody reads', async () => {
    const { initrd } = await open(zstdCompressSync(Buffer.concat([MAIN, LAST])));
    const heads: string[] = [];
    for await (const entry of entriesOfInitrd(initrd)) if (entry.name === 'init') heads.push((await entry.read(9)).toString());
    expect(heads).toEqual(['#!/bin/sh', '#!/bin/se']);
  });

  it.each([
    [Buffer.alloc(0), 'empty'],
    [Buffer.alloc(4096), 'empty'],
    [Buffer.from('not an archive at all'), 'begins no archive'],
    [Buffer.from('fd377a585a0000', 'hex'), 'packed with xz'],
    [Buffer.concat([MICROCODE, Buffer.from('02214c1800', 'hex')]), 'packed with lz4'],
    [MAIN.subarray(0, 5000), 'cut off'],
    [zstdCompressSync(MAIN).subarray(0, -9), 'cut off'],
    [Buffer.concat([MAIN.subarray(0, 6), Buffer.alloc(200, 0x7a)]), 'broken at byte 0'],
  ])('is refused with why, when it is none (%#)', async (bytes, why) => {
    await expect(open(bytes)).rejects.toThrow(InitrdFault);
    await expect(open(bytes)).rejects.toThrow(why);
  });

  it.each([
    ['gzip that breaks', gzipSync(MAIN).subarray(0, -20)],
    ['zstd of no archive', zstdCompressSync(Buffer.from('hello'))],
  ])('is refused as it is unpacked: %s', async (_, bytes) => {
    const { initrd } = await open(bytes);
    await expect(all(entriesOfInitrd(initrd))).rejects.toThrow(InitrdFault);
  });

  it('with any byte changed is refused or read, and never hangs or throws anything else', async () => {
    const good = Buffer.concat([MICROCODE.subarray(0), zstdCompressSync(LAST)]);
    for (let at = 0; at < good.length; at += 7) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      const ended = await names(bytes).then(
        () => 'read',
        (thrown: unknown) => (thrown instanceof InitrdFault ? 'refused' : String(thrown)),
      );
      expect(['read', 'refused']).toContain(ended);
    }
  });
});
