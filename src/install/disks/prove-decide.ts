// The proof of an answer before it is given: over the machine's own udev data it selects the chosen disks and the management port, and could
// select nothing else, whatever the kernel calls them at the next start. Pure. A fault in doubt.

import type { JsonObject } from '../../nodes/index.ts';
import type { Filesystem, RaidLevel, UdevDevices } from '../seam.ts';
import type { BootMode, DiskIdentity, MachineDisk } from './machine-decide.ts';
import { isNamed } from './machine-decide.ts';
import {
  devicesOf,
  type Filter,
  fitsAny,
  type ListedDevice,
  layoutFaults,
  listedDisks,
  listedPorts,
  passedOverWhy,
  readFilter,
  readSelection,
  selectDisks,
  selectPort,
} from './matching-decide.ts';

export interface SelectionFault {
  readonly about: 'disks' | 'network';
  readonly message: string;
  /** What to do. */
  readonly fix: string;
}

export interface ProofAsk {
  /** Of the answer that was rendered: filter, filter-match, disk-list. */
  readonly selection: JsonObject;
  readonly filesystem: Filesystem;
  readonly raid: RaidLevel;
  readonly bootMode: BootMode | null;
  /** The disks that were chosen, and the GUIDs of their tables in the same order where they have such. */
  readonly expected: readonly (DiskIdentity & { readonly title: string })[];
  readonly stamps: readonly string[] | null;
  /** Of the same report as the udev data: machineDisks(report). */
  readonly disks: readonly MachineDisk[];
  /** Null: the agent reported none. */
  readonly udev: { readonly block: UdevDevices; readonly net: UdevDevices } | null;
  /** Of the answer, with network.source = from-answer; null: from DHCP, where no port is selected. */
  readonly network: { readonly filter: JsonObject; readonly mac: string } | null;
  /** The ports of the same report. */
  readonly ports: readonly { readonly name: string; readonly mac: string }[];
}

/** As the agent bounds what it reports of a device: a value of that length may have been cut, and beyond so many keys some are left out. */
const VALUE_MAX = 512;
const KEYS_MAX = 128;

/** What udev has of a disk or port that another start, or another slot, makes another. */
const PASSING_DISK = /^(?:DEVNAME|DEVPATH|DEVLINKS|DISKSEQ|MAJOR|MINOR|DEVTYPE|SUBSYSTEM|USEC_INITIALIZED|TAGS|CURRENT_TAGS|SYSTEMD_.*)$/;
const PASSING_PORT =
  /^(?:INTERFACE|IFINDEX|DEVPATH|SUBSYSTEM|USEC_INITIALIZED|TAGS|CURRENT_TAGS|SYSTEMD_.*|ID_NET_NAME|ID_NET_LINK_FILE|ID_RENAMING)$/;

const LOOK_AGAIN = 'Take the inventory again: the agent must see every disk and port of the machine.';
const OURS = 'Leave the selection of disks to the appliance: take disk-setup.filter and disk-list out of the template.';

export function proveSelection(ask: ProofAsk): readonly SelectionFault[] {
  if (ask.udev === null)
    return [
      {
        about: 'disks',
        message: 'the agent reported nothing of what udev knows, so that nobody can tell what the installer will select',
        fix: LOOK_AGAIN,
      },
    ];
  const { block, net } = ask.udev;
  return [...proveDisks(ask, block), ...(ask.network === null ? [] : provePort(ask, ask.network, net))];
}

const diskFault =
  (fix: string) =>
  (message: string): SelectionFault => ({ about: 'disks', message, fix });

function proveDisks(ask: ProofAsk, block: UdevDevices): SelectionFault[] {
  const again = diskFault(LOOK_AGAIN);
  const unseen = ask.disks.filter(({ kernelName }) => block[nameOf(kernelName)] === undefined);
  if (unseen.length > 0) return unseen.map(({ title }) => again(`udev's properties of ${title} were not reported`));
  const found = ask.expected.map((ref) => ({ ref, fits: ask.disks.filter((disk) => isNamed(ref, disk)) }));
  const lost = found.filter(({ fits }) => fits.length !== 1);
  if (lost.length > 0)
    return lost.map(({ ref, fits }) =>
      again(`${ref.title} ${fits.length === 0 ? 'is no longer in the machine' : `could be any of ${fits.length} disks`}`),
    );
  const chosen = found.flatMap(({ fits }) => fits);
  const names = chosen.map(({ kernelName }) => nameOf(kernelName));
  const titleOf = (name: string): string => ask.disks.find((disk) => nameOf(disk.kernelName) === name)?.title ?? name;
  return [
    ...(new Set(names).size < names.length ? [again('two of the chosen disks are one')] : []),
    ...[...singleFaults(ask), ...layoutFaults(chosen, ask.raid, ask.bootMode)].map(
      diskFault('Choose other disks or another level in the profile.'),
    ),
    ...stampFaults(ask, names, block),
    ...selectionFaults(ask, names, { block, titleOf }),
  ];
}

function singleFaults({ filesystem, raid }: ProofAsk): string[] {
  return isSingle(filesystem) && raid !== 'single' ? [`${filesystem} takes one disk, not ${raid}`] : [];
}

function isSingle(filesystem: Filesystem): boolean {
  return filesystem === 'ext4' || filesystem === 'xfs';
}

function stampFaults({ stamps, expected }: ProofAsk, names: readonly string[], block: UdevDevices): SelectionFault[] {
  if (stamps === null) return [];
  return names.flatMap((name, at) => {
    const [is, wanted] = [block[name]?.ID_PART_TABLE_UUID, stamps[at]];
    if (is !== undefined && is === wanted) return [];
    const title = expected[at]?.title ?? name;
    return [
      {
        about: 'disks' as const,
        message: `${title} does not have the partition table ${wanted ?? '?'} that it was given: udev ${is === undefined ? 'sees none' : `sees ${is}`}`,
        fix: 'Deploy it again: the disks are stamped anew.',
      },
    ];
  });
}

interface Seen {
  readonly block: UdevDevices;
  readonly titleOf: (name: string) => string;
}

function selectionFaults({ selection, filesystem }: ProofAsk, expected: readonly string[], { block, titleOf }: Seen): SelectionFault[] {
  const ours = diskFault(OURS);
  const read = readSelection(selection);
  if ('fault' in read) return [ours(`the selection of disks is wrong: ${read.fault}`)];
  if ('list' in read) return [ours('disk-list names disks as the kernel calls them, and it may call them otherwise at the next start')];
  const all = devicesOf(block);
  const faults = [
    ...passingFaults(read.filter, PASSING_DISK).map(ours),
    ...cutFaults(read.filter, all, titleOf).map(diskFault(LOOK_AGAIN)),
  ];
  const matched = selectDisks({ selection, filesystem, disks: listedDisks(block) });
  if ('fault' in matched) return [...faults, ours(`the installer would stop: ${matched.fault}`)];
  const missing = expected.filter((name) => !matched.selected.includes(name) && !isFirstOfMany(name, read.filter, { block, filesystem }));
  const surplus = [
    ...matched.selected.filter((name) => !expected.includes(name)),
    // Passed over today for what is on them, or because another one comes first.
    ...all.filter((device) => fitsAny(read.filter, device) && !matched.selected.includes(device.name)).map(({ name }) => name),
  ].filter((name) => !expected.includes(name));
  return [
    ...faults,
    ...missing.map((name) => ours(`the installer would not select ${titleOf(name)}: ${missedWhy(name, read.filter, block)}`)),
    ...[...new Set(surplus)].map((name) =>
      ours(`the installer could select ${titleOf(name)}, which was not chosen${surplusWhy(name, read, block)}`),
    ),
  ];
}

/** Then it is the others that are the fault. */
function isFirstOfMany(name: string, filter: Filter, { block, filesystem }: { block: UdevDevices; filesystem: Filesystem }): boolean {
  const device = { name, properties: block[name] ?? {} };
  return isSingle(filesystem) && fitsAny(filter, device) && passedOverWhy(device) === null;
}

function missedWhy(name: string, { patterns }: Filter, block: UdevDevices): string {
  const device = { name, properties: block[name] ?? {} };
  const passed = passedOverWhy(device);
  if (passed !== null) return `it passes over it, as ${passed}`;
  const has = patterns.map(
    ({ key, glob }) => `${key} ${device.properties[key] === undefined ? 'is missing' : `is ${device.properties[key]}`}, not ${glob}`,
  );
  return has.join('; ');
}

function surplusWhy(name: string, { filter, isAll }: { readonly filter: Filter; readonly isAll: boolean }, block: UdevDevices): string {
  const lacks = filter.patterns.filter(({ key }) => block[name]?.[key] === undefined).map(({ key }) => key);
  return isAll && lacks.length > 0 ? `: with filter-match = "all" a disk without ${lacks.join(' and ')} fits too` : '';
}

function passingFaults({ patterns }: Filter, passing: RegExp): string[] {
  const keys = patterns.map(({ key }) => key).filter((key) => passing.test(key));
  return keys.map((key) => `the filter goes by ${key}, which may be another at the next start`);
}

function cutFaults({ patterns }: Filter, devices: readonly ListedDevice[], titleOf: (name: string) => string): string[] {
  return devices.flatMap(({ name, properties }) => {
    const isFull = Object.keys(properties).length >= KEYS_MAX;
    const cut = patterns.find(({ key }) => (properties[key] === undefined ? isFull : properties[key].length >= VALUE_MAX));
    return cut === undefined
      ? []
      : [`${titleOf(name)} has more properties, or longer ones, than are reported: ${cut.key} is not known for sure`];
  });
}

function provePort(
  { ports }: ProofAsk,
  { filter, mac }: { readonly filter: JsonObject; readonly mac: string },
  net: UdevDevices,
): SelectionFault[] {
  const fault = (message: string, fix = LOOK_AGAIN): SelectionFault => ({ about: 'network', message, fix });
  const own = ports.filter((port) => port.mac.toLowerCase() === mac.toLowerCase());
  const [port, ...others] = own;
  if (port === undefined) return [fault(`the machine has no port with the address ${mac}`)];
  if (others.length > 0) return [fault(`${own.map(({ name }) => name).join(' and ')} have the same address ${mac}`)];
  const unseen = ports.filter(({ name }) => net[name] === undefined);
  if (unseen.length > 0) return unseen.map(({ name }) => fault(`udev's properties of the port ${name} were not reported`));
  const read = readFilter(filter);
  if ('fault' in read) return [fault(`the filter of the port is wrong: ${read.fault}`)];
  const listed = listedPorts(net);
  const faults = [
    ...passingFaults(read, PASSING_PORT).map((message) => fault(message, 'Let the filter go by ID_NET_NAME_MAC.')),
    ...cutFaults(read, listed, (name) => `port ${name}`).map((message) => fault(message)),
  ];
  const matched = selectPort(filter, listed);
  if ('fault' in matched)
    return [...faults, fault(`the installer would stop: of the ports, ${matched.fault}`, 'Take another port, or an address from DHCP.')];
  const fitting = listed.filter((device) => fitsAny(read, device)).map(({ name }) => name);
  if (!fitting.includes(port.name)) faults.push(fault(`the installer would not select port ${port.name} (${mac})`));
  const strange = fitting.filter((name) => name !== port.name);
  return [...faults, ...strange.map((name) => fault(`the installer could select port ${name}, which is not ${mac}`))];
}

function nameOf(kernelName: string): string {
  return kernelName.replace(/^\/dev\//, '');
}
