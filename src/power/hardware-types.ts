// The hardware types: which drivers a node of each may choose, the default first. Order and defaults are Ironic's where it has the type,
// as it is set up to stand alone: ports are left as they are, volumes are the machine's own disks.

import type { Interface } from '../nodes/index.ts';
import type { HardwareType } from './seam.ts';

const COMMON = {
  bios: ['no-bios'],
  boot: ['ipxe', 'pxe', 'http-ipxe', 'http'],
  console: ['no-console'],
  deploy: ['direct', 'ramdisk', 'custom-agent', 'proxmox'],
  firmware: ['no-firmware'],
  inspect: ['agent', 'no-inspect'],
  network: ['noop', 'flat', 'neutron'],
  raid: ['no-raid', 'agent'],
  rescue: ['no-rescue', 'agent'],
  storage: ['noop', 'cinder', 'external'],
  vendor: ['no-vendor'],
} as const satisfies Partial<HardwareType['supports']>;

export const HARDWARE_TYPES: readonly HardwareType[] = [
  {
    name: 'generic',
    title: 'a machine without a BMC',
    supports: {
      ...COMMON,
      management: ['noop'],
      power: ['chain', 'manual', 'ssh', 'wol', 'agent', 'http'],
      deploy: [...COMMON.deploy, 'noop'],
    },
  },
  {
    name: 'manual-management',
    title: 'a person switches it and sets its boot order',
    supports: {
      ...COMMON,
      management: ['noop', 'fake'],
      power: ['manual', 'chain', 'agent', 'wol', 'ssh', 'http', 'fake'],
      deploy: [...COMMON.deploy, 'noop'],
    },
  },
  {
    name: 'ipmi',
    title: 'a BMC that speaks IPMI',
    supports: {
      ...COMMON,
      console: ['no-console', 'ipmitool-socat'],
      management: ['ipmitool', 'noop'],
      power: ['ipmitool'],
      vendor: ['ipmitool', 'no-vendor'],
    },
  },
  {
    name: 'redfish',
    title: 'a BMC that speaks Redfish',
    supports: {
      ...COMMON,
      bios: ['redfish', 'no-bios'],
      boot: [...COMMON.boot, 'redfish-virtual-media'],
      firmware: ['redfish', 'no-firmware'],
      inspect: ['redfish', ...COMMON.inspect],
      management: ['redfish', 'noop'],
      power: ['redfish'],
      raid: ['redfish', ...COMMON.raid],
      vendor: ['redfish', 'no-vendor'],
    },
  },
];

/** fake-hardware takes every driver there is, as Ironic's does: only the default of each interface is its own. */
export function fakeHardware(namesOf: (which: Interface) => readonly string[]): HardwareType {
  const choice = (which: Interface, first = 'fake'): readonly string[] => [first, ...namesOf(which).filter((name) => name !== first)];
  const supports: HardwareType['supports'] = {
    bios: choice('bios'),
    boot: choice('boot'),
    console: choice('console'),
    deploy: choice('deploy'),
    firmware: choice('firmware'),
    inspect: choice('inspect'),
    management: choice('management'),
    network: choice('network', 'noop'),
    power: choice('power'),
    raid: choice('raid'),
    rescue: choice('rescue'),
    storage: choice('storage', 'noop'),
    vendor: choice('vendor'),
  };
  return { name: 'fake-hardware', title: 'no machine at all: for tests and trials', supports };
}
