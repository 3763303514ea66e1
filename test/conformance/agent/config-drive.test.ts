// A config drive from the appliance onto a disk with partitions, as isoinfo and sgdisk see it; boot entries by an efibootmgr that is played.

import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInstallBoot } from '../../../src/agent/commands/boot-entry/install-boot.ts';
import { writeConfigdrive } from '../../../src/agent/commands/configdrive.ts';
import { buildIso } from '../../../src/install/iso-codec.ts';
import { type Run, runProgram } from '../../../src/lib/index.ts';
import { fileDisk, hands, refTo } from '../../support/hands.ts';
import { serveImages } from '../../support/image-server.ts';

const MIB = 2 ** 20;
const SIZE = 256 * MIB;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-drive-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function tool(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

async function diskWithEsp(name: string): Promise<string> {
  const path = join(directory, name);
  const esp = join(directory, `${name}.esp`);
  await fileDisk(path, SIZE);
  await fileDisk(esp, 40 * MIB);
  await tool('mkfs.vfat', '-F', '32', esp);
  await tool('mmd', '-i', esp, '::EFI', '::EFI/BOOT', '::EFI/debian');
  for (const file of ['BOOT/BOOTX64.EFI', 'debian/shimx64.efi', 'debian/a rather long name.txt'])
    await tool('mcopy', '-i', esp, '/etc/hostname', `::EFI/${file}`);
  await tool('sgdisk', '-n', '1:2048:+40M', '-t', '1:ef00', '-n', '2:0:+60M', path);
  const handle = await open(path, 'r+');
  await handle.write(await readFile(esp), 0, 40 * MIB, MIB);
  await handle.close();
  return path;
}

describe('a config drive', () => {
  it('is a partition at the end of the disk, and is replaced when it is written again', async () => {
    const path = await diskWithEsp('drive');
    const long = 'x'.repeat(5000);
    const iso = buildIso(
      [
        { path: 'openstack/latest/meta_data.json', bytes: Buffer.from(long) },
        { path: 'user-data', bytes: Buffer.alloc(0) },
      ],
      {
        label: 'config-2',
        at: 1e12,
      },
    );
    const server = await serveImages({ '/api/agent/configdrive': iso });
    const context = hands({ sizes: new Map([[path, SIZE]]), appliance: server.url('') });
    for (const _ of [1, 2]) {
      const done = await writeConfigdrive({ disk: refTo(path, SIZE), path: '/api/agent/configdrive' }, context);
      expect(done.result).toEqual({ partition: '3' });
    }
    expect(await tool('sgdisk', '-v', path)).toContain('No problems found');
    const info = await tool('sgdisk', '-i', '3', path);
    expect(info).toContain("Partition name: 'config-2'");
    const start = Number(/First sector: (\d+)/.exec(info)?.[1]) * 512;
    const written = join(directory, 'written.iso');
    const handle = await open(written, 'w');
    await handle.write((await readFile(path)).subarray(start, start + iso.length));
    await handle.close();
    expect(await tool('blkid', '-p', written)).toContain('LABEL="config-2"');
    expect(await tool('isoinfo', '-J', '-i', written, '-x', '/openstack/latest/meta_data.json;1')).toBe(long);
  });

  it('is written to the disk that has the serial when it has come, not to the one that had its name before', async () => {
    const [path, other] = [await diskWithEsp('moved'), await diskWithEsp('other')];
    const before = await readFile(other);
    const server = await serveImages({ '/api/agent/configdrive': Buffer.alloc(4096, 'drive') });
    const context = hands({ sizes: new Map([[path, SIZE]]), appliance: server.url('') });
    const resolve: typeof context.resolve = async (refs) =>
      (await context.resolve(refs)).map((one) => (server.asked.length === 0 ? { ...one, path: other } : one));
    await writeConfigdrive({ disk: refTo(path, SIZE), path: '/api/agent/configdrive' }, { ...context, resolve });
    expect((await readFile(other)).equals(before)).toBe(true);
    expect(await tool('sgdisk', '-i', '3', path)).toContain("Partition name: 'config-2'");
  });

  it('is refused where the image leaves no room for it', async () => {
    const path = join(directory, 'full');
    await fileDisk(path, SIZE);
    await tool('sgdisk', '-n', '1:0:0', path);
    const server = await serveImages({ '/api/agent/configdrive': Buffer.alloc(4096) });
    const context = hands({ sizes: new Map([[path, SIZE]]), appliance: server.url('') });
    await expect(writeConfigdrive({ disk: refTo(path, SIZE), path: '/api/agent/configdrive' }, context)).rejects.toThrow('leave no 64 MiB');
  });
});

describe('the boot entry', () => {
  const efibootmgr = (asked: string[][]): Run => {
    let entries =
      'BootOrder: 0001,0002,0005\nBoot0001* Disk\tHD(1)\nBoot0002* PXE\tPci(0)/MAC(525400000001,1)/IPv4(0.0.0.0)\nBoot0005* rackseed old\tHD(1)\n';
    return (_, args) => {
      asked.push([...args]);
      if (args.includes('-B')) entries = entries.replace(/Boot0005.*\n/, '').replace(',0005', '');
      if (args.includes('-C')) entries += 'Boot0007* rackseed debian\tHD(1)/File(x)\n';
      const order = args[args.indexOf('-o') + 1];
      if (args.includes('-o')) entries = entries.replace(/BootOrder: .*/, `BootOrder: ${order ?? ''}`);
      return Promise.resolve({ code: 0, stdout: entries, stderr: '' });
    };
  };

  it.each([
    ['network-first', '0002,0007,0001'],
    ['disk-first', '0007,0001,0002'],
    ['leave', '0001,0002,0007'],
  ] as const)('is of the signed loader, in its place: %s', async (order, wanted) => {
    const path = await diskWithEsp(`boot-${order}`);
    const asked: string[][] = [];
    const context = hands({ sizes: new Map([[path, SIZE]]), run: efibootmgr(asked) });
    const done = await createInstallBoot({ efiDirectory: directory })({ disk: refTo(path, SIZE), order }, context);
    expect(done.result).toEqual({ entry: 'Boot0007', loader: '\\EFI\\debian\\shimx64.efi' });
    expect(asked.find((args) => args.includes('-C'))).toEqual(expect.arrayContaining(['-p', '1', '-l', '\\EFI\\debian\\shimx64.efi']));
    expect(asked.find((args) => args.includes('-o'))?.at(-1)).toBe(wanted);
    expect(context.logged).toEqual([]);
  });

  it('is nobody to be told of with BIOS: then the image needs boot code', async () => {
    const path = await diskWithEsp('bios');
    const work = createInstallBoot({ efiDirectory: join(directory, 'nothing') });
    const context = hands({ sizes: new Map([[path, SIZE]]) });
    await expect(work({ disk: refTo(path, SIZE), order: 'leave' }, context)).rejects.toThrow('no boot code in its first sector');
    const handle = await open(path, 'r+');
    await handle.write(Buffer.from([0xeb, 0x63, 0x90]), 0, 3, 0);
    await handle.close();
    expect((await work({ disk: refTo(path, SIZE), order: 'leave' }, context)).result).toEqual({ entry: null, loader: null });
  });
});
