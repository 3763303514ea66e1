// What the agent sees on disks, against the tools that made them and against util-linux's opinion of the same bytes.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Check } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentItems, type DiskContents, DiskContentsSchema } from '../../src/inspect/disk-contents.ts';
import { containing } from '../support/containing.ts';
import { blankDisk, blkid, lookAt, MIB, proxmoxDisk, put, recorded, tool, zfsMember } from '../support/disk-images.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-disks-'));
});
afterAll(() => rm(directory, { recursive: true }));

let count = 0;
function disk(mib: number): Promise<string> {
  count += 1;
  return blankDisk(join(directory, `disk${count}`), mib * MIB);
}
const kinds = ({ signatures }: DiskContents): string[] => signatures.map(({ kind, type }) => `${kind} ${type}`);

async function look(path: string): Promise<DiskContents> {
  const contents = await lookAt(path);
  expect(Check(DiskContentsSchema, contents)).toBe(true);
  expect(contents.unread).toBeNull();
  return contents;
}

const LUKS = ['-q', 'luksFormat', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
const MADE: readonly (readonly [string, number, string, readonly string[], string])[] = [
  ['ext2', 32, 'mkfs.ext2', ['-q', '-F', '-L', 'two'], ''],
  ['ext3', 32, 'mkfs.ext3', ['-q', '-F', '-L', 'three'], ''],
  ['ext4', 32, 'mkfs.ext4', ['-q', '-F', '-L', 'four'], ''],
  ['xfs', 320, 'mkfs.xfs', ['-q', '-L', 'ex'], ''],
  ['btrfs', 200, 'mkfs.btrfs', ['-q', '-L', 'butter'], ''],
  ['vfat', 64, 'mkfs.vfat', ['-F', '32', '-n', 'EFI32'], ''],
  ['vfat', 16, 'mkfs.vfat', ['-F', '16', '-n', 'EFI16'], ''],
  ['vfat', 2, 'mkfs.vfat', ['-F', '12'], ''],
  ['swap', 16, 'mkswap', ['-q', '-L', 'swappy'], ''],
  ['crypto_LUKS', 32, 'cryptsetup', [...LUKS, '--type', 'luks1'], 'password'],
  ['crypto_LUKS', 32, 'cryptsetup', [...LUKS, '--type', 'luks2', '--label', 'locked'], 'password'],
];

describe('the agent recognises', { timeout: 60_000 }, () => {
  it.each(MADE)('%s on %i MiB as made by %s %j', async (type, mib, command, args, input) => {
    const path = await disk(mib);
    await tool(command, command === 'cryptsetup' ? [...args, path, '-'] : [...args, path], input);
    const contents = await look(path);
    const [first] = contents.signatures;
    expect({ type: first?.type, uuid: first?.uuid, label: first?.label }).toEqual(await blkid(path));
    expect(new Set(contents.signatures.map((one) => one.type))).toEqual(new Set([type]));
    expect(contents).toMatchObject({ table: null, isBlank: false });
  });

  it('a CD image by its name', async () => {
    const path = join(directory, 'cd.iso');
    await tool('genisoimage', ['-quiet', '-V', 'CIDATA', '-o', path, new URL('../fixtures/disks', import.meta.url).pathname]);
    expect((await look(path)).signatures).toMatchObject([{ type: 'iso9660', label: 'CIDATA' }]);
  });

  it('a ZFS member by pool, guids and host, in each of its four labels', async () => {
    const path = await disk(128);
    await put(path, await zfsMember(0, 128 * MIB));
    const { signatures, system } = await look(path);
    expect(signatures.map(({ offset }) => offset)).toEqual([16_384, 278_528, 128 * MIB - 507_904, 128 * MIB - 245_760]);
    for (const signature of signatures) {
      expect(signature).toMatchObject({
        kind: 'zfs',
        type: 'zfs_member',
        label: 'rpool',
        uuid: '7268809222183861090',
        ids: { pool: 'rpool', pool_guid: '7268809222183861090', hostname: 'vm', vdev_guid: '788134437926580907', state: 'exported' },
      });
    }
    expect(await blkid(path)).toEqual({ type: 'zfs_member', uuid: signatures[0]?.uuid, label: 'rpool' });
    expect(system).toBe('probably Proxmox VE: ZFS pool rpool of host vm, without its loader');
  });

  it('a ZFS member of which only the last label is left', async () => {
    const path = await disk(128);
    await put(path, (await zfsMember(0, 128 * MIB)).slice(3));
    expect((await look(path)).signatures).toMatchObject([{ type: 'zfs_member', ids: { pool: 'rpool' } }]);
  });

  it('an LVM volume group by name, with its volumes, and the OSD that ceph-volume made of one', async () => {
    const path = await disk(128);
    await put(path, [{ at: 0, bytes: await recorded('lvm-pv') }]);
    const { signatures, system } = await look(path);
    expect(signatures).toMatchObject([
      { kind: 'lvm', type: 'LVM2_member', offset: 512, label: 'pve', ids: { vg: 'pve', lvs: 'root osd-block-1' } },
      {
        kind: 'ceph',
        type: 'ceph_bluestore',
        offset: 17 * MIB,
        ids: {
          osd_id: '3',
          osd_uuid: '11111111-2222-4333-8444-555555555555',
          ceph_fsid: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
          osd_part: 'block',
        },
      },
    ]);
    expect(signatures[0]?.uuid).toBe((await blkid(path)).uuid);
    expect(system).toBe('Proxmox VE on LVM group pve');
  });

  it("an OSD on the whole disk by id, cluster and part, and never reads out the OSD's key", async () => {
    const path = await disk(128);
    await put(path, [{ at: 0, bytes: await recorded('bluestore-label') }]);
    const contents = await look(path);
    expect(contents.signatures).toMatchObject([
      {
        kind: 'ceph',
        type: 'ceph_bluestore',
        uuid: '11111111-2222-4333-8444-555555555555',
        about: 'Ceph: OSD 3 of cluster aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
        ids: { osd_part: 'block' },
      },
    ]);
    expect((await recorded('bluestore-label')).includes('SECRET')).toBe(true);
    expect(JSON.stringify(contents)).not.toContain('SECRET');
    expect((await blkid(path)).type).toBe('ceph_bluestore');
  });
});

describe('partition tables', { timeout: 60_000 }, () => {
  it('a Proxmox VE install is recognised by its pool and its loader', async () => {
    const contents = await look(await proxmoxDisk(await disk(0)));
    expect(contents.system).toBe('Proxmox VE on ZFS pool rpool of host vm');
    expect(contents.partitions).toMatchObject([
      { number: 1, size: MIB, typeName: 'BIOS boot' },
      { number: 2, size: 40 * MIB, typeName: 'EFI system', label: 'EFI system' },
      { number: 3, typeName: 'Solaris /usr or ZFS' },
    ]);
    expect(kinds(contents)).toEqual(['esp vfat', ...Array<string>(4).fill('zfs zfs_member')]);
    expect(contents.signatures.map(({ partition }) => partition)).toEqual([2, 3, 3, 3, 3]);
  });

  it('the same is read from the backup when the first copy is gone, and what was half erased is no news', async () => {
    const path = await proxmoxDisk(await disk(0));
    const before = await look(path);
    await put(path, [{ at: 0, bytes: new Uint8Array(34 * 512) }]);
    expect(contentItems(await look(path))).toEqual(contentItems(before));
    const { start = 0 } = before.partitions[2] ?? {};
    await put(path, [{ at: start, bytes: new Uint8Array(256 * 1024) }]);
    const after = contentItems(await look(path));
    expect(after.length).toBe(contentItems(before).length - 1);
    expect(contentItems(before)).toEqual(expect.arrayContaining(after));
  });

  it('a GPT whose copies are both damaged is one with data', async () => {
    const path = await proxmoxDisk(await disk(0));
    await put(path, [
      { at: 512 + 60, bytes: Buffer.from('damaged') },
      { at: 256 * MIB - 512 + 60, bytes: Buffer.from('damaged') },
    ]);
    expect(await lookAt(path)).toMatchObject({ table: 'gpt', partitions: [], isBlank: false, unread: containing('damaged') });
  });

  it('a GPT for sectors of 4 KiB', async () => {
    const path = await disk(256);
    await tool('fdisk', ['-b', '4096', path], 'g\nn\n1\n\n+64M\nn\n2\n\n+32M\nt\n2\nE6D6D379-F507-44C2-A23C-238F2A3DF928\nw\n');
    expect((await look(path)).partitions).toMatchObject([
      { number: 1, size: 64 * MIB },
      { number: 2, size: 32 * MIB, typeName: 'Linux LVM' },
    ]);
  });

  it('the rest of a GPT whose headers are both gone as damage, not as a table of its own', async () => {
    const path = await disk(64);
    await tool('sgdisk', ['-n', '1:0:+20M', path]);
    await put(path, [
      { at: 512, bytes: Buffer.alloc(512) },
      { at: 64 * MIB - 512, bytes: Buffer.alloc(512) },
    ]);
    const { unread } = await lookAt(path);
    expect(unread).toBe('its partition table (GPT) is lost: only the entry that protects it is left');
  });

  it('an extended partition whose first link is gone as damage', async () => {
    const path = await disk(64);
    await tool('sfdisk', ['-q', path], 'label: dos\n,10M,83\n,,5\n,20M,83\n');
    const [, extended] = (await look(path)).partitions;
    await put(path, [{ at: extended?.start ?? 0, bytes: Buffer.alloc(512) }]);
    expect((await lookAt(path)).unread).toBe('its chain of logical partitions is broken');
  });

  it('an MBR with logical partitions, as sfdisk wrote it', async () => {
    const path = await disk(128);
    const lines = ['disk1: start=2048,size=16M,type=c', 'disk2: size=100M,type=5', 'disk5: size=16M,type=83', 'disk6: size=8M,type=8e'];
    await tool('sfdisk', ['-q', path], `label: dos\nlabel-id: 0x1234abcd\n${lines.join('\n')}\n`);
    const { table, tableUuid, partitions } = await look(path);
    expect({ table, tableUuid }).toEqual({ table: 'mbr', tableUuid: '1234abcd' });
    const listed = JSON.parse(await tool('sfdisk', ['--json', path])) as {
      partitiontable: { partitions: { start: number; size: number; type: string }[] };
    };
    expect(partitions.map(({ start, size, type }) => ({ start: start / 512, size: size / 512, type: Number(type).toString(16) }))).toEqual(
      listed.partitiontable.partitions.map(({ start, size, type }) => ({ start, size, type })),
    );
    expect(partitions.map(({ number }) => number)).toEqual([1, 2, 5, 6]);
  });

  it('a FAT on the whole disk is no MBR', async () => {
    const path = await disk(64);
    await tool('mkfs.vfat', ['-I', path]);
    expect((await look(path)).table).toBeNull();
  });
});

describe('a disk without a name for what is on it', { timeout: 60_000 }, () => {
  it('is blank when every sample is zero, or every one is ones', async () => {
    const path = await disk(64);
    expect(await look(path)).toMatchObject({ isBlank: true, sampled: containing('first and last MiB') });
    await put(path, [{ at: 0, bytes: Buffer.alloc(64 * MIB, 0xff) }]);
    expect(await look(path)).toMatchObject({ isBlank: true });
  });

  it.each([0, 3 * MIB, 32 * MIB - 5000, 64 * MIB - 1])('is not when there is a byte at %i', async (at) => {
    const path = await disk(64);
    await put(path, [{ at: Math.floor(at / 4096) * 4096 + (at % 4096 === 0 ? 0 : 4095), bytes: Buffer.from([1]) }]);
    const contents = await look(path);
    const isSampled = at !== 32 * MIB - 5000;
    expect(contents.isBlank).toBe(!isSampled);
    expect(contentItems(contents)).toEqual(isSampled ? ['unrecognised data'] : []);
  });
});
