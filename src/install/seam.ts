// What the parts of an installation are to each other: installers, virtual ISOs, answers, the choice of disks, the record of one
// installation. Types only.

import type { JsonObject } from '../nodes/index.ts';

// ---- installers -----------------------------------------------------------------------------------------------------------------

export const PRODUCTS = ['pve', 'pbs', 'pmg', 'pdm'] as const;
export type Product = (typeof PRODUCTS)[number];

/** What `.cd-info` of an ISO says. */
export interface Edition {
  readonly product: Product;
  /** "Proxmox VE" */
  readonly title: string;
  /** "9.1" */
  readonly release: string;
  /** "1" */
  readonly isoRelease: string;
}

export interface InstallerFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** An imported ISO with what was taken out of it. */
export interface Installer extends Edition {
  /** SHA-256 of the ISO. */
  readonly id: string;
  /** What people call it: "proxmox-ve-9.1-1"; unique. */
  readonly name: string;
  readonly iso: InstallerFile;
  readonly kernel: InstallerFile;
  /** gzip or no compression at all: what iPXE's machines unpack. */
  readonly initrd: InstallerFile;
  /** How the mode file gets into it; null: by neither, and why is in `problem`. */
  readonly carrier: 'overlay' | 'remaster' | null;
  readonly problem: string | null;
  /** Of its contents unpacked in RAM by the installer, as its threshold is computed; bytes. */
  readonly addedAt: number;
}

export interface Installers {
  list(): Promise<readonly Installer[]>;
  /** By name, id, or the beginning of an id. Throws install.no_installer with what there is. */
  find(wanted: string): Promise<Installer>;
  /** The newest release of a product that can be used; undefined: none. */
  newest(product: Product): Promise<Installer | undefined>;
  /** Its bytes with one more file in its root directory. The same installer and content give the same bytes and tag. */
  withModeFile(installer: Installer, content: Buffer): Promise<VirtualIso>;
}

/** Bytes that are put together when they are read. */
export interface VirtualIso {
  readonly bytes: number;
  /** The same for the same bytes only. */
  readonly tag: string;
  open(): Promise<IsoSource>;
}

/** As boot/http serves things. */
export interface IsoSource {
  /** Fills the buffer from this position on, wholly, or fails. */
  read(into: Buffer, position: number): Promise<void>;
  close(): Promise<void>;
}

// ---- answers --------------------------------------------------------------------------------------------------------------------

/** A fault of an answer file, or of a profile that is to become one. */
export interface AnswerFault {
  /** "disk-setup.zfs.raid"; '' for the whole file. */
  readonly key: string;
  /** Of the file that was read, from 1; null where there is none. */
  readonly line: number | null;
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
  /** A warning does not stop the installer. */
  readonly severity: 'error' | 'warning';
}

/** The installer that is to understand it. */
export interface AnswerTarget extends Pick<Edition, 'product' | 'release'> {
  readonly bootMode?: 'bios' | 'uefi' | null;
}

/** A parsed document, keys in kebab-case. */
export type AnswerDocument = JsonObject;

export interface AnswerRules {
  /** Reads TOML text. Never throws: what can't be parsed is a fault. */
  check(text: string, target: AnswerTarget): { readonly document: AnswerDocument | null; readonly faults: readonly AnswerFault[] };
  checkDocument(document: AnswerDocument, target: AnswerTarget): readonly AnswerFault[];
  /** As this release reads it: its names of keys, without what it does not know (each left out is a fault of checkDocument). */
  serialise(document: AnswerDocument, target: AnswerTarget): string;
}

// ---- disks ----------------------------------------------------------------------------------------------------------------------

export const RAID_LEVELS = ['single', 'raid0', 'raid1', 'raid10', 'raidz-1', 'raidz-2', 'raidz-3'] as const;
export type RaidLevel = (typeof RAID_LEVELS)[number];
export const FILESYSTEMS = ['zfs', 'ext4', 'xfs', 'btrfs'] as const;
export type Filesystem = (typeof FILESYSTEMS)[number];

/** One disk of a wipe plan, as the agent finds it again (inspect/commands.ts has the same). */
export type DiskRef = {
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly size: number;
  readonly byPath: string | null;
  /** What may be on it; null: whatever is. */
  readonly expects: readonly string[] | null;
  readonly title: string;
};

/** What a profile says of the disks of the system. Sizes in GB (10^9). */
export interface SystemDisks {
  readonly filesystem: Filesystem;
  /** `auto`: a mirror where two disks fit, else one disk. */
  readonly raid: RaidLevel | 'auto';
  /** How many; null: the least that the level takes. */
  readonly count: number | null;
  readonly minGb: number | null;
  readonly maxGb: number | null;
  /** Globs; upper and lower case are alike. */
  readonly models: readonly string[];
  readonly serials: readonly string[];
  readonly kind: 'any' | 'ssd' | 'hdd' | 'nvme';
}

/** The properties of devices as udev has them, by kernel name. */
export type UdevDevices = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface DiskSelection {
  /** For the answer: kebab-case keys of disk-setup without the file system's own (filter, filter-match, disk-list). */
  readonly selection: JsonObject;
  /** Null: they are told apart by what they have. Else the GUIDs of the empty partition tables, in the order of the disks. */
  readonly stamps: readonly string[] | null;
}

// ---- one installation -----------------------------------------------------------------------------------------------------------

export const INSTALL_STAGES = [
  'prepared',
  'armed',
  'script',
  'kernel',
  'initrd',
  'iso',
  'answered',
  'installed',
  'first-boot',
  'reached',
  'failed',
] as const;
export type InstallStage = (typeof INSTALL_STAGES)[number];

/** What was decided before the first disk is touched; stored, without secrets. */
export interface InstallPlan {
  readonly installer: string;
  readonly profile: string;
  readonly filesystem: Filesystem;
  readonly raid: RaidLevel;
  readonly disks: readonly DiskRef[];
  readonly stamps: readonly string[] | null;
  /** Of disk-setup, see DiskSelection. */
  readonly selection: JsonObject;
  readonly fqdn: string;
  readonly managementMac: string;
  readonly address: InstallAddress | null;
  /** The profile's document as it was then: a change of the file does not change what was agreed to. */
  readonly document: JsonObject;
}

/** Null: from DHCP. */
export interface InstallAddress {
  /** 10.0.0.11/24 */
  readonly cidr: string;
  readonly gateway: string;
  readonly dns: string;
}

export interface Installation {
  readonly uuid: string;
  readonly nodeUuid: string;
  /** Of the deployment's task: a second call with it gives the same installation. */
  readonly deployment: string;
  readonly stage: InstallStage;
  readonly plan: InstallPlan;
  readonly bootId: string;
  readonly boots: number;
  readonly answeredAt: number | null;
  readonly installedAt: number | null;
  readonly firstBootAt: number | null;
  readonly isoBytes: number;
  readonly isoTotal: number;
  readonly failure: string | null;
  readonly stageAt: number;
}
