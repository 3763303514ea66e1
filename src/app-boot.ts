// Wiring of what machines are sent besides iPXE's scripts: where the boot listener is for them, and GRUB's configurations.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Boot, compileGrub, createGrub, type Grub } from './boot/index.ts';
import { type Config, parseListen } from './config/index.ts';
import { hostInUrl, type Log, resource } from './lib/index.ts';

/** Where the systems that we install have their loader, before the one that firmware falls back to. */
const OWN_DISK_LOADERS = ['/EFI/proxmox/shimx64.efi', '/EFI/debian/shimx64.efi', '/EFI/BOOT/BOOTX64.EFI'] as const;

/** The URL of boot artefacts, as a machine reaches them at this address of ours. */
export function bootUrlOf({ server }: Config): (address: string) => string {
  const { port } = parseListen(server.boot_listen);
  return (address) => server.boot_url ?? `http://${hostInUrl(address)}:${port}`;
}

export function grubOf({ config, boot, log }: { readonly config: Config; readonly boot: Boot; readonly log: Log }): Grub {
  return createGrub({
    scripts: compileGrub((name) => readFileSync(join(resource('templates/grub'), `${name}.cfg`), 'utf8')),
    machineBoot: boot.machineBoot,
    bootUrl: bootUrlOf(config),
    bootPort: config.server.boot_url === undefined ? parseListen(config.server.boot_listen).port : null,
    ownDisk: [...new Set([config.boot.own_disk_path.replaceAll('\\', '/'), ...OWN_DISK_LOADERS])],
    log: log.child({ part: 'grub' }),
  });
}
