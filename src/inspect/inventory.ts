// What the agent reports about a machine, in the shape Ironic's agent gave the world (snake_case and all, since API clients read it so).
// Data only: knows neither how it is gathered nor what is done with it. Every list and text has a cap: the network can send it.

import { type Static, Type } from 'typebox';
import { DiskContentsSchema } from './disk-contents.ts';
import { FactsSchema } from './facts.ts';

export const INVENTORY_LIMITS = {
  disks: 256,
  interfaces: 128,
  pciDevices: 1024,
  cpuFlags: 512,
  textLength: 256,
  byPathLength: 512,
} as const;

const text = Type.String({ minLength: 1, maxLength: INVENTORY_LIMITS.textLength });
const maybe = Type.Union([text, Type.Null()]);
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const maybeCount = Type.Union([count, Type.Null()]);
const closed = { additionalProperties: false } as const;

export const MAC_PATTERN = '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$';
export const UUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
const macText = Type.String({ pattern: MAC_PATTERN, maxLength: 17 });
const hexId = Type.Union([Type.String({ pattern: '^0x[0-9a-f]{1,8}$', maxLength: 10 }), Type.Null()]);

export const CpuSchema = Type.Object(
  {
    model_name: maybe,
    /** MHz, as text: Ironic's agent reports lscpu's text. */
    frequency: maybe,
    /** Threads that the kernel runs on. */
    count: Type.Integer({ minimum: 1, maximum: 65_536 }),
    /** The kernel's name: x86_64, aarch64. */
    architecture: text,
    flags: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: INVENTORY_LIMITS.cpuFlags }),
    socket_count: Type.Union([Type.Integer({ minimum: 1, maximum: 1024 }), Type.Null()]),
  },
  closed,
);

export const MemorySchema = Type.Object(
  {
    /** Bytes the kernel can use: less than the modules hold, by what firmware and kernel keep. */
    total: count,
    /** MiB of all memory modules by DMI; null where the firmware does not say. */
    physical_mb: maybeCount,
  },
  closed,
);

export const DiskSchema = Type.Object(
  {
    /** The kernel's name, `/dev/sda`. It changes between boots: never identify a disk by it. */
    name: text,
    model: maybe,
    /** Bytes. */
    size: count,
    rotational: Type.Boolean(),
    wwn: maybe,
    serial: maybe,
    vendor: maybe,
    wwn_with_extension: maybe,
    wwn_vendor_extension: maybe,
    hctl: maybe,
    /** `/dev/disk/by-path/…`: the slot it is plugged into. */
    by_path: Type.Union([Type.String({ minLength: 1, maxLength: INVENTORY_LIMITS.byPathLength }), Type.Null()]),
    /** virtio, ata, nvme, scsi, usb, mmc …: ours, Ironic's agent has no such field. */
    transport: maybe,
    removable: Type.Boolean(),
    read_only: Type.Boolean(),
    /** Bytes that are addressed at once: 4096 is 4Kn. Ours; absent from older agents. */
    logical_sector: Type.Optional(count),
  },
  closed,
);

export const InterfaceSchema = Type.Object(
  {
    name: text,
    mac_address: macText,
    ipv4_address: maybe,
    ipv6_address: maybe,
    has_carrier: Type.Boolean(),
    /** PCI (or USB, virtio) ids, `0x8086`. */
    vendor: hexId,
    product: hexId,
    speed_mbps: maybeCount,
    driver: maybe,
  },
  closed,
);

export const SystemVendorSchema = Type.Object(
  {
    manufacturer: maybe,
    product_name: maybe,
    serial_number: maybe,
    /** SMBIOS UUID; null when it is one of those that many machines share. Ours. */
    uuid: Type.Union([Type.String({ pattern: UUID_PATTERN, maxLength: 36 }), Type.Null()]),
    firmware: Type.Object({ vendor: maybe, version: maybe, build_date: maybe }, closed),
  },
  closed,
);

export const InventorySchema = Type.Object(
  {
    cpu: CpuSchema,
    memory: MemorySchema,
    disks: Type.Array(DiskSchema, { maxItems: INVENTORY_LIMITS.disks }),
    interfaces: Type.Array(InterfaceSchema, { minItems: 1, maxItems: INVENTORY_LIMITS.interfaces }),
    system_vendor: SystemVendorSchema,
    boot: Type.Object(
      {
        current_boot_mode: Type.Union([Type.Literal('bios'), Type.Literal('uefi')]),
        /** MAC of the port the machine booted through. */
        pxe_interface: Type.Union([macText, Type.Null()]),
        /** Whether the firmware enforces Secure Boot; null where the kernel does not say. Ours. */
        secure_boot: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
        /** The chain of loaders that our boot script named; null or absent: iPXE. Ours. */
        chain: Type.Optional(Type.Union([Type.Literal('shim-grub'), Type.Null()])),
      },
      closed,
    ),
    hostname: maybe,
    bmc_address: maybe,
  },
  closed,
);

/** What is kept beside the inventory: more than Ironic's schema has a place for. */
export const PluginDataSchema = Type.Object(
  {
    pci_devices: Type.Array(
      Type.Object(
        {
          vendor_id: Type.String({ pattern: '^[0-9a-f]{4}$' }),
          product_id: Type.String({ pattern: '^[0-9a-f]{4}$' }),
          bus: text,
        },
        closed,
      ),
      { maxItems: INVENTORY_LIMITS.pciDevices },
    ),
    kernel: maybe,
    /** What is on each disk; absent from agents that did not look. */
    disk_contents: Type.Optional(Type.Array(DiskContentsSchema, { maxItems: INVENTORY_LIMITS.disks })),
    /** What else was found out; absent from agents that did not look. */
    facts: Type.Optional(FactsSchema),
    /** Facts that could not be read, and why: an inventory with a hole is better than none. */
    gaps: Type.Array(text, { maxItems: 32 }),
  },
  closed,
);

export type Cpu = Static<typeof CpuSchema>;
export type Memory = Static<typeof MemorySchema>;
export type Disk = Static<typeof DiskSchema>;
export type Interface = Static<typeof InterfaceSchema>;
export type SystemVendor = Static<typeof SystemVendorSchema>;
export type Inventory = Static<typeof InventorySchema>;
export type PluginData = Static<typeof PluginDataSchema>;
