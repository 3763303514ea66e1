// What must hold before a disk is touched for an installer over the network: enough memory, a firmware that starts its kernel, a loader that
// can load it. Pure; each verdict says what else can be done.

export type GateVerdict =
  | { readonly level: 'ok'; readonly message: string }
  | { readonly level: 'warning' | 'refused'; readonly message: string; readonly hint: string };

export interface MemoryAsk {
  /** What its kernel can use, in MiB, as the agent found it. */
  readonly memoryMb: number;
  readonly isoBytes: number;
  /** [install] min_memory_mb; 0: by the size of the ISO. */
  readonly minMemoryMb: number;
  /** Of the installer. */
  readonly title: string;
}

const MIB = 1024 ** 2;
/**
 * The loader holds the ISO in memory and the kernel unpacks it into a tmpfs that takes half of what is left at most: three times the ISO. UEFI
 * makes a fourth copy before the kernel frees the loader's; the rest is for the installer. Of what a kernel can use: firmware and graphics
 * keep some of the modules, and a machine of 8 GB has about 7.5 GiB. Seen: 4 GiB fail with an ISO of 1.3 GB, 7 GiB with one of 1.8 GB.
 */
const LEAST = { copies: 4, more: 512 };
/** What was seen to work without a failure: 12 GiB with 1.8 GB. */
const GOOD = { copies: 6, more: 1200 };

const OTHER_WAYS = [
  'Add memory, or take some back from the graphics in its firmware',
  "or install it from a USB stick or a BMC's virtual media, with an ISO made by: proxmox-auto-install-assistant prepare-iso",
  'or write that ISO to a small spare disk of the machine by hand and start that (the installer finds its ISO on disks below 33 GB)',
].join('; ');

export function leastMemoryMb({ isoBytes, minMemoryMb }: Pick<MemoryAsk, 'isoBytes' | 'minMemoryMb'>): number {
  return minMemoryMb > 0 ? minMemoryMb : wanted(isoBytes, LEAST);
}

export function memoryGate(ask: MemoryAsk): GateVerdict {
  const { memoryMb, isoBytes, minMemoryMb, title } = ask;
  const least = leastMemoryMb(ask);
  const size = `${Math.ceil(isoBytes / 1e6)} MB`;
  const has = `${memoryMb} MiB of memory can be used`;
  if (memoryMb < least) {
    const why =
      minMemoryMb > 0 ? 'as [install] min_memory_mb says' : `since its ISO of ${size} is in memory up to four times while it is unpacked`;
    return {
      level: 'refused',
      message: `${has}, and ${title} over the network needs ${least} MiB, ${why}`,
      hint: `${OTHER_WAYS}. Where you know better: [install] min_memory_mb.`,
    };
  }
  const good = wanted(isoBytes, GOOD);
  if (minMemoryMb > 0 || memoryMb >= good) return { level: 'ok', message: `${has}, which is enough for ${title}` };
  return {
    level: 'warning',
    message: `${has}: ${title} needs ${least} MiB, and is sure of it with ${good} MiB`,
    hint: 'If its screen shows "no device with valid ISO found" it was too little: add memory, or install it from a USB stick.',
  };
}

function wanted(isoBytes: number, { copies, more }: { readonly copies: number; readonly more: number }): number {
  return Math.ceil(copies * (isoBytes / MIB) + more);
}

export interface FirmwareAsk {
  /** Null: it was never seen. */
  readonly secureBoot: boolean | null;
  /** By which the agent came last; null: not known. */
  readonly loader: 'ipxe' | 'shim-grub' | null;
  readonly title: string;
}

/**
 * Proxmox's kernel is signed by Proxmox, whom only Proxmox's own shim trusts. Whether that shim and its GRUB, taken from the ISO, would start
 * the installer from here was not tried on a real one, so that it stops here.
 */
export function secureBootGate({ secureBoot, loader, title }: FirmwareAsk): GateVerdict {
  const off = 'Switch Secure Boot off in its firmware for the installation (the installed system may have it on again)';
  if (secureBoot === true)
    return {
      level: 'refused',
      message: `Secure Boot is on, and the kernel of ${title} is signed by Proxmox, whom the network's boot loaders do not trust: it would not start`,
      hint: `${off}, or install it from a USB stick or virtual media, which bring Proxmox's own shim.`,
    };
  if (loader === 'shim-grub')
    return {
      level: 'refused',
      message: `it boots through shim and GRUB, and ${title} can only be loaded by iPXE`,
      hint: 'Set boot.uefi_loader to "auto" or "ipxe", and switch Secure Boot off in its firmware; then boot it once more.',
    };
  return { level: 'ok', message: secureBoot === null ? 'it is not known to have Secure Boot on' : 'Secure Boot is off' };
}

export interface ProductAsk {
  readonly product: string;
  readonly title: string;
  readonly carrier: string | null;
  readonly problem: string | null;
  readonly filesystem: string;
  readonly profile: string;
}

/** What an installer can do for a profile. */
export function installerGate({ product, title, carrier, problem, filesystem, profile }: ProductAsk): GateVerdict {
  if (carrier === null)
    return {
      level: 'refused',
      message: `${title} can not be used: ${problem ?? 'nothing can be put into its ISO'}`,
      hint: 'Look at it with: rackseed image selftest ISO. Then import another one: rackseed image add FILE',
    };
  if (filesystem === 'btrfs' && product !== 'pve')
    return {
      level: 'refused',
      message: `profile ${profile} asks for btrfs, and of Proxmox's installers only that of Proxmox VE has it, not ${title}`,
      hint: 'Choose zfs, ext4 or xfs in its system_disks.',
    };
  return { level: 'ok', message: `${title} fits profile ${profile}` };
}
