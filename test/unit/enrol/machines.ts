// Machines as the agent reports them, in few words: disks with what is on them, ports, and where they are plugged in.

import type { DiskContents, InventoryRequest, Signature } from '../../../src/inspect/index.ts';

export interface DiskWords {
  readonly serial?: string | null;
  readonly wwn?: string | null;
  readonly gb?: number;
  readonly model?: string;
  readonly byPath?: string | null;
  readonly transport?: string;
  readonly removable?: boolean;
  /** Undefined: nobody read it; null: blank. */
  readonly holds?: Partial<DiskContents> | null;
}

export interface MachineWords {
  readonly mac?: string;
  readonly uuid?: string | null;
  readonly serial?: string | null;
  readonly manufacturer?: string;
  readonly product?: string;
  readonly address?: string;
  readonly disks?: readonly DiskWords[];
  readonly memoryMb?: number;
}

export function report(words: MachineWords = {}): InventoryRequest {
  const { mac = '52:54:00:00:00:01', disks = [{ serial: 'S1', holds: null }], memoryMb = 16_384 } = words;
  const read = disks.map((disk, at) => ({ ...disk, name: `/dev/sd${String.fromCharCode(97 + at)}` }));
  return {
    inventory: {
      cpu: { model_name: 'N100', frequency: '3400', count: 4, architecture: 'x86_64', flags: [], socket_count: 1 },
      memory: { total: memoryMb * 1024 * 1024, physical_mb: memoryMb },
      disks: read.map((disk) => ({
        name: disk.name,
        model: disk.model ?? 'SSD',
        size: sizeOf(disk),
        rotational: false,
        wwn: disk.wwn ?? null,
        serial: disk.serial ?? null,
        vendor: null,
        wwn_with_extension: null,
        wwn_vendor_extension: null,
        hctl: null,
        by_path: disk.byPath ?? null,
        transport: disk.transport ?? 'ata',
        removable: disk.removable ?? false,
        read_only: false,
      })),
      interfaces: [
        {
          name: 'eth0',
          mac_address: mac,
          ipv4_address: words.address ?? '10.0.0.10',
          ipv6_address: null,
          has_carrier: true,
          vendor: null,
          product: null,
          speed_mbps: 2500,
          driver: 'igc',
        },
      ],
      system_vendor: {
        manufacturer: words.manufacturer ?? 'Example',
        product_name: words.product ?? 'Mini-PC 5',
        serial_number: words.serial ?? null,
        uuid: words.uuid ?? null,
        firmware: { vendor: null, version: null, build_date: null },
      },
      boot: { current_boot_mode: 'uefi', pxe_interface: mac },
      hostname: null,
      bmc_address: null,
    },
    pluginData: {
      pci_devices: [],
      kernel: null,
      gaps: [],
      disk_contents: read.flatMap((disk) => (disk.holds === undefined ? [] : [contents(disk.name, disk)])),
    },
  };
}

function sizeOf({ gb = 500 }: DiskWords): number {
  return gb * 1_000_000_000;
}

function contents(name: string, disk: DiskWords): DiskContents {
  const { serial = null, wwn = null, holds } = disk;
  const nothing = { table: null, tableUuid: null, partitions: [], signatures: [], system: null, isBlank: holds === null, unread: null };
  return { name, serial, wwn, size: sizeOf(disk), ...nothing, ...holds };
}

export function signature(kind: Signature['kind'], about: string, more: Partial<Signature> = {}): Signature {
  return { kind, type: kind, offset: 0, partition: null, label: null, uuid: null, about, ids: {}, ...more };
}

export const ZFS = { signatures: [signature('zfs', 'pool tank (guid 77) of host nas')] } satisfies Partial<DiskContents>;
export const CEPH = { signatures: [signature('ceph', 'OSD 3 of Ceph cluster 1f2e')] } satisfies Partial<DiskContents>;
export const WINDOWS = {
  table: 'gpt',
  tableUuid: 'aaaa',
  partitions: [
    partition(1, 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', 'EFI system'),
    partition(2, 'e3c9e316-0b5c-4db8-817d-f92df00215ae', 'Microsoft reserved'),
    partition(3, 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7', 'Microsoft basic data'),
  ],
  signatures: [
    signature('esp', 'EFI system partition', { type: 'vfat', partition: 1 }),
    signature('filesystem', 'NTFS "Windows"', { type: 'ntfs', partition: 3, uuid: '1234' }),
  ],
} satisfies Partial<DiskContents>;

function partition(number: number, type: string, typeName: string): DiskContents['partitions'][number] {
  return { number, start: number * 1_000_000, size: 1_000_000, type, typeName, label: null, uuid: null };
}
