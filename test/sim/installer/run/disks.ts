// Writes the disks: partitions, file systems, the Debian of the ISO, loaders.

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import type { DiskSetup } from '../logic/disk-setup.ts';
import type { PartitionPlan } from '../logic/storage.ts';
import { partitionPath } from '../logic/storage.ts';
import { run, say } from './shell.ts';

const OWN = '/usr/lib/installer';
export const TARGET = '/target';

export function partitionAll(plans: readonly PartitionPlan[]): void {
  for (const { disk, calls } of plans) {
    const [whole = disk.path, ...parts] = run('lsblk', ['--output', 'kname', '--noheadings', '--path', '--list', disk.path])
      .trim()
      .split(/\s+/);
    run('wipefs', ['--all', '--force', ...parts, whole]);
    for (const words of calls) run('sgdisk', [...words, disk.path]);
    say(`partitioned ${disk.path}`);
  }
  run('udevadm', ['trigger', '--subsystem-match', 'block']);
  run('udevadm', ['settle', '--timeout', '30']);
}

/** Gives the UUID of the root file system. */
export function unpackSystem([first]: readonly PartitionPlan[], product: string): string {
  if (first === undefined) throw new Error('no disk to unpack to');
  const uuid = randomUUID();
  const device = partitionPath(first.disk, 3);
  run('mkfs.ext4', ['-q', '-F', '-U', uuid, '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard', device]);
  mkdirSync(TARGET, { recursive: true });
  run('mount', ['-t', 'ext4', device, TARGET]);
  mkdirSync('/run/base', { recursive: true });
  run('mount', ['-o', 'loop,ro', '-t', 'squashfs', `/cdrom/${product}-base.squashfs`, '/run/base']);
  run('cp', ['-a', '/run/base/.', TARGET]);
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp']) mkdirSync(`${TARGET}/${name}`, { recursive: true });
  run('chmod', ['1777', `${TARGET}/tmp`]);
  run('umount', ['/run/base']);
  return uuid;
}

export interface Loading {
  readonly plans: readonly PartitionPlan[];
  readonly setup: DiskSetup;
  readonly rootUuid: string;
  readonly bootMode: 'bios' | 'efi';
}

/** On each disk the same, so that it starts from any of them. */
export function installLoaders({ plans, setup, rootUuid, bootMode }: Loading): void {
  const entry = ENTRIES[setup.filesystem === 'zfs' || setup.filesystem === 'btrfs' ? 'systemd' : 'grub'];
  for (const { disk, hasBiosBoot } of plans) {
    fillEsp(partitionPath(disk, 2), entry.path, rootUuid);
    if (hasBiosBoot) writeBiosLoader(disk.path);
    say(`loader ${disk.path}`);
  }
  // The one that is made last is the first to be tried.
  if (bootMode === 'efi')
    for (const { disk } of plans.toReversed())
      run('efibootmgr', [
        '--create',
        '--disk',
        disk.path,
        '--part',
        '2',
        '--label',
        entry.label,
        '--loader',
        entry.path.replaceAll('/', '\\'),
      ]);
}

const ENTRIES = {
  systemd: { path: '/EFI/systemd/systemd-bootx64.efi', label: 'Linux Boot Manager' },
  grub: { path: '/EFI/proxmox/grubx64.efi', label: 'proxmox' },
} as const;

function fillEsp(device: string, loaderPath: string, rootUuid: string): void {
  run('mkfs.vfat', ['-F', '32', device]);
  const at = '/run/esp';
  mkdirSync(at, { recursive: true });
  run('mount', ['-t', 'vfat', device, at]);
  for (const folder of [`${at}${loaderPath.slice(0, loaderPath.lastIndexOf('/'))}`, `${at}/EFI/BOOT`, `${at}/grub`])
    mkdirSync(folder, { recursive: true });
  for (const [from, to] of [
    ['grubx64.efi', loaderPath],
    ['grubx64.efi', '/EFI/BOOT/BOOTX64.EFI'],
    ['linux26', '/vmlinuz'],
    ['target-initrd.img', '/initrd.img'],
  ])
    run('cp', [`${OWN}/${from}`, `${at}${to}`]);
  writeFileSync(`${at}/grub/grub.cfg`, grubConfig(rootUuid));
  run('umount', [at]);
}

function grubConfig(rootUuid: string): string {
  return `linux /vmlinuz root=UUID=${rootUuid} rw console=tty0 console=ttyS0,115200 quiet panic=5\ninitrd /initrd.img\nboot\n`;
}

/** The first 440 bytes of the disk, and the partition that begins at sector 34: both name each other's places. */
function writeBiosLoader(disk: string): void {
  const handle = openSync(disk, 'r+');
  writeSync(handle, readFileSync(`${OWN}/boot.img`), 0, 440, 0);
  const core = readFileSync(`${OWN}/core.img`);
  writeSync(handle, core, 0, core.length, 34 * 512);
  closeSync(handle);
}

export function unmountAll(): void {
  for (const name of ['dev', 'proc', 'sys'])
    if (existsSync(`${TARGET}/${name}`)) run('sh', ['-c', `! mountpoint -q ${TARGET}/${name} || umount ${TARGET}/${name}`]);
  run('umount', [TARGET]);
  run('sync', []);
}
