// What a build of the boot artefacts gives, and what it needs from its caller.

import type { Clock, Run } from '../src/lib/index.ts';

/** Debian's words. Boot loaders come with amd64, those for other firmware too; arm64 is a RAM system alone. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** File names inside the artefact directory; what firmware and iPXE fetch. */
export const ARTEFACT_NAMES = {
  /** First stage for BIOS by TFTP: uses the card's own UNDI driver. */
  biosLoader: 'undionly.kpxe',
  /** First stage for UEFI: uses the firmware's driver for the card it booted from. */
  uefiLoader: 'snponly-x86_64.efi',
  /** For UEFI whose driver does not work: brings its own drivers. Also for UEFI HTTP boot. */
  uefiLoaderAllDrivers: 'ipxe-x86_64.efi',
  arm64Loader: 'ipxe-arm64.efi',
  /** First stage under Secure Boot. It looks for the next two beside itself, by these names. */
  shim: 'shim-x86_64.efi',
  grub: 'grubx64.efi',
  mokManager: 'mmx64.efi',
  kernel: 'agent/vmlinuz-amd64',
  initrd: 'agent/initrd-amd64',
} as const;

export function agentNames(architecture: Architecture): { readonly kernel: string; readonly initrd: string } {
  return { kernel: `agent/vmlinuz-${architecture}`, initrd: `agent/initrd-${architecture}` };
}

export const MANIFEST_NAME = 'manifest.json';

export interface Artefact {
  /** One of ARTEFACT_NAMES. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** The package and its suite, or that it was made here. */
  readonly origin: string;
}

export interface DebianPackage {
  /** `name_version_architecture.deb` as apt names it. */
  readonly file: string;
  /** `SHA256:…` from the signed package lists. */
  readonly hash: string;
}

/** Which packages were taken, from where: fixed until it is old or a refresh is asked for. */
export interface Resolution {
  readonly resolvedAt: number;
  readonly suites: readonly string[];
  readonly nonFreeFirmware: boolean;
  readonly packages: readonly DebianPackage[];
  readonly loaders: { readonly suite: string; readonly note: string | null; readonly packages: readonly DebianPackage[] };
}

export interface MemberRecord {
  readonly name: 'base' | 'modules' | 'node' | 'agent';
  readonly size: number;
  readonly unpackedSize: number;
  /** What its making took when it was made; it may be older than the artefacts. */
  readonly seconds: number;
}

export interface Manifest {
  readonly format: 1;
  readonly key: string;
  readonly architecture: Architecture;
  readonly artefacts: readonly Omit<Artefact, 'path'>[];
  readonly members: readonly MemberRecord[];
  readonly agentVersion: string;
  readonly nodeVersion: string;
  readonly kernelVersion: string;
  readonly modules: number;
  /** Names that modules ask for: how many the packages had, how many not, and which modules have none of theirs. */
  readonly firmware: { readonly present: number; readonly absent: number; readonly without: readonly string[]; readonly nonFree: boolean };
  readonly suites: readonly string[];
  readonly loaders: { readonly suite: string; readonly packages: readonly DebianPackage[] };
  readonly packages: readonly DebianPackage[];
}

export interface Artefacts {
  /** Content address: the same inputs give the same key. */
  readonly key: string;
  readonly directory: string;
  readonly files: readonly Artefact[];
  readonly manifest: Manifest;
}

export interface EnsureOptions {
  /** Outside the source tree; the default of callers is `${XDG_CACHE_HOME:-~/.cache}/rackseed`. */
  readonly cacheDir: string;
  readonly log: (line: string) => void;
  readonly run: Run;
  readonly architecture?: Architecture;
  /** Leaves out firmware from non-free-firmware, whose licences allow to pass it on but not to change it. */
  readonly isFreeOnly?: boolean;
  /** Looks for newer packages even when the known ones are recent. */
  readonly refresh?: boolean;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}
