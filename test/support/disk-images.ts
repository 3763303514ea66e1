// Disks as files, for tests of what reads and writes them: made by the tools that make real ones, or put together of bytes that such tools
// left (test/fixtures/disks/README.md).

import { type FileHandle, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { createEyes } from '../../src/agent/disks/eyes.ts';
import type { DiskContents } from '../../src/inspect/disk-contents.ts';
import { runProgram, systemClock } from '../../src/lib/index.ts';

export const MIB = 2 ** 20;

export async function blankDisk(path: string, size: number): Promise<string> {
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

/** Runs a tool that must succeed. */
export async function tool(command: string, args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, { input });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${code}: ${stderr}${stdout}`);
  return stdout;
}

export async function put(path: string, pieces: readonly { readonly at: number; readonly bytes: Uint8Array }[]): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r+');
    for (const { at, bytes } of pieces) await handle.write(bytes, 0, bytes.length, at);
  } finally {
    await handle?.close();
  }
}

export async function recorded(name: 'zfs-label' | 'lvm-pv' | 'bluestore-label'): Promise<Buffer> {
  return gunzipSync(await readFile(new URL(`../fixtures/disks/${name}.gz`, import.meta.url)));
}

/** The four labels of a ZFS member of that size, which begins there. `pool`: another name of five letters. */
export async function zfsMember(start: number, size: number, pool = 'rpool'): Promise<{ at: number; bytes: Uint8Array }[]> {
  const bytes = Buffer.from(
    Buffer.from(await recorded('zfs-label'))
      .toString('latin1')
      .replaceAll('rpool', pool),
    'latin1',
  );
  const end = start + Math.floor(size / bytes.length) * bytes.length;
  return [start, start + bytes.length, end - 2 * bytes.length, end - bytes.length].map((at) => ({ at, bytes }));
}

/** A member of an array, with a super-block 1.2 (Linux, include/uapi/linux/raid/md_p.h: struct mdp_superblock_1) of our making. */
export function mdMember(name: string): { at: number; bytes: Uint8Array }[] {
  const at = 4096;
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt32LE(0xa92b4efc, 0);
  bytes.writeUInt32LE(1, 4);
  Buffer.from('00112233445566778899aabbccddeeff', 'hex').copy(bytes, 16);
  bytes.write(name, 32);
  bytes.writeInt32LE(5, 72);
  bytes.writeUInt32LE(4, 92);
  bytes.writeBigUInt64LE(BigInt(at / 512), 144);
  return [{ at, bytes }];
}

/** As Proxmox's installer leaves a disk of a mirror. */
export async function proxmoxDisk(path: string): Promise<string> {
  const size = 256 * MIB;
  await blankDisk(path, size);
  const gpt = ['-n', '1:0:+1M', '-t', '1:ef02', '-n', '2:0:+40M', '-t', '2:ef00', '-c', '2:EFI system', '-n', '3:0:0', '-t', '3:bf01'];
  await tool('sgdisk', [...gpt, path]);
  const [, esp, zfs] = (await lookAt(path)).partitions;
  await tool('mkfs.vfat', ['-F', '32', '--offset', String((esp?.start ?? 0) / 512), path, '39000']);
  await tool('mmd', ['-i', `${path}@@${esp?.start}`, '::EFI', '::EFI/BOOT', '::EFI/systemd', '::EFI/proxmox']);
  await put(path, await zfsMember(zfs?.start ?? 0, zfs?.size ?? 0));
  return path;
}

export async function lookAt(path: string): Promise<DiskContents> {
  const { size } = await stat(path);
  return createEyes({ clock: systemClock }).look({ name: path, serial: null, wwn: null, size });
}

export interface Judged {
  readonly type: string | null;
  readonly uuid: string | null;
  readonly label: string | null;
}

/** What util-linux says is on it: somebody else's opinion. */
export async function blkid(path: string): Promise<Judged> {
  const text = await tool('blkid', ['-p', '-o', 'export', path]);
  const value = (name: string): string | null => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? null;
  return { type: value('TYPE'), uuid: value('UUID'), label: value('LABEL') };
}
