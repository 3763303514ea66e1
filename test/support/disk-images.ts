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

/** The four labels of a ZFS member of that size, which begins there. */
export async function zfsMember(start: number, size: number): Promise<{ at: number; bytes: Uint8Array }[]> {
  const bytes = await recorded('zfs-label');
  const end = start + Math.floor(size / bytes.length) * bytes.length;
  return [start, start + bytes.length, end - 2 * bytes.length, end - bytes.length].map((at) => ({ at, bytes }));
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
