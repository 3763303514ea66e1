// What somebody may miss, kind by kind.

import { expect, it } from 'vitest';
import { protectionOf } from '../../../src/enrol/contents-decide.ts';
import { type DiskContents, SIGNATURE_KINDS } from '../../../src/inspect/disk-contents.ts';
import { signature } from './machines.ts';

const NOTHING = {
  name: '/dev/sda',
  serial: 'S1',
  wwn: null,
  size: 500e9,
  table: null,
  tableUuid: null,
  partitions: [],
  signatures: [],
  system: null,
  isBlank: false,
  unread: null,
} satisfies DiskContents;

it('protects every kind of signature but swap and the EFI system partition, and gives up file systems alone in general', () => {
  const found = SIGNATURE_KINDS.map((kind) => [
    kind,
    protectionOf({ ...NOTHING, signatures: [signature(kind, kind)] })?.isFilesystem ?? 'free',
  ]);
  expect(Object.fromEntries(found)).toEqual({
    ...Object.fromEntries(SIGNATURE_KINDS.map((kind) => [kind, false])),
    filesystem: true,
    swap: 'free',
    esp: 'free',
  });
});

it('protects a member of a Stratis pool and a VDO volume, also beside a file system that a rule gives up', () => {
  for (const about of ['Stratis pool member', 'VDO volume'])
    expect(protectionOf({ ...NOTHING, signatures: [signature('filesystem', 'ext4'), signature('other', about)] })).toEqual({
      why: `it holds ${about}`,
      isFilesystem: false,
    });
});

it('takes no partition type of MBR for swap or for nothing by its number alone', () => {
  const partition = { number: 1, start: 2 ** 20, size: 2 ** 30, typeName: null, label: null, uuid: null };
  for (const type of ['0x82', '0xee'])
    expect(protectionOf({ ...NOTHING, table: 'mbr', partitions: [{ ...partition, type }] })).toEqual({
      why: 'what is in partition 1 is not recognised',
      isFilesystem: false,
    });
  const swap = signature('swap', 'swap', { partition: 1 });
  expect(protectionOf({ ...NOTHING, table: 'mbr', partitions: [{ ...partition, type: '0x82' }], signatures: [swap] })).toBeNull();
});

it('protects a disk with an empty partition table where there is something beside the table', () => {
  expect(protectionOf({ ...NOTHING, table: 'gpt', isBlankBeside: true })).toBeNull();
  expect(protectionOf({ ...NOTHING, table: 'gpt', isBlankBeside: false })).toEqual({
    why: 'its partition table is empty, but the disk is not, and what is on it is not recognised',
    isFilesystem: false,
  });
});

it('gives up no file system in general that has something unknown beside it', () => {
  const at = (number: number) => ({
    number,
    start: number * 2 ** 20,
    size: 2 ** 20,
    type: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7',
    typeName: null,
    label: null,
    uuid: null,
  });
  const windows: DiskContents = {
    ...NOTHING,
    table: 'gpt',
    partitions: [at(1), at(2)],
    signatures: [signature('filesystem', 'NTFS "Windows"', { partition: 1 })],
  };
  expect(protectionOf({ ...windows, partitions: [at(1)] })).toMatchObject({ isFilesystem: true });
  expect(protectionOf({ ...windows, partitions: [at(1), at(2)] })).toEqual({
    why: 'it holds NTFS "Windows", and beside that what is in partition 2 is not recognised',
    isFilesystem: false,
  });
});
