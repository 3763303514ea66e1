// From an inventory to Ironic's node properties. Pure.

import type { Inventory } from './inventory.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Ironic's default root device: the smallest disk of at least 4 GiB. */
const ROOT_DISK_MIN_BYTES = 4 * GIB;

export interface NodeProperties {
  readonly cpus: number;
  readonly cpu_arch: string;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly vendor: string | null;
  readonly capabilities: string;
}

export function propertiesOf(inventory: Inventory): NodeProperties {
  const roots = inventory.disks.filter((disk) => !disk.removable && disk.size >= ROOT_DISK_MIN_BYTES).map((disk) => disk.size);
  return {
    cpus: inventory.cpu.count,
    cpu_arch: inventory.cpu.architecture,
    memory_mb: inventory.memory.physical_mb ?? Math.floor(inventory.memory.total / MIB),
    local_gb: roots.length === 0 ? 0 : Math.floor(Math.min(...roots) / GIB),
    vendor: inventory.system_vendor.manufacturer,
    capabilities: capabilitiesOf(inventory.boot),
  };
}

/** Ironic's names. Secure Boot is said only where it is on, as an operator would. */
function capabilitiesOf({ current_boot_mode: mode, secure_boot: secureBoot }: Inventory['boot']): string {
  return secureBoot === true ? `boot_mode:${mode},secure_boot:true` : `boot_mode:${mode}`;
}
