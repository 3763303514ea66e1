// What the low-level installer makes of the chosen disks: it refuses what it can not do, and partitions each of them alike.

import type { DiskSetup } from './disk-setup.ts';
import type { Disk } from './machine.ts';
import { Refused } from './section.ts';

const LEAST: Readonly<Record<string, number>> = { RAID0: 1, RAID1: 2, RAID10: 4, 'RAIDZ-1': 3, 'RAIDZ-2': 4, 'RAIDZ-3': 5 };
const KIB_OF_GIB = 1024 ** 2;
const SOFT_LIMIT = 8;
const LARGE = 100 * KIB_OF_GIB;

export interface PartitionPlan {
  readonly disk: Disk;
  /** Words for sgdisk, call by call. */
  readonly calls: readonly (readonly string[])[];
  readonly hasBiosBoot: boolean;
}

/** Throws Refused. The first disk is the one with the root. */
export function planStorage(disks: readonly Disk[], setup: DiskSetup, bootMode: 'bios' | 'efi'): readonly PartitionPlan[] {
  checkRaid(disks, setup);
  for (const disk of disks) {
    if (bootMode === 'bios' && disk.blockSize === 4096)
      throw new Refused(`${disk.path}: booting from 4kn drive in legacy BIOS mode is not supported`);
    checkSize(disk, setup);
  }
  return disks.map((disk) => partition(disk, setup));
}

function checkRaid(disks: readonly Disk[], { raid, filesystem }: DiskSetup): void {
  if (raid === null) return;
  const least = LEAST[raid] ?? 1;
  if (disks.length < least) throw new Refused(`${filesystem} (${raid}): need at least ${least} disks, ${disks.length} selected`);
  if (raid === 'RAID10' && disks.length % 2 === 1) throw new Refused(`${filesystem} (RAID10): need an even number of disks`);
  if (raid === 'RAID0') return;
  const mirrors = raid === 'RAID10' ? disks.map((_, index) => disks.slice(index - (index % 2), index - (index % 2) + 2)) : [disks];
  for (const [first, ...others] of mirrors)
    for (const other of others)
      if (first !== undefined && Math.abs(first.bytes - other.bytes) > first.bytes / 10)
        throw new Refused(`${first.path} and ${other.path}: mirrored disks must have same size`);
}

function kibOf(disk: Disk, hdsize: number | null): number {
  const whole = Math.floor(disk.bytes / 1024);
  return hdsize === null ? whole : Math.min(whole, hdsize * KIB_OF_GIB);
}

/** The real one asks whether to go on below the soft limit; nobody is there to say yes. */
function checkSize(disk: Disk, { hdsize }: DiskSetup): void {
  const gib = Math.floor(kibOf(disk, hdsize) / KIB_OF_GIB);
  if (gib < SOFT_LIMIT) throw new Refused(`root disk ${disk.path} too small (${gib} GB < ${SOFT_LIMIT} GB), and warning not accepted`);
}

function partition(disk: Disk, { filesystem, hdsize }: DiskSetup): PartitionPlan {
  const kib = kibOf(disk, hdsize);
  const esp = kib > LARGE ? 1024 : 512;
  const end = hdsize !== null && kib < Math.floor(disk.bytes / 1024) ? `${Math.floor(kib / 1024)}M` : '0';
  const type = { zfs: 'BF01', btrfs: '8300', ext4: '8E00', xfs: '8E00' }[filesystem];
  const hasBiosBoot = disk.blockSize !== 4096;
  const main = [`-n2:1M:+${esp}M`, '-t2:EF00', `-n3:${esp + 1}M:${end}`, `-t3:${type}`];
  return { disk, hasBiosBoot, calls: [['-Z'], main, ...(hasBiosBoot ? [['-a1', '-n1:34:2047', '-t1:EF02']] : [])] };
}

/** /dev/sda3, /dev/nvme0n1p3 */
export function partitionPath(disk: Disk, number: number): string {
  return /\d$/.test(disk.path) ? `${disk.path}p${number}` : `${disk.path}${number}`;
}
