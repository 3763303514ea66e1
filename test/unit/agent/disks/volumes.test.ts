import { describe, expect, it } from 'vitest';
import { fitting } from '../../../../src/agent/disks/contents.ts';
import type { Region } from '../../../../src/agent/disks/read-at.ts';
import { probeHardwareRaid } from '../../../../src/agent/disks/volumes-codec.ts';
import type { DiskContents } from '../../../../src/inspect/disk-contents.ts';

const SIZE = 8 * 2 ** 20;

function regionWith(at: number, text: string | Buffer): Region {
  const disk = Buffer.alloc(SIZE);
  Buffer.from(text).copy(disk, at);
  return { start: 0, size: SIZE, read: async (offset, length) => disk.subarray(offset, offset + length) };
}

describe('a disk of a hardware raid', () => {
  it.each([
    ['isw_raid_member', SIZE - 1024, Buffer.from('Intel Raid ISM Cfg Sig. 1.3.00')],
    ['ddf_raid_member', SIZE - 512, Buffer.from('de11de11000000004c53492020202020', 'hex')],
    ['ddf_raid_member', SIZE - 512 - 256 * 512, Buffer.from('de11de11000000004c53492020202020', 'hex')],
    ['nvidia_raid_member', SIZE - 1024, Buffer.from('NVIDIA  ')],
    ['promise_fasttrack_raid_member', SIZE - 63 * 512, Buffer.from('Promise Technology, Inc.')],
  ])('is known as %s by its sector at %i', async (type, offset, bytes) => {
    expect(await probeHardwareRaid(regionWith(offset, bytes))).toMatchObject([{ kind: 'hardware-raid', type, offset }]);
  });

  it('is not any disk', async () => {
    expect(await probeHardwareRaid(regionWith(0, 'Intel Raid ISM Cfg Sig. 1.3.00'))).toEqual([]);
  });
});

describe('a report with too much in it', () => {
  it('says so of the disks with the most, and keeps the others whole', () => {
    const one = (name: string, count: number): DiskContents => ({
      name,
      serial: null,
      wwn: null,
      size: 1,
      table: null,
      tableUuid: null,
      partitions: [],
      signatures: Array.from({ length: count }, (_, offset) => ({
        kind: 'filesystem' as const,
        type: 'ext4',
        offset,
        partition: null,
        label: null,
        uuid: null,
        about: 'x'.repeat(200),
        ids: {},
      })),
      system: null,
      isBlank: false,
      unread: null,
    });
    const all = [one('/dev/sda', 2), one('/dev/sdb', 400), one('/dev/sdc', 3)];
    expect(fitting(all, 1_000_000)).toEqual(all);
    const kept = fitting(all, 20_000);
    expect(kept.map(({ signatures }) => signatures.length)).toEqual([2, 0, 3]);
    expect(kept[1]).toMatchObject({ isBlank: false, unread: 'there is too much on the disks of this machine to report' });
    expect(JSON.stringify(kept).length).toBeLessThan(20_000);
  });
});
