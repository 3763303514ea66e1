// From a node to what the boot decision needs of it. Pure.

import type { Node } from '../nodes/index.ts';
import type { KnownMachine } from './decide/decide.ts';
import { readOwnDisk } from './decide/own-disk-decide.ts';

/** In driver_internal_info: set by whatever declares a node dead and replaces it; the text says why. */
export const BOOT_HOLD = 'boot_hold';
/** In driver_internal_info: which deployment the counters of the installer belong to. */
export const DEPLOYMENT = 'deployment';

export function knownMachineOf(node: Node): KnownMachine {
  const { uuid, name, provisionState, ignored } = node;
  const held = node.driverInternalInfo[BOOT_HOLD];
  return {
    uuid,
    name,
    provisionState,
    ignored,
    held: typeof held === 'string' && held !== '' ? held : null,
    ownDisk: readOwnDisk(node.driverInfo.own_disk, node.driverInfo.own_disk_path),
    secureBoot: hasCapability(node.properties.capabilities, 'secure_boot', 'true'),
  };
}

export function deploymentOf(node: Node): string {
  const deployment = node.driverInternalInfo[DEPLOYMENT];
  return typeof deployment === 'string' ? deployment : '';
}

/** Ironic's form: "boot_mode:uefi,secure_boot:true". */
function hasCapability(capabilities: unknown, name: string, value: string): boolean {
  return typeof capabilities === 'string' && capabilities.split(',').includes(`${name}:${value}`);
}
