// Wiring of what machines are sent besides iPXE's scripts: where the boot listener is for them, and GRUB's configurations.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Boot, compileGrub, createGrub, type Grub, INSTALLED_LOADERS } from './boot/index.ts';
import { type Config, parseListen } from './config/index.ts';
import { hostInUrl, type Log, resource } from './lib/index.ts';

/** GRUB gives the firmware no reason to go on by itself, so that the loader which firmware falls back to comes last. */
const FALLBACK_LOADER = '\\EFI\\BOOT\\BOOTX64.EFI';

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
    ownDisk: ownDiskLoaders(config),
    log: log.child({ part: 'grub' }),
  });
}

function ownDiskLoaders({ boot: { own_disk_path: path } }: Config): string[] {
  const paths = [...(path === undefined ? [] : [path]), ...INSTALLED_LOADERS, FALLBACK_LOADER];
  return [...new Set(paths)].map((one) => one.replaceAll('\\', '/'));
}

/** The URL of the API, as a machine reaches it at this address of ours. */
export function apiUrlAt({ server }: Config, address: string): string {
  const { port } = parseListen(server.listen);
  return server.public_url ?? `${server.tls ? 'https' : 'http'}://${hostInUrl(address)}:${port}`;
}
