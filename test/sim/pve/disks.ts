// Disks of a member and the pools on them: what `used` says, and what is refused of a disk that is in use.

import type { Member } from './world.ts';

export interface SimDisk {
  /** /dev/sdb */
  readonly devpath: string;
  readonly serial: string;
  readonly wwn: string;
  readonly model: string;
  readonly size: number;
  readonly type: 'hdd' | 'ssd' | 'nvme';
  /** As the API says it: LVM, ZFS, partitions, mounted, …; null: nothing on it. */
  used: string | null;
  hasGpt: boolean;
  osd: number | null;
}

export interface SimPool {
  readonly raidlevel: string;
  /** Serials. */
  readonly disks: readonly string[];
  readonly size: number;
  readonly ashift: number;
  readonly compression: string;
}

export interface DiskOptions {
  readonly serial: string;
  readonly size?: number;
  readonly type?: SimDisk['type'];
  readonly used?: string | null;
}

const SIZE = 960_197_124_096;

/** sda, sdb, … in the order that they are told in. */
export function disksOf(options: readonly DiskOptions[]): SimDisk[] {
  return options.map(({ serial, size = SIZE, type = 'ssd', used = null }, at) => ({
    devpath: `/dev/sd${String.fromCharCode(97 + at)}`,
    serial,
    wwn: `0x5000c500${serial.length.toString(16).padStart(2, '0')}${at.toString(16).padStart(6, '0')}`,
    model: 'SIM_DISK',
    size,
    type,
    used,
    hasGpt: used !== null,
    osd: null,
  }));
}

export const byIdOf = ({ model, serial }: SimDisk): string => `/dev/disk/by-id/ata-${model}_${serial}`;

/** By its path, or by one of its names. */
export function diskAt({ disks }: Member, path: string): SimDisk | undefined {
  return disks.find((disk) => [disk.devpath, byIdOf(disk), `/dev/disk/by-id/wwn-${disk.wwn}`].includes(path));
}
