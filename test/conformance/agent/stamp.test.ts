// Empty partition tables on files in place of disks, as other programs read them: sgdisk, fdisk and blkid, which udev asks too.

import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seenByUdev, stampDisks, writeStamp } from '../../../src/agent/commands/stamp.ts';
import { openBlockDevice } from '../../../src/agent/writing/block-device.ts';
import type { DiskRef } from '../../../src/inspect/commands.ts';
import { contentItems } from '../../../src/inspect/disk-contents.ts';
import { runProgram } from '../../../src/lib/index.ts';
import { blankDisk, lookAt, MIB, proxmoxDisk, put, tool, zfsMember } from '../../support/disk-images.ts';
import { fileDisk, hands, refTo } from '../../support/hands.ts';

const SIZE = 96 * MIB;
const [ONE, TWO] = ['3fa85f64-5717-4562-b3fc-000000000001', '3fa85f64-5717-4562-b3fc-000000000002'];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-stamp-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const withSizes = (...paths: string[]) => hands({ sizes: new Map(paths.map((path) => [path, SIZE])) });
const stamp = (refs: readonly DiskRef[], guids: readonly string[], context = withSizes(...refs.map(({ serial }) => serial ?? ''))) =>
  stampDisks({ disks: [...refs], guids: [...guids] }, context);

async function itemsOf(path: string): Promise<string[]> {
  return contentItems(await lookAt(path));
}

/** What blkid tells udev of the whole disk. */
async function probed(path: string): Promise<string> {
  return (await runProgram('blkid', ['-p', '-o', 'udev', path])).stdout.trim();
}

describe('stamp_disks', () => {
  it('gives each disk an empty table with its id, in both copies, as other programs see it', async () => {
    const paths = [at('one'), at('two')];
    for (const path of paths) await blankDisk(path, SIZE);
    const { result } = await stamp(
      paths.map((path) => refTo(path, SIZE, [])),
      [ONE, TWO],
    );
    expect(result.disks).toEqual([
      { title: 'disk one', guid: ONE, udev: null },
      { title: 'disk two', guid: TWO, udev: null },
    ]);
    for (const [index, path] of paths.entries()) {
      const guid = [ONE, TWO][index] ?? '';
      expect(await probed(path)).toBe(`ID_PART_TABLE_UUID=${guid}\nID_PART_TABLE_TYPE=gpt`);
      const verified = await tool('sgdisk', ['-v', path]);
      expect(verified).toContain('No problems found');
      expect(await tool('sgdisk', ['-p', path])).toContain(`Disk identifier (GUID): ${guid.toUpperCase()}`);
      expect(await lookAt(path)).toMatchObject({
        table: 'gpt',
        tableUuid: guid,
        partitions: [],
        signatures: [],
        unread: null,
        isBlankBeside: true,
      });
    }
  });

  it('can be told again, as an order that was cut off or was not heard of is', async () => {
    const path = at('again');
    await blankDisk(path, SIZE);
    const ref = refTo(path, SIZE, []);
    await stamp([ref], [ONE]);
    const first = await readFile(path);
    await stamp([ref], [ONE]);
    expect((await readFile(path)).equals(first)).toBe(true);
    await stamp([refTo(path, SIZE)], [TWO]);
    expect(await itemsOf(path)).toEqual([`table gpt ${TWO}`]);
  });

  it('takes away what was there before, which would hide the id', async () => {
    const path = await proxmoxDisk(at('old'));
    const size = 256 * MIB;
    const before = await itemsOf(path);
    const context = hands({ sizes: new Map([[path, size]]) });
    await stamp([refTo(path, size, before)], [ONE], context);
    expect(await itemsOf(path)).toEqual([`table gpt ${ONE}`]);
    expect(await probed(path)).toContain(`ID_PART_TABLE_UUID=${ONE}`);
    const member = at('member');
    await blankDisk(member, SIZE);
    await put(member, await zfsMember(0, SIZE));
    await stamp([refTo(member, SIZE)], [TWO]);
    expect(await probed(member)).toBe(`ID_PART_TABLE_UUID=${TWO}\nID_PART_TABLE_TYPE=gpt`);
  });

  it('touches none of the disks where one holds what nobody said yes to', async () => {
    const [mine, foreign] = [at('mine'), at('foreign')];
    await blankDisk(mine, SIZE);
    await fileDisk(foreign, SIZE, true);
    const before = await readFile(foreign);
    await expect(stamp([refTo(mine, SIZE, []), refTo(foreign, SIZE, [])], [ONE, TWO])).rejects.toThrow(
      'did not hold when somebody said yes',
    );
    expect(await itemsOf(mine)).toEqual([]);
    expect((await readFile(foreign)).equals(before)).toBe(true);
  });

  it('refuses ids that are not one for each disk, and does nothing without disks', async () => {
    const path = at('ids');
    await blankDisk(path, SIZE);
    const refs = [refTo(path, SIZE), refTo(path, SIZE)];
    await expect(stamp(refs, [ONE])).rejects.toThrow('1 ids are given for 2 disks');
    await expect(stamp(refs, [ONE, ONE])).rejects.toThrow('the same id');
    expect(await itemsOf(path)).toEqual([]);
    expect((await stamp([], [])).message).toBe('no disks were named: nothing was stamped');
  });

  it('fails where the disk gives something else back than was written', async () => {
    const path = at('liar');
    await blankDisk(path, SIZE);
    const device = await openBlockDevice(path, runProgram);
    const liar = {
      ...device,
      read: async (offset: number, length: number) => Buffer.from(await device.read(offset, length)).fill(0, 60, 61),
    };
    await expect(writeStamp(liar, ONE)).rejects.toThrow('gives something else back');
    await device.close();
  });

  it('knows sectors of 4096 bytes', async () => {
    const path = at('wide');
    await blankDisk(path, SIZE);
    const device = await openBlockDevice(path, runProgram);
    await writeStamp({ ...device, sectorSize: 4096 }, ONE);
    await device.close();
    const listed = await tool('fdisk', ['-b', '4096', '-l', path]);
    expect(listed).toContain(`Disk identifier: ${ONE.toUpperCase()}`);
    expect(listed).toContain('Disklabel type: gpt');
    expect(await lookAt(path)).toMatchObject({ table: 'gpt', tableUuid: ONE, partitions: [], unread: null });
    const handle = await open(path);
    const last = Buffer.alloc(4096);
    await handle.read(last, 0, 4096, SIZE - 4096);
    await handle.close();
    expect(last.toString('latin1', 0, 8)).toBe('EFI PART');
    expect(last.readBigUInt64LE(24)).toBe(BigInt(SIZE / 4096 - 1));
    expect(last.readBigUInt64LE(40)).toBe(6n);
    expect(last.readBigUInt64LE(48)).toBe(BigInt(SIZE / 4096 - 6));
  });
});

describe('what udev sees of a stamped disk', () => {
  const asked: string[] = [];
  const udev = (stdout: string, code = 0) => ({
    signal: new AbortController().signal,
    run: (command: string, args: readonly string[]) => {
      asked.push([command, ...args].join(' '));
      return Promise.resolve({
        code: args[0] === 'info' ? code : 0,
        stdout: args[0] === 'info' ? stdout : '',
        stderr: code === 0 ? '' : 'gone',
      });
    },
  });

  it('is asked for when its rules have run anew', async () => {
    expect(await seenByUdev('/dev/sdb', ONE, udev(`DEVNAME=/dev/sdb\nID_PART_TABLE_UUID=${ONE}\n`))).toBe(ONE);
    expect(asked).toEqual([
      'udevadm trigger --action=change --name-match=/dev/sdb',
      'udevadm settle --timeout=30',
      'udevadm info --query=property --name=/dev/sdb',
    ]);
  });

  it('fails the order where it is not the id: an installer would not find the disk', async () => {
    await expect(seenByUdev('/dev/sdb', ONE, udev('ID_FS_TYPE=zfs_member\n'))).rejects.toThrow('but udev sees none');
    await expect(seenByUdev('/dev/sdb', ONE, udev(`ID_PART_TABLE_UUID=${TWO}\n`))).rejects.toThrow(`but udev sees ${TWO}`);
    await expect(seenByUdev('/dev/sdb', ONE, udev('', 1))).rejects.toThrow('udev says nothing of /dev/sdb: gone');
  });
});
