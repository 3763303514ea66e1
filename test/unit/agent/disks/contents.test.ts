// A disk whose partition table names no partition: is there anything beside the table?

import { expect, it } from 'vitest';
import { readContents } from '../../../../src/agent/disks/contents.ts';

const SIZE = 8 * 2 ** 20;
const DISK = { name: '/dev/sda', serial: 'S1', wwn: null, size: SIZE };

function emptyTable(): Buffer {
  const bytes = Buffer.alloc(SIZE);
  bytes.writeUInt32LE(0x1234_5678, 440);
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
}

const look = (bytes: Buffer) =>
  readContents(DISK, (offset, length) => Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length))));

it('says of an empty table whether there is anything beside it, and nothing of the kind of other disks', async () => {
  const table = { table: 'mbr', partitions: [], isBlank: false, unread: null };
  expect(await look(emptyTable())).toMatchObject({ ...table, isBlankBeside: true });
  for (const offset of [512, 3 * 2 ** 20, SIZE - 4096]) {
    const bytes = emptyTable();
    bytes.fill('data', offset, offset + 64);
    expect(await look(bytes)).toMatchObject({ ...table, isBlankBeside: false });
  }
  expect(await look(Buffer.alloc(SIZE))).not.toHaveProperty('isBlankBeside');
});
