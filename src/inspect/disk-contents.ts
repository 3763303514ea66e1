// What is on a disk, as the agent read it: data that server and agent share. Knows neither how it is read nor what follows from it.

import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const text = Type.String({ minLength: 1, maxLength: 256 });
const maybe = Type.Union([text, Type.Null()]);
const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** What a signature belongs to. `data`: a file system or volume that somebody may miss; `other` is known and named, but none of these. */
export const SIGNATURE_KINDS = [
  'zfs',
  'ceph',
  'lvm',
  'md',
  'hardware-raid',
  'bcache',
  'luks',
  'filesystem',
  'swap',
  'esp',
  'other',
] as const;

export const SignatureSchema = Type.Object(
  {
    kind: Type.Enum([...SIGNATURE_KINDS]),
    /** ext4, vfat, zfs_member, ceph_bluestore, linux_raid_member, LVM2_member, … as blkid names it. */
    type: text,
    /** Where its magic lies, from the start of the disk. */
    offset: bytes,
    /** Null: on the whole disk, without a partition. */
    partition: Type.Union([Type.Integer({ minimum: 1, maximum: 1024 }), Type.Null()]),
    label: maybe,
    uuid: maybe,
    /** In one line, for people: "pool rpool (guid 123) of host pve1", "OSD 3 of cluster 1f2e…". */
    about: Type.String({ maxLength: 256 }),
    /** Ids that other parts look at: pool, pool_guid, hostname, osd_id, osd_uuid, ceph_fsid, osd_part (block, db, wal), vg, array. */
    ids: Type.Record(Type.String({ maxLength: 32 }), Type.String({ maxLength: 256 }), { maxProperties: 16 }),
  },
  closed,
);

export const PartitionSchema = Type.Object(
  {
    number: Type.Integer({ minimum: 1, maximum: 1024 }),
    start: bytes,
    size: bytes,
    /** GPT: type GUID, lower case; MBR: 0x… */
    type: text,
    /** In words where the type is known: "EFI system", "BIOS boot", "Linux LVM". */
    typeName: maybe,
    label: maybe,
    uuid: maybe,
  },
  closed,
);

export const DiskContentsSchema = Type.Object(
  {
    /** As in the inventory's list of disks of the same report. */
    name: text,
    serial: maybe,
    wwn: maybe,
    size: bytes,
    table: Type.Union([Type.Literal('gpt'), Type.Literal('mbr'), Type.Null()]),
    tableUuid: maybe,
    partitions: Type.Array(PartitionSchema, { maxItems: 256 }),
    signatures: Type.Array(SignatureSchema, { maxItems: 512 }),
    /** An operating system that was recognised: "Proxmox VE on pool rpool of host pve1". */
    system: maybe,
    /** All zero, or unreadable by design, where it was looked at: nothing to lose. */
    isBlank: Type.Boolean(),
    /** Which places were looked at to call it blank, in words. */
    sampled: Type.Optional(text),
    /** Only with a table that names no partition: is there nothing beside the table itself, in the same places? */
    isBlankBeside: Type.Optional(Type.Boolean()),
    /** Why it could not be looked at (in part): then it counts as one with data. */
    unread: maybe,
  },
  closed,
);

export type SignatureKind = (typeof SIGNATURE_KINDS)[number];
export type Signature = Static<typeof SignatureSchema>;
export type Partition = Static<typeof PartitionSchema>;
export type DiskContents = Static<typeof DiskContentsSchema>;

/** The item of a disk with bytes on it that mean nothing to anybody who looked: encrypted without a header, or half erased. */
export const UNRECOGNISED = 'unrecognised data';

/** What is on a disk as a sorted list of short texts, for comparing: the same disk gives the same list whatever the kernel calls it. */
export function contentItems({ table, tableUuid, partitions, signatures, isBlank }: DiskContents): string[] {
  const items = [
    ...(table === null ? [] : [`table ${table} ${tableUuid ?? ''}`.trimEnd()]),
    ...partitions.map(({ number, start, size, type }) => `partition ${number} ${start}+${size} ${type}`.slice(0, 160)),
    ...signatures.map(({ type, offset, uuid }) => `${type} @${offset} ${uuid ?? ''}`.trimEnd().slice(0, 160)),
  ];
  return items.length === 0 && !isBlank ? [UNRECOGNISED] : items.sort();
}
