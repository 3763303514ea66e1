// What the agent finds out about a machine beyond Ironic's inventory: health of disks, cables, modules, firmware, clock. Data only, shared with
// the agent. Every part is optional: an agent that could not look leaves it out and says why among the gaps.

import { type Static, Type } from 'typebox';

export const FACT_LIMITS = {
  disks: 256,
  ports: 128,
  neighbours: 128,
  usb: 256,
  dimms: 256,
  firmware: 512,
  sensors: 256,
  bootEntries: 128,
  /** Block and network devices each; partitions are not among them. */
  udevDevices: 256,
  udevProperties: 128,
  udevKey: 64,
  udevValue: 512,
} as const;

const text = Type.String({ minLength: 1, maxLength: 256 });
const maybe = Type.Union([text, Type.Null()]);
const maybeNumber = Type.Union([Type.Number({ minimum: -1e15, maximum: 1e15 }), Type.Null()]);
const maybeFlag = Type.Union([Type.Boolean(), Type.Null()]);
const closed = { additionalProperties: false } as const;

/** SMART of ATA, the health log of NVMe, or the counters of SCSI, in the words they have in common. */
export const DiskHealthSchema = Type.Object(
  {
    name: text,
    serial: maybe,
    /** The disk's own verdict. */
    passed: maybeFlag,
    temperature: maybeNumber,
    power_on_hours: maybeNumber,
    /** Of the writes it is made for, in per cent; may exceed 100. */
    percent_used: maybeNumber,
    spare_percent: maybeNumber,
    spare_threshold: maybeNumber,
    /** Bits of NVMe's critical warning. */
    critical_warning: maybeNumber,
    media_errors: maybeNumber,
    reallocated: maybeNumber,
    pending: maybeNumber,
    firmware: maybe,
    /** Why it could not be read. */
    problem: maybe,
  },
  closed,
);

export const PortFactsSchema = Type.Object(
  {
    name: text,
    driver: maybe,
    firmware: maybe,
    bus: maybe,
    link: maybeFlag,
    speed_mbps: maybeNumber,
    /** The fastest that the port can do. */
    max_mbps: maybeNumber,
    /** Letters of ethtool: g is the magic packet, d is off. */
    wake_on: maybe,
    wake_supported: maybe,
  },
  closed,
);

/** The other end of a cable, as it names itself (LLDP). */
export const NeighbourSchema = Type.Object(
  {
    port: text,
    chassis_id: text,
    port_id: text,
    port_description: maybe,
    system_name: maybe,
    system_description: maybe,
    management_address: maybe,
    vlan: maybeNumber,
  },
  closed,
);

export const UsbSchema = Type.Object(
  {
    bus: text,
    vendor_id: Type.String({ pattern: '^[0-9a-f]{4}$' }),
    product_id: Type.String({ pattern: '^[0-9a-f]{4}$' }),
    manufacturer: maybe,
    product: maybe,
  },
  closed,
);

/** A slot for memory; an empty one has size 0. */
export const DimmSchema = Type.Object(
  {
    slot: maybe,
    bank: maybe,
    size_mb: Type.Integer({ minimum: 0, maximum: 2 ** 40 }),
    type: maybe,
    speed: maybeNumber,
    configured_speed: maybeNumber,
    manufacturer: maybe,
    part: maybe,
    serial: maybe,
  },
  closed,
);

export const FirmwareSchema = Type.Object({ component: Type.Enum(['bios', 'nic', 'disk', 'bmc']), name: text, version: text }, closed);
export const SensorSchema = Type.Object(
  { sensor: text, label: text, celsius: Type.Number(), max: maybeNumber, critical: maybeNumber },
  closed,
);

export const BootEntrySchema = Type.Object(
  {
    /** `0001` of Boot0001. */
    id: Type.String({ pattern: '^[0-9A-F]{4}$' }),
    title: Type.String({ maxLength: 256 }),
    active: Type.Boolean(),
    kind: Type.Enum(['network', 'disk', 'firmware', 'other']),
    /** Of the port, where it starts from the network. */
    mac: maybe,
  },
  closed,
);

const bootId = Type.String({ pattern: '^[0-9A-F]{4}$' });
export const EfiBootSchema = Type.Object(
  {
    order: Type.Array(bootId, { maxItems: FACT_LIMITS.bootEntries }),
    current: Type.Union([bootId, Type.Null()]),
    next: Type.Union([bootId, Type.Null()]),
    entries: Type.Array(BootEntrySchema, { maxItems: FACT_LIMITS.bootEntries }),
  },
  closed,
);

const properties = Type.Record(
  Type.String({ minLength: 1, maxLength: FACT_LIMITS.udevKey }),
  Type.String({ maxLength: FACT_LIMITS.udevValue }),
  { maxProperties: FACT_LIMITS.udevProperties },
);
const devices = Type.Record(Type.String({ minLength: 1, maxLength: 64 }), properties, { maxProperties: FACT_LIMITS.udevDevices });

export const FactsSchema = Type.Object(
  {
    disk_health: Type.Optional(Type.Array(DiskHealthSchema, { maxItems: FACT_LIMITS.disks })),
    ports: Type.Optional(Type.Array(PortFactsSchema, { maxItems: FACT_LIMITS.ports })),
    lldp: Type.Optional(Type.Array(NeighbourSchema, { maxItems: FACT_LIMITS.neighbours })),
    usb: Type.Optional(Type.Array(UsbSchema, { maxItems: FACT_LIMITS.usb })),
    dimms: Type.Optional(Type.Array(DimmSchema, { maxItems: FACT_LIMITS.dimms })),
    firmware: Type.Optional(Type.Array(FirmwareSchema, { maxItems: FACT_LIMITS.firmware })),
    tpm: Type.Optional(Type.Object({ present: Type.Boolean(), version: maybe }, closed)),
    virtualization: Type.Optional(Type.Object({ cpu: Type.Enum(['vmx', 'svm', 'none']), iommu: Type.Boolean() }, closed)),
    bmc: Type.Optional(Type.Object({ address: maybe, mac: maybe }, closed)),
    /** By how many seconds the machine's clock is ahead of the appliance's. */
    clock: Type.Optional(Type.Object({ ahead_seconds: Type.Number() }, closed)),
    thermal: Type.Optional(Type.Array(SensorSchema, { maxItems: FACT_LIMITS.sensors })),
    efi_boot: Type.Optional(EfiBootSchema),
    /** The kernel's name of this boot: two reports with another one are of two boots. */
    boot_id: Type.Optional(text),
    /** As udev has them, whole: filters of installers match on these. By device name. */
    udev: Type.Optional(Type.Object({ block: devices, net: devices }, closed)),
  },
  closed,
);

export type DiskHealth = Static<typeof DiskHealthSchema>;
export type PortFacts = Static<typeof PortFactsSchema>;
export type Neighbour = Static<typeof NeighbourSchema>;
export type Usb = Static<typeof UsbSchema>;
export type Dimm = Static<typeof DimmSchema>;
export type Sensor = Static<typeof SensorSchema>;
export type FirmwareVersion = Static<typeof FirmwareSchema>;
export type BootEntry = Static<typeof BootEntrySchema>;
export type EfiBoot = Static<typeof EfiBootSchema>;
export type Facts = Static<typeof FactsSchema>;
