// How a machine gets to its own disk: by its node's own setting, else by its model's, else by the site's. Pure.
// And which steps iPXE takes for it: each is tried, and the next one is for when it comes back.

import type { Config } from '../../config/index.ts';
import type { HardwareNames } from './facts.ts';
import { globFits } from './glob.ts';

export type OwnDiskWay = Config['boot']['own_disk'];

export interface OwnDisk {
  readonly way: OwnDiskWay;
  /** The EFI loader to try first, when one is known: '\EFI\debian\shimx64.efi'. */
  readonly path: string | null;
  /** Whose setting it is, in words. */
  readonly by: string;
}

export type OwnDiskStep =
  | { readonly step: 'start-drive'; readonly drive: string }
  /** On whatever drive has it. */
  | { readonly step: 'start-loader'; readonly path: string }
  | { readonly step: 'exit' };

export const OWN_DISK_WAYS = ['auto', 'silent', 'exit', 'sanboot', 'chain'] as const satisfies readonly OwnDiskWay[];

const EFI_PATH = /^(?:\\[A-Za-z0-9][A-Za-z0-9._-]{0,63}){1,8}$/;
const FALLBACK_LOADER = '\\EFI\\BOOT\\BOOTX64.EFI';

/**
 * Where systems put their own loader. `\EFI\BOOT\BOOTX64.EFI` is not among them: an installer on a forgotten USB stick has it too,
 * and must not start by our doing. `chain` and `sanboot` are an operator's word, and take it.
 */
export const INSTALLED_LOADERS: readonly string[] = [
  '\\EFI\\proxmox\\shimx64.efi',
  '\\EFI\\proxmox\\grubx64.efi',
  '\\EFI\\debian\\shimx64.efi',
  '\\EFI\\debian\\grubx64.efi',
  '\\EFI\\ubuntu\\shimx64.efi',
  '\\EFI\\fedora\\shimx64.efi',
  '\\EFI\\opensuse\\shim.efi',
  '\\EFI\\systemd\\systemd-bootx64.efi',
  '\\EFI\\Microsoft\\Boot\\bootmgfw.efi',
];

export interface OwnDiskAsk {
  /** Of the node itself. */
  readonly own: { readonly way: OwnDiskWay | null; readonly path: string | null } | null;
  readonly names: HardwareNames;
  readonly config: Config['boot'];
}

export function chooseOwnDisk({ own, names, config }: OwnDiskAsk): OwnDisk {
  const site = { way: config.own_disk, path: config.own_disk_path ?? null, by: 'boot.own_disk' };
  const model = config.model.find((one) => fits(one.manufacturer, names.manufacturer) && fits(one.product, names.product));
  const ofModel =
    model === undefined
      ? site
      : {
          way: model.own_disk,
          path: model.own_disk_path ?? site.path,
          by: `boot.model ${model.manufacturer ?? '*'} ${model.product ?? '*'}`,
        };
  if (own === null || (own.way === null && own.path === null)) return ofModel;
  return { way: own.way ?? ofModel.way, path: own.path ?? ofModel.path, by: "the node's driver_info" };
}

/** Does the machine need iPXE to find its disk, so that DHCP must not be silent? */
export function needsLoader({ way }: OwnDisk): boolean {
  return way === 'exit' || way === 'sanboot' || way === 'chain';
}

/** `platform` as iPXE names it. What is not known gives the turn back to the firmware. */
export function ownDiskSteps({ way, path }: OwnDisk, platform: string | null): readonly OwnDiskStep[] {
  const exit = { step: 'exit' } as const;
  if (way === 'exit') return [exit];
  // iPXE counts BIOS drives as the BIOS does; on UEFI 0 means whichever drive has the loader (iPXE, efi_block_boot).
  if (platform === 'pcbios') return [{ step: 'start-drive', drive: '0x80' }, exit];
  if (platform !== 'efi') return [exit];
  const own = [...(path === null ? [] : [path]), ...INSTALLED_LOADERS];
  const loaders = way === 'sanboot' ? [FALLBACK_LOADER] : way === 'chain' ? [...own, FALLBACK_LOADER] : own;
  return [...loaders.map((loader) => ({ step: 'start-loader', path: loader }) as const), exit];
}

/** From the words of an operator, on a node. */
export function readOwnDisk(way: unknown, path: unknown): NonNullable<OwnDiskAsk['own']> {
  return {
    way: OWN_DISK_WAYS.find((known) => known === way) ?? null,
    path: typeof path === 'string' && EFI_PATH.test(path) ? path : null,
  };
}

function fits(pattern: string | undefined, name: string | null): boolean {
  if (pattern === undefined) return true;
  return name !== null && globFits(pattern, name);
}
