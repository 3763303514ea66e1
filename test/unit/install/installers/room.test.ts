// Files that grow on a disk that others fill too: looked at again and again, and a disk that is full is said as that.

import { describe, expect, it } from 'vitest';
import { asNoSpace, roomFor, SPARE_BYTES, writeAt } from '../../../../src/install/installers/disk-files.ts';
import { containing } from '../../../support/containing.ts';

const MIB = 2 ** 20;

function growing(free: () => number, bytes: number | null) {
  let looks = 0;
  const needsRoom = roomFor({
    directory: '/data',
    what: 'a.iso',
    bytes,
    free: () => {
      looks += 1;
      return Promise.resolve(free());
    },
  });
  return { needsRoom, looks: () => looks };
}

describe('a file that grows', () => {
  it('is refused as soon as the rest of it would take what is kept for the store', async () => {
    let free = SPARE_BYTES + 100 * MIB;
    const { needsRoom } = growing(() => free, 100 * MIB);
    await needsRoom(0);
    free = SPARE_BYTES + 50 * MIB - 1;
    await expect(needsRoom(50 * MIB)).rejects.toMatchObject({
      code: 'install.no_space',
      message: containing('the rest of a.iso takes 50 MiB, and /data has 562 MiB free'),
    });
  });

  it('whose size nobody knows is refused too', async () => {
    let free = SPARE_BYTES + 100 * MIB;
    const { needsRoom } = growing(() => free, null);
    await needsRoom(0);
    free = SPARE_BYTES + MIB;
    await expect(needsRoom(40 * MIB)).rejects.toMatchObject({ code: 'install.no_space' });
  });

  it('costs one look in 16 MiB, not one for each piece', async () => {
    const { needsRoom, looks } = growing(() => 2 ** 40, 160 * MIB);
    for (let at = 0; at < 160 * MIB; at += 65_536) await needsRoom(at);
    expect(looks()).toBe(10);
  });

  it('is written whole where a call writes less than it was given', async () => {
    const written: [number, string][] = [];
    const handle = {
      write: (bytes: Uint8Array, offset: number, length: number, at: number) => {
        const bytesWritten = Math.min(3, length);
        written.push([at, Buffer.from(bytes.subarray(offset, offset + bytesWritten)).toString()]);
        return Promise.resolve({ bytesWritten });
      },
    };
    await writeAt(handle, Buffer.from('abcdefgh'), 10);
    expect(written).toEqual([
      [10, 'abc'],
      [13, 'def'],
      [16, 'gh'],
    ]);
  });

  it('on a disk that is full, or beyond a quota, says what to do; other faults stay as they are', () => {
    for (const code of ['ENOSPC', 'EDQUOT'])
      expect(asNoSpace(Object.assign(new Error('write'), { code }), '/data', 'a.iso')).toMatchObject({
        code: 'install.no_space',
        message: containing('/data'),
        hint: containing('rackseed image remove'),
      });
    const other = Object.assign(new Error('write'), { code: 'EIO' });
    expect(asNoSpace(other, '/data', 'a.iso')).toBe(other);
  });
});
