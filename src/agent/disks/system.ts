// Which operating system a disk has, by what can be read without mounting anything, and how sure that is. Knows Proxmox VE best.

import type { Partition, Signature } from '../../inspect/disk-contents.ts';
import { listFat } from '../commands/boot-entry/fat-codec.ts';
import { shown } from './bytes.ts';
import { type Region, regionOf } from './read-at.ts';

export interface Seen {
  readonly partitions: readonly Partition[];
  readonly signatures: readonly Signature[];
}

const ESPS_MAX = 4;
/** Directories of loaders, as installers name them. */
const LOADERS: ReadonlyMap<string, string> = new Map([
  ['microsoft', 'Microsoft Windows'],
  ['debian', 'Debian'],
  ['ubuntu', 'Ubuntu'],
  ['fedora', 'Fedora'],
  ['centos', 'CentOS'],
  ['redhat', 'Red Hat Enterprise Linux'],
  ['rocky', 'Rocky Linux'],
  ['almalinux', 'AlmaLinux'],
  ['opensuse', 'openSUSE'],
  ['sles', 'SUSE Linux Enterprise'],
  ['arch', 'Arch Linux'],
  ['nixos', 'NixOS'],
  ['vmware', 'VMware ESXi'],
  ['freebsd', 'FreeBSD'],
]);
/** Not a system's own. */
const COMMON: ReadonlySet<string> = new Set(['boot', 'systemd', 'linux', 'grub', 'tools', 'keys']);

export async function recogniseSystem(disk: Region, seen: Seen): Promise<string | null> {
  const loaders = await loadersOf(disk, seen);
  return proxmox(seen.signatures, loaders) ?? other(seen.signatures, loaders);
}

/** The names in \EFI of every EFI system partition. */
async function loadersOf(disk: Region, { partitions, signatures }: Seen): Promise<readonly string[]> {
  const names: string[] = [];
  const esps = partitions.filter(({ number }) => signatures.some(({ kind, partition }) => kind === 'esp' && partition === number));
  for (const { start, size } of esps.slice(0, ESPS_MAX)) {
    const entries = (await listFat(regionOf(disk, start, size).read, 'EFI')) ?? [];
    names.push(...entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name));
  }
  return names;
}

/** Its installer names the pool rpool and the group pve; the loader's directory tells it from others that do so. */
function proxmox(signatures: readonly Signature[], loaders: readonly string[]): string | null {
  const hasLoader = loaders.some((name) => name.toLowerCase() === 'proxmox');
  const pool = signatures.find(({ kind, ids }) => kind === 'zfs' && ids.pool === 'rpool');
  const group = signatures.find(({ kind, ids }) => kind === 'lvm' && ids.vg === 'pve');
  const host = pool?.ids.hostname === undefined ? '' : ` of host ${pool.ids.hostname}`;
  if (pool !== undefined && hasLoader) return `Proxmox VE on ZFS pool rpool${host}`;
  if (group !== undefined && (hasLoader || (group.ids.lvs ?? '').split(' ').includes('root'))) return 'Proxmox VE on LVM group pve';
  if (hasLoader) return 'Proxmox VE, by its loader on the EFI system partition';
  if (pool !== undefined) return `probably Proxmox VE: ZFS pool rpool${host}, without its loader`;
  return group === undefined ? null : 'probably Proxmox VE: LVM group pve, without a volume root';
}

function other(signatures: readonly Signature[], loaders: readonly string[]): string | null {
  const own = loaders.filter((name) => !COMMON.has(name.toLowerCase()));
  const [first] = own;
  if (first !== undefined) {
    const known = own.map((name) => LOADERS.get(name.toLowerCase())).filter((name) => name !== undefined);
    return known.length > 0 ? [...new Set(known)].join(' and ') : shown(`a system with the loader \\EFI\\${first}`);
  }
  return signatures.some(({ type }) => type.startsWith('VMFS')) ? 'probably VMware ESXi' : null;
}
