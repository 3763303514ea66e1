// What tells one disk from all others, as far as its names are worth believing. Pure.

import { cleanSerial } from './identity.ts';
import type { Disk } from './inventory.ts';

export interface DiskName {
  /** wwn: or serial:, and what it says. */
  readonly disk: string;
  readonly title: string;
}

/** Numbers that hypervisors give by themselves, so that many virtual machines have the same: QEMU's of IDE and SATA, Proxmox VE's of SCSI. */
const HYPERVISOR = /^(qm\d{5}|drive-[a-z]+\d+)$/i;
const GB = 1e9;
const TITLE_MAX = 200;

type Named = Pick<Disk, 'wwn' | 'serial' | 'model' | 'size' | 'removable' | 'transport'>;

/** Of the built-in disks; what several of them carry is the name of none. */
export function diskNames(disks: readonly Named[]): DiskName[] {
  const named = disks.filter(({ removable, transport }) => !removable && transport !== 'usb').flatMap((disk) => nameOf(disk) ?? []);
  const times = Map.groupBy(named, ({ disk }) => disk);
  return named.filter(({ disk }) => times.get(disk)?.length === 1);
}

/** Whether all of one are among the other; null: one of them has none that can be told apart. */
export function sameDisks(some: readonly DiskName[], others: readonly DiskName[]): boolean | null {
  if (some.length === 0 || others.length === 0) return null;
  const [few, many] = some.length <= others.length ? [some, others] : [others, some];
  const names = new Set(many.map(({ disk }) => disk));
  return few.every(({ disk }) => names.has(disk));
}

function nameOf(disk: Named): DiskName | undefined {
  const serial = cleanSerial(disk.serial);
  const isOwn = serial !== null && !HYPERVISOR.test(serial);
  // A world wide name may be shared by the units behind one controller: the serial number goes with it where there is one.
  const wwn = cleanSerial(disk.wwn);
  if (wwn === null && !isOwn) return undefined;
  const name = isOwn ? `serial:${disk.model ?? ''}:${serial}` : `wwn:${wwn ?? ''}`;
  const title = `${disk.model ?? 'disk'} ${isOwn ? `serial ${serial}` : (wwn ?? '')}, ${Math.round(disk.size / GB)} GB`;
  return { disk: name, title: title.slice(0, TITLE_MAX) };
}
