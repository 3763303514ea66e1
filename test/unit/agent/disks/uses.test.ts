import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findUses } from '../../../../src/agent/disks/uses.ts';
import type { Disk } from '../../../../src/inspect/inventory.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rackseed-uses-'));
  await file('sys/block/sda/dev', '8:0\n');
  await file('sys/block/sda/sda1/dev', '8:1\n');
  await file('proc/swaps', 'Filename\t\t\t\tType\t\tSize\n');
  await file('proc/self/mountinfo', '1 1 0:1 / / rw - rootfs rootfs rw\n');
});
afterEach(() => rm(root, { recursive: true }));

async function file(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const SDA = { name: '/dev/sda' } as Disk; // all that is looked at
const ESP = '337489c6-b9b6-4479-92d9-2e6982101810';

async function use(): Promise<string | undefined> {
  return (await findUses([SDA], { root, partitionUuids: async () => [ESP] })).get('/dev/sda');
}

/** EFI_LOAD_OPTION: attributes, length, "UEFI\0", one hard drive node, the end. */
function loadOption(): Buffer {
  const node = Buffer.alloc(42);
  node.set([4, 1, 42, 0]);
  Buffer.from('c6897433b6b9794492d92e6982101810', 'hex').copy(node, 24);
  node.set([2, 2], 40);
  return Buffer.concat([Buffer.alloc(4), Buffer.alloc(6), Buffer.from('UEFI\0', 'utf16le'), node, Buffer.from([0x7f, 0xff, 4, 0])]);
}

describe('a disk', () => {
  it('that nothing holds is free', async () => {
    expect(await use()).toBeUndefined();
  });

  it('is in use while a partition of it is mounted', async () => {
    await file('proc/self/mountinfo', '30 1 8:1 / /mnt/old\\040disk rw - ext4 /dev/sda1 rw\n');
    expect(await use()).toBe('sda1 is mounted at /mnt/old\\040disk');
  });

  it('is in use while a volume or an array is made of it', async () => {
    await mkdir(join(root, 'sys/block/sda/sda1/holders/md127'), { recursive: true });
    expect(await use()).toBe('md127 is made of sda1');
  });

  it('is in use while the machine swaps to it', async () => {
    await file('proc/swaps', 'Filename Type Size\n/dev/sda1 partition 1\n');
    expect(await use()).toBe('sda1 is swap space');
  });

  it('is in use when the firmware says that this system was started from it', async () => {
    const efivars = 'sys/firmware/efi/efivars';
    await file(`${efivars}/BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c`, Buffer.from([7, 0, 0, 0, 0x0a, 0]));
    await file(`${efivars}/Boot000A-8be4df61-93ca-11d2-aa0d-00e098032b8c`, loadOption());
    expect(await use()).toBe('this system was started from it');
  });
});
