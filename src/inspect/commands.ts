// What the agent can be told to do: names, arguments and results, as data that server and agent share. A command names disks by what is
// printed on them, never by the kernel's names; the agent looks at each again before it writes to it.

import { type Static, type TObject, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const text = Type.String({ minLength: 1, maxLength: 512 });
const maybe = Type.Union([text, Type.Null()]);
const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const items = Type.Array(Type.String({ maxLength: 160 }), { maxItems: 1024 });

/**
 * One disk, by identity: it is the disk whose serial and WWN (where not null) and size are these. Several that fit, or none: refused.
 * `expects`: what was on it when somebody said yes (contentItems of disk-contents): whatever else is on it now, it is refused; less is no
 * matter, so that what was half erased can be gone on with. Null: it is ours to overwrite whatever is on it.
 */
export const DiskRefSchema = Type.Object(
  {
    serial: maybe,
    wwn: maybe,
    size: bytes,
    byPath: maybe,
    expects: Type.Union([items, Type.Null()]),
    title: text,
  },
  closed,
);

/** Lower case, as udev writes it. */
const guid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const disks = Type.Array(DiskRefSchema, { minItems: 0, maxItems: 256 });
const nothing = Type.Object({}, closed);
const perDisk = Type.Object({
  disks: Type.Array(Type.Object({ title: text, method: text, seconds: Type.Number(), verified: Type.Boolean(), message: Type.String() })),
});

/** `express`: what the disk does by itself in a minute; where it can nothing of the kind, its partition tables and signatures. */
export const ERASE_METHODS = ['auto', 'secure', 'discard', 'overwrite', 'express'] as const;

export interface CommandSpec {
  readonly title: string;
  readonly args: TObject;
  readonly result: TObject;
  /** Writes to disks: never carried out twice without looking, and only on disks that its arguments name. */
  readonly isDestructive: boolean;
  /** The machine goes away by it: answered before it is done. */
  readonly ends?: true;
}

export const COMMANDS = {
  reboot: { title: 'Reboot', args: nothing, result: nothing, isDestructive: false, ends: true },
  power_off: { title: 'Switch off', args: nothing, result: nothing, isDestructive: false, ends: true },
  /** Takes the inventory anew and reports it as at the start. */
  inventory: { title: 'Take the inventory again', args: nothing, result: nothing, isDestructive: false },
  erase_metadata: {
    title: 'Erase partition tables and signatures',
    args: Type.Object({ disks }, closed),
    result: perDisk,
    isDestructive: true,
  },
  erase_disks: {
    title: 'Erase disks',
    args: Type.Object(
      {
        disks,
        method: Type.Enum([...ERASE_METHODS]),
        /** Reads samples back (discard, secure) or everything (overwrite). */
        verify: Type.Boolean(),
        passes: Type.Integer({ minimum: 1, maximum: 7 }),
      },
      closed,
    ),
    result: perDisk,
    isDestructive: true,
  },
  /** An empty GPT with that id on each, by which an installer finds them; what they held goes. After erasing, or by itself. */
  stamp_disks: {
    title: 'Put empty partition tables on disks',
    args: Type.Object({ disks, guids: Type.Array(guid, { maxItems: 256 }) }, closed),
    result: Type.Object({
      disks: Type.Array(
        Type.Object({
          title: text,
          guid,
          /** ID_PART_TABLE_UUID as udev has it after the write; null: the disk is a plain file. */
          udev: maybe,
        }),
      ),
    }),
    isDestructive: true,
  },
  write_image: {
    title: 'Write a disk image',
    args: Type.Object(
      {
        disk: DiskRefSchema,
        url: Type.String({ minLength: 1, maxLength: 2048 }),
        /** Of the bytes at the URL, before anything is unpacked: "sha256:…", "sha512:…". */
        checksum: Type.Union([Type.String({ pattern: '^(sha256|sha512|sha1|md5):[0-9a-f]{32,128}$' }), Type.Null()]),
        /** Of the server where the URL is https and it is the appliance itself: its certificate, as rackseed.fp. Null: public authorities. */
        isAppliance: Type.Boolean(),
        format: Type.Enum(['raw', 'qcow2', 'auto']),
        compression: Type.Enum(['none', 'zstd', 'xz', 'gz', 'bzip2', 'auto']),
        /** The last partition, with its file system where that can be grown from here (ext4, xfs at first boot by cloud-init), fills the disk. */
        grow: Type.Boolean(),
      },
      closed,
    ),
    result: Type.Object({
      bytes,
      written: bytes,
      seconds: Type.Number(),
      disk: text,
      rootUuid: maybe,
      /** Which disk that is: several may be called so. */
      on: Type.Optional(Type.Object({ serial: maybe, wwn: maybe, size: bytes, byPath: maybe })),
      /** contentItems, now that it is written. */
      holds: Type.Optional(items),
    }),
    isDestructive: true,
  },
  write_configdrive: {
    title: 'Write the config drive',
    args: Type.Object(
      {
        disk: DiskRefSchema,
        /** Where the appliance gives it, to this agent's token only: a file system image with label config-2 or CIDATA. */
        path: Type.String({ pattern: '^/api/agent/', maxLength: 512 }),
      },
      closed,
    ),
    result: Type.Object({ partition: text }),
    isDestructive: true,
  },
  install_boot: {
    title: 'Make the disk bootable',
    args: Type.Object(
      { disk: DiskRefSchema, order: Type.Union([Type.Literal('network-first'), Type.Literal('disk-first'), Type.Literal('leave')]) },
      closed,
    ),
    result: Type.Object({ entry: maybe, loader: maybe }),
    isDestructive: false,
  },
  boot_disk: {
    title: 'Start what is on the disk',
    args: Type.Object({ disk: DiskRefSchema, how: Type.Union([Type.Literal('reboot'), Type.Literal('kexec')]) }, closed),
    result: nothing,
    isDestructive: false,
    ends: true,
  },
  /** An SSH server for one person: a key, or the crypt(3) hash of a one-time password. */
  rescue: {
    title: 'Open a rescue shell',
    args: Type.Object({ passwordHash: maybe, keys: Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 16 }) }, closed),
    result: Type.Object({ addresses: Type.Array(text), hostKeys: Type.Array(text) }),
    isDestructive: false,
  },
  unrescue: { title: 'Close the rescue shell', args: nothing, result: nothing, isDestructive: false },
  health: { title: 'Look at its health', args: nothing, result: Type.Object({ items: Type.Array(Type.Unknown()) }), isDestructive: false },
  benchmark: {
    title: 'Measure how fast it is',
    args: Type.Object({ seconds: Type.Integer({ minimum: 1, maximum: 86_400 }), parts: Type.Array(text, { maxItems: 8 }) }, closed),
    result: Type.Object({ figures: Type.Record(Type.String(), Type.Number()) }),
    isDestructive: false,
  },
  burn_in: {
    title: 'Burn it in',
    args: Type.Object({ seconds: Type.Integer({ minimum: 1, maximum: 604_800 }), parts: Type.Array(text, { maxItems: 8 }) }, closed),
    result: Type.Object({ figures: Type.Record(Type.String(), Type.Number()), failures: Type.Array(text) }),
    isDestructive: false,
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export type CommandName = keyof typeof COMMANDS;
export type CommandArgs<N extends CommandName> = Static<(typeof COMMANDS)[N]['args']>;
export type CommandResult<N extends CommandName> = Static<(typeof COMMANDS)[N]['result']>;
export type DiskRef = Static<typeof DiskRefSchema>;

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
