// From a node to what the boot decision needs of it. Pure.

import type { Node } from '../nodes/index.ts';
import type { KnownMachine } from './decide/decide.ts';
import { readOwnDisk } from './decide/own-disk-decide.ts';

/** In driver_internal_info: set by whatever declares a node dead and replaces it; the text says why. */
export const BOOT_HOLD = 'boot_hold';
/** In driver_internal_info: by whom and why it was rejected as a machine that waits for a yes. */
export const REJECTED = 'enrol_rejected';
/** In driver_internal_info, by the life cycle: the agent has done its part, and the steps of a service are the agent's. */
const LEFT_AGENT = 'boots_own_disk';
const SERVES = 'service_ramdisk';
/** Its deploy interface is the one whose installer does the work. */
const INSTALLER = 'proxmox';

/** `deploysBy`: its deploy interface, also where it is its driver's default. */
export function knownMachineOf(node: Node, deploysBy: string): KnownMachine {
  const { uuid, name, provisionState, ignored, observeOnly } = node;
  const held = node.driverInternalInfo[BOOT_HOLD];
  const rejected = node.driverInternalInfo[REJECTED];
  return {
    uuid,
    name,
    provisionState,
    ignored,
    observed: observeOnly,
    held: typeof held === 'string' && held !== '' ? held : null,
    rejected: typeof rejected === 'string' ? rejected : null,
    ownDisk: readOwnDisk(node.driverInfo.own_disk, node.driverInfo.own_disk_path),
    agent: {
      deploys: deploysBy !== INSTALLER,
      installs: deploysBy === INSTALLER,
      serves: node.driverInternalInfo[SERVES] === true,
      left: node.driverInternalInfo[LEFT_AGENT] === true,
    },
    secureBoot: hasCapability(node.properties.capabilities, 'secure_boot', 'true'),
  };
}

/** Ironic's form: "boot_mode:uefi,secure_boot:true". */
function hasCapability(capabilities: unknown, name: string, value: string): boolean {
  return typeof capabilities === 'string' && capabilities.split(',').includes(`${name}:${value}`);
}
