// The desk over a real store, real templates, rules and choice of disks; played are the installer, the network and SSH.

import type { Config } from '../../../../src/config/index.ts';
import { createAddresses } from '../../../../src/install/addresses/addresses.ts';
import {
  type Answering,
  answerRules,
  createAnswerDrafts,
  createAnswering,
  createAnswerTemplates,
  createInstallDesk,
  createRootPasswords,
  type DeskParts,
  type Installer,
  type MachineReport,
  machineDisks,
} from '../../../../src/install/index.ts';
import type { InstallPlan } from '../../../../src/install/seam.ts';
import { resource, systemRandom } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { type InstallSite, installSite, MAC } from '../../../support/install.ts';
import { type DiskWords, reportOf } from '../disks/machines.ts';

export const GIB = 1024 ** 3;
export const MIRROR: readonly DiskWords[] = [
  { name: 'sda', serial: 'S1', gb: 100, isBlank: true },
  { name: 'sdb', serial: 'S2', gb: 100, isBlank: true },
  { name: 'sdc', serial: 'DATA', gb: 4000, isBlank: false },
];

export const INSTALLER: Installer = {
  id: 'cd'.repeat(32),
  name: 'proxmox-ve-9.1-1',
  product: 'pve',
  title: 'Proxmox VE',
  release: '9.1',
  isoRelease: '1',
  iso: { path: '/iso', bytes: 1.8e9, sha256: 'cd'.repeat(32) },
  kernel: { path: '/kernel', bytes: 1, sha256: '' },
  initrd: { path: '/initrd', bytes: 1, sha256: '' },
  carrier: 'overlay',
  problem: null,
  addedAt: 0,
};

const PROFILE: Config['profile'][number] = {
  name: 'pve',
  os: 'proxmox',
  wipe: 'os',
  boot_order: 'network-first',
  first_boot: false,
  variables: {},
};

export interface Machine {
  readonly disks?: readonly DiskWords[];
  readonly memory?: number;
  readonly boot?: JsonObject;
  readonly ports?: readonly { readonly name: string; readonly mac: string }[];
}

export interface DeskWorld extends InstallSite {
  readonly desk: ReturnType<typeof createInstallDesk>;
  readonly answering: Answering;
  readonly said: string[];
  readonly signedIn: Parameters<DeskParts['signIn']>[0][];
  readonly order: (deployment?: string, serials?: readonly string[]) => Parameters<ReturnType<typeof createInstallDesk>['prepare']>[0];
  /** As the agent reports it. */
  readonly see: (machine: Machine) => Promise<MachineReport>;
}

export interface DeskSettings {
  readonly profile?: Partial<Config['profile'][number]>;
  readonly installer?: Partial<Installer> | null;
  readonly cluster?: Config['cluster'][number];
  readonly machine?: Machine;
}

export async function deskWorld({ profile = {}, installer = {}, cluster, machine = {} }: DeskSettings = {}): Promise<DeskWorld> {
  let answering: Answering | undefined;
  const site = await installSite({
    render: (wanted) => (answering === undefined ? Promise.reject(new Error('not yet')) : answering.render(wanted)),
  });
  const { store, nodes, book, clock, node } = site;
  const config = { profile: [{ ...PROFILE, ...profile }], install: INSTALL };
  const imported = installer === null ? undefined : { ...INSTALLER, ...installer };
  const signedIn: Parameters<DeskParts['signIn']>[0][] = [];
  const parts: DeskParts = {
    config,
    store,
    nodes,
    book,
    clock,
    random: systemRandom,
    installers: {
      find: () => (imported === undefined ? Promise.reject(new Error('no installer')) : Promise.resolve(imported)),
      newest: () => Promise.resolve(imported),
    },
    hasInstaller: () => imported !== undefined,
    rules: answerRules,
    drafts: createAnswerDrafts({
      config,
      nodes,
      templates: createAnswerTemplates({ own: '/nowhere/answer-files', shipped: resource('answer-files') }),
    }),
    addresses: createAddresses({
      store,
      clock,
      clusters: cluster === undefined ? [] : [cluster],
      probe: () => ({ kind: 'free' }),
      isOnLink: () => true,
    }),
    rootPasswords: createRootPasswords({ store, random: systemRandom, configured: () => Promise.resolve(null) }),
    applianceKey: () => Promise.resolve('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0aWxsLWEtbWFkZS11cC1rZXktZm9yLXRoaXM= rackseed'),
    fingerprint: 'ab'.repeat(32),
    signIn: (order) => {
      signedIn.push(order);
      return Promise.resolve({ address: order.addresses[0] ?? '', system: 'Linux' });
    },
  };
  answering = createAnswering(parts);
  const see = async (seen: Machine): Promise<MachineReport> => {
    const report = machineReport(seen);
    await store.transaction((tx) => nodes.saveInventory(tx, node.uuid, report));
    return report;
  };
  await store.transaction(async (tx) => {
    const now = await nodes.get(node.uuid, tx);
    const extra = { profile: 'pve', ...(cluster === undefined ? {} : { cluster: cluster.name }) };
    await nodes.update(tx, now, { extra }, { who: 'user', actor: 'test' });
  });
  let report = await see(machine);
  const said: string[] = [];
  return {
    ...site,
    desk: createInstallDesk(parts, answering),
    answering,
    said,
    signedIn,
    see: async (seen) => {
      report = await see(seen);
      return report;
    },
    order: (deployment = 'task-1', serials = ['S1', 'S2']) => ({
      nodeUuid: node.uuid,
      deployment,
      disks: refsOf(report).filter(({ serial }) => serial !== null && serials.includes(serial)),
      systemOn: [],
      isRebuild: false,
      signal: new AbortController().signal,
      progress: (_, text) => void said.push(text),
    }),
  };
}

const INSTALL: Config['install'] = {
  keyboard: 'de',
  country: 'at',
  timezone: 'Europe/Vienna',
  mailto: 'root@home.arpa',
  domain: 'home.arpa',
  root_keys: [],
  min_memory_mb: 0,
  fetch_hosts: [],
  stall_minutes: 20,
};

function machineReport({ disks = MIRROR, memory = 16 * GIB, boot = {}, ports = [{ name: 'enp1s0', mac: MAC }] }: Machine): MachineReport {
  const report = reportOf({ disks, ports });
  const own = { current_boot_mode: 'uefi', pxe_interface: MAC, secure_boot: false, ...boot };
  return {
    ...report,
    inventory: { ...report.inventory, memory: { total: memory, physical_mb: Math.round(memory / 1024 ** 2) }, boot: own },
  };
}

function refsOf(report: MachineReport): InstallPlan['disks'][number][] {
  return machineDisks(report).map(({ serial, wwn, size, byPath, title }) => ({ serial, wwn, size, byPath, expects: [], title }));
}

/** The same disks with the tables that the agent has written on them. */
export function stamped(disks: readonly DiskWords[], chosen: readonly string[], stamps: readonly string[] | null): DiskWords[] {
  return disks.map((disk) => {
    const at = chosen.indexOf(disk.serial ?? '');
    return at < 0 ? disk : { ...disk, table: stamps?.[at] };
  });
}
