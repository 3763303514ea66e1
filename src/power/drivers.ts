// Every driver that there is, a line each. A driver is made of what it is given: clock, chance, memory. Adding one: its file, a line here,
// its name in hardware-types.ts.

import type { Clock, Random } from '../lib/index.ts';
import { IPMI_INFO, REDFISH_INFO } from './bmc-info.ts';
import { fakeDrivers } from './fake/index.ts';
import { agentInspect, named, none, noopDeploy, noopManagement, unserved, unservedDeploy } from './inert.ts';
import type { Memory } from './memory.ts';
import type { Driver, DriverStep } from './seam.ts';

export interface DriverParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly memory: Memory;
}

const RAID_STEPS: readonly DriverStep[] = [
  { kind: 'clean', step: 'create_configuration', priority: 0, title: 'Create the RAID arrays', needsRamdisk: true, isDestructive: true },
  { kind: 'clean', step: 'delete_configuration', priority: 0, title: 'Delete the RAID arrays', needsRamdisk: true, isDestructive: true },
];

export function createDrivers(parts: DriverParts): readonly Driver[] {
  return [
    ...fakeDrivers(parts),

    named('boot', 'ipxe', 'network boot through iPXE'),
    named('boot', 'pxe', 'network boot by PXE'),
    named('boot', 'http-ipxe', 'UEFI HTTP boot through iPXE'),
    named('boot', 'http', 'UEFI HTTP boot'),
    unserved({ interface: 'boot', name: 'redfish-virtual-media', title: 'virtual media through Redfish' }, REDFISH_INFO),

    unserved({ interface: 'power', name: 'ipmitool', title: 'IPMI' }, IPMI_INFO),
    unserved({ interface: 'management', name: 'ipmitool', title: 'IPMI' }, IPMI_INFO),
    unserved({ interface: 'vendor', name: 'ipmitool', title: 'IPMI' }, IPMI_INFO),
    unserved({ interface: 'console', name: 'ipmitool-socat', title: 'serial over LAN through IPMI' }, IPMI_INFO),

    unserved({ interface: 'power', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'management', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'bios', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'firmware', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'inspect', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'raid', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'vendor', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),

    unserved({ interface: 'power', name: 'manual', title: 'a person is asked' }),
    unserved({ interface: 'power', name: 'wol', title: 'Wake-on-LAN' }),
    unserved({ interface: 'power', name: 'ssh', title: 'through SSH to the running system' }),
    unserved({ interface: 'power', name: 'agent', title: 'through the agent on the machine' }),
    unserved({ interface: 'power', name: 'http', title: 'HTTP requests to a smart plug or KVM' }),
    noopManagement,

    unservedDeploy('direct', 'the agent writes a disk image', true),
    unservedDeploy('ramdisk', 'the machine runs from memory', true),
    unservedDeploy('custom-agent', 'the agent runs deploy steps only', false),
    unservedDeploy('proxmox', "Proxmox's own installer, unattended", false),
    noopDeploy,

    agentInspect,
    named('raid', 'agent', 'software RAID by the agent', { steps: RAID_STEPS }),
    unserved({ interface: 'rescue', name: 'agent', title: 'the agent opens a rescue session' }),
    named('network', 'noop', 'ports are left as they are'),
    named('network', 'flat', 'one network for everything'),
    unserved({ interface: 'network', name: 'neutron', title: 'OpenStack Neutron' }),
    named('storage', 'noop', 'local disks'),
    unserved({ interface: 'storage', name: 'cinder', title: 'OpenStack Cinder' }),
    named('storage', 'external', 'volumes that somebody else attaches'),

    none('bios'),
    none('console'),
    none('firmware'),
    none('inspect'),
    none('raid'),
    none('rescue'),
    none('vendor'),
  ];
}
