// What holds each disk at this moment, as the kernel says: mounts, swap, arrays and volumes made of it, and the medium that was booted.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Disk } from '../../inspect/inventory.ts';
import { bootedPartitionOf } from './boot-medium-codec.ts';

export interface UsesParts {
  /** "/" but in tests. */
  readonly root: string;
  /** The unique GUIDs of a disk's partitions. */
  readonly partitionUuids: (disk: Disk) => Promise<readonly string[]>;
}

const EFI_GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

export async function findUses(disks: readonly Disk[], { root, partitionUuids }: UsesParts): Promise<ReadonlyMap<string, string>> {
  const [mounts, swaps, booted] = await Promise.all([mountedDevices(root), swapDevices(root), bootedPartition(root)]);
  const uses = new Map<string, string>();
  for (const disk of disks) {
    const use = (await heldBy(root, basename(disk.name), { mounts, swaps })) ?? (await bootedFrom(disk, booted, partitionUuids));
    if (use !== undefined) uses.set(disk.name, use);
  }
  return uses;
}

interface InUse {
  /** "8:1" → where it is mounted. */
  readonly mounts: ReadonlyMap<string, string>;
  readonly swaps: ReadonlySet<string>;
}

async function heldBy(root: string, name: string, { mounts, swaps }: InUse): Promise<string | undefined> {
  const folder = join(root, 'sys/block', name);
  const parts = (await namesIn(folder)).filter((one) => one.startsWith(name));
  for (const part of [name, ...parts]) {
    const at = part === name ? folder : join(folder, part);
    const [holder] = await namesIn(join(at, 'holders'));
    if (holder !== undefined) return `${holder} is made of ${part}`;
    const mount = mounts.get((await textOf(join(at, 'dev'))).trim());
    if (mount !== undefined) return `${part} is mounted at ${mount}`;
    if (swaps.has(`/dev/${part}`)) return `${part} is swap space`;
  }
  return undefined;
}

async function bootedFrom(
  disk: Disk,
  booted: string | undefined,
  partitionUuids: UsesParts['partitionUuids'],
): Promise<string | undefined> {
  if (booted === undefined) return undefined;
  return (await partitionUuids(disk)).includes(booted) ? 'this system was started from it' : undefined;
}

/** Linux, Documentation/filesystems/proc.rst §3.5: the third field is the device, the fifth the mount point. */
async function mountedDevices(root: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await textOf(join(root, 'proc/self/mountinfo'))).split('\n').map((line) => line.split(' '));
  return new Map(lines.flatMap(([, , device, , point]) => (device === undefined || point === undefined ? [] : [[device, point] as const])));
}

async function swapDevices(root: string): Promise<ReadonlySet<string>> {
  const lines = (await textOf(join(root, 'proc/swaps'))).split('\n').slice(1);
  return new Set(lines.map((line) => line.split(/\s/)[0] ?? '').filter((path) => path !== ''));
}

/** Undefined: started over the network, or by a firmware that does not say. */
async function bootedPartition(root: string): Promise<string | undefined> {
  const variable = (name: string): Promise<Uint8Array | undefined> =>
    readFile(join(root, 'sys/firmware/efi/efivars', `${name}-${EFI_GLOBAL}`)).catch(() => undefined); // BIOS, or it does not say
  const current = await variable('BootCurrent');
  // Four bytes of attributes, then the value.
  if (current === undefined || current.length < 6) return undefined;
  const number = ((current[4] ?? 0) | ((current[5] ?? 0) << 8)).toString(16).toUpperCase().padStart(4, '0');
  const option = await variable(`Boot${number}`);
  return option === undefined ? undefined : bootedPartitionOf(option.subarray(4));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []); // a folder that is not there has nothing in it
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => ''); // no swap in this kernel, or the disk has just gone
}
