// What the installer would rename on disks that it is not given: an older pool or volume group of its own name, wherever it lies, since
// unattended installations run with existing_storage_auto_rename. Whoever was told that a disk is kept must find it as it was. Pure.

import type { Filesystem, Product } from '../seam.ts';
import { type DiskIdentity, isNamed, machineDisks, type Report } from './machine-decide.ts';

export interface RenameAsk {
  readonly report: Report;
  readonly chosen: readonly DiskIdentity[];
  readonly filesystem: Filesystem;
  readonly product: Product;
}

const POOL = 'rpool';

/** Why it may not run on this machine as it is; null: it renames nothing. */
export function renamedElsewhere({ report, chosen, filesystem, product }: RenameAsk): string | null {
  const signatures = signaturesOf(report);
  for (const disk of machineDisks(report)) {
    if (chosen.some((ref) => isNamed(ref, disk))) continue;
    for (const { kind, ids } of signatures.get(disk.kernelName) ?? []) {
      if (filesystem === 'zfs' && kind === 'zfs' && ids.pool === POOL) return words(disk.title, `the pool ${POOL}`);
      const isLvm = filesystem === 'ext4' || filesystem === 'xfs';
      if (isLvm && kind === 'lvm' && ids.vg === product) return words(disk.title, `the volume group ${product}`);
    }
  }
  return null;
}

function words(title: string, what: string): string {
  return `${title}, which is kept, holds ${what} of another installation, and the installer renames it wherever it is: its system would not start any more`;
}

interface Seen {
  readonly kind: unknown;
  readonly ids: Readonly<Record<string, unknown>>;
}

function signaturesOf({ pluginData }: Report): ReadonlyMap<unknown, readonly Seen[]> {
  const contents = tablesIn(pluginData.disk_contents);
  return new Map(
    contents.map(({ name, signatures }) => [name, tablesIn(signatures).map(({ kind, ids }) => ({ kind, ids: tablesIn([ids])[0] ?? {} }))]),
  );
}

function tablesIn(value: unknown): Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null && !Array.isArray(one));
}
