// An API that serves installers, over a real store, with a node that is being deployed and a fake answer: a test plays the installer.

import type { LightMyRequestResponse } from 'fastify';
import { onTestFinished } from 'vitest';
import { buildApi } from '../../src/api/index.ts';
import { cleanSerial, cleanSmbiosUuid } from '../../src/inspect/index.ts';
import {
  createInstallProtocol,
  type InstallationRecord,
  type InstallBook,
  type InstallProtocol,
  type InstallProtocolOptions,
  installBook,
} from '../../src/install/index.ts';
import type { InstallPlan } from '../../src/install/seam.ts';
import { silentLog, systemRandom } from '../../src/lib/index.ts';
import type { Node, NodeInput, ProvisionState } from '../../src/nodes/index.ts';
import { ADMIN, addNode, type Harness, prepareApi } from '../unit/api/harness.ts';
import { checkReplies } from '../unit/api/reply-check.ts';

export const MAC = '52:54:00:00:06:01';
export const SERIAL = 'SN-0001';
export const SMBIOS = '4c4c4544-0036-4c10-8052-b4c04f4b3132';
export const HOST_KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
export const OTHER_KEY = `ssh-ed25519 ${'B'.repeat(68)}`;

export const PLAN: InstallPlan = {
  installer: 'ab'.repeat(32),
  profile: 'pve',
  filesystem: 'zfs',
  raid: 'raid1',
  disks: ['S1', 'S2'].map((serial) => ({ serial, wwn: null, size: 100e9, byPath: null, expects: null, title: `disk ${serial}` })),
  stamps: null,
  selection: {},
  fqdn: 'pve1.home.arpa',
  managementMac: MAC,
  address: { cidr: '10.0.0.11/24', gateway: '10.0.0.1', dns: '10.0.0.1' },
  document: {},
};

export interface InstallSite extends Harness {
  readonly book: InstallBook;
  readonly install: InstallProtocol;
  readonly node: Node;
  /** What the deployment heard. */
  readonly woken: string[];
  /** Of the store, what people see. */
  readonly events: (type?: string) => Promise<string[]>;
  readonly why: (subject?: string) => Promise<string[]>;
  readonly ask: (url: string, asked?: Asked) => Promise<LightMyRequestResponse>;
  readonly post: (url: string, body: object, from?: string) => Promise<LightMyRequestResponse>;
  /** An installation that may be asked for. */
  readonly armed: (deployment?: string) => Promise<InstallationRecord & { readonly urls: Urls }>;
}

export interface Urls {
  readonly answer: string;
  readonly done: string;
  readonly firstBoot: string;
  readonly token: string;
  readonly hook: string;
}

export interface Asked {
  readonly body?: object;
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SiteOptions extends Partial<Pick<InstallProtocolOptions, 'render' | 'productOf' | 'bootOrderOf' | 'mayNote' | 'served'>> {
  readonly state?: ProvisionState;
  readonly certificate?: string | null;
  /** Its firmware has no name for it. */
  readonly isNameless?: boolean;
}

export async function installSite(options: SiteOptions = {}): Promise<InstallSite> {
  const prepared = await prepareApi();
  const { store, nodes, clock } = prepared;
  const woken: string[] = [];
  const book = installBook({
    store,
    nodes,
    clock,
    random: systemRandom,
    log: silentLog,
    certificate: options.certificate ?? null,
    onMove: async (_, what) => void woken.push(what),
  });
  const install = createInstallProtocol({
    store,
    nodes,
    book,
    clock,
    log: silentLog,
    certificate: options.certificate ?? null,
    stallMs: 20 * 60_000,
    cleanUuid: cleanSmbiosUuid,
    cleanSerial,
    mayNote: options.mayNote ?? (() => true),
    ...(options.served === undefined ? {} : { served: options.served }),
    productOf: options.productOf ?? (() => Promise.resolve('pve')),
    bootOrderOf: options.bootOrderOf ?? (() => 'network-first'),
    render: options.render ?? (({ uuid, secrets, base }) => Promise.resolve(`# ${uuid}\nhook = "${base}/install/done/${secrets.hook}"\n`)),
  });
  const app = buildApi({ ...prepared.deps, services: { ...prepared.services, install } });
  onTestFinished(() => app.close());
  checkReplies(app);
  await app.ready();
  const api = {
    ...prepared,
    app,
    get: (url: string, headers: Record<string, string> = ADMIN) => app.inject({ method: 'GET', url, headers }),
  };
  const node = await addInstalled(
    api,
    options.isNameless === true ? { mac: MAC } : { mac: MAC, smbiosUuid: SMBIOS, smbiosSerial: SERIAL },
    options.state ?? 'wait call-back',
  );
  const post: InstallSite['post'] = (url, body, from = '10.0.0.50') =>
    app.inject({ method: 'POST', url, payload: body, remoteAddress: from, headers: { host: '10.0.0.2:6385' } });
  return {
    ...api,
    book,
    install,
    node,
    woken,
    post,
    events: async (type) => {
      const found = await store.events.list({ after: 0, limit: 1000, nodeUuid: node.uuid });
      return found.filter((event) => event.type.startsWith(type ?? 'install.')).map((event) => `${event.type}: ${event.message}`);
    },
    why: async (subject = `node:${node.uuid}`) => {
      await store.reasons.flush();
      return (await store.reasons.list(subject, 100)).map(({ decision, reason }) => `${decision}: ${reason}`);
    },
    ask: (url, { body = sysinfo(), from = '10.0.0.50', headers = {} } = {}) =>
      app.inject({
        method: 'POST',
        url,
        payload: JSON.stringify(body),
        remoteAddress: from,
        headers: { host: '10.0.0.2:6385', 'content-type': 'application/json; charset=utf-8', ...headers },
      }),
    armed: async (deployment = 'task-1') => {
      const { uuid } = await book.begin({ nodeUuid: node.uuid, deployment, plan: PLAN });
      const record = await book.arm(uuid);
      return { ...record, urls: await urlsOf(book, uuid) };
    },
  };
}

export async function urlsOf(book: InstallBook, uuid: string): Promise<Urls> {
  const { answer, hook, firstBoot } = await book.secrets(uuid);
  return {
    answer: `/install/answer/${answer}`,
    done: `/install/done/${hook}`,
    firstBoot: `/install/first-boot/${firstBoot}`,
    token: `Bearer ${uuid}:${answer}`,
    hook,
  };
}

export async function addInstalled(
  api: Pick<Harness, 'store' | 'nodes'>,
  input: Partial<NodeInput> & { readonly mac: string; readonly name?: string },
  state: ProvisionState,
): Promise<Node> {
  const { name = 'pve1', mac, ...more } = input;
  const { uuid } = await addNode(api, name, { ...more, mac });
  await api.store.db.updateTable('nodes').set({ provision_state: state }).where('uuid', '=', uuid).execute();
  return api.nodes.get(uuid);
}

/** As proxmox-fetch-answer of 8.3 and later sends it. */
export function sysinfo(macs: readonly string[] = [MAC], system: object = { uuid: SMBIOS, serial: SERIAL, name: 'NUC' }): object {
  return {
    $schema: { version: '1.0' },
    product: { fullname: 'Proxmox VE', product: 'pve', enable_btrfs: true },
    iso: { release: '9.1', isorelease: '1' },
    dmi: { system, baseboard: {}, chassis: {} },
    network_interfaces: macs.map((mac, at) => ({ link: `enp${at + 1}s0`, mac })),
  };
}

/** As proxmox-post-hook of schema 1.2 sends it. */
export function hookBody(more: object = {}): object {
  return {
    $schema: { version: '1.2' },
    'debian-version': '13.1',
    product: { fullname: 'Proxmox VE', short: 'pve', version: '9.1.1' },
    iso: { release: '9.1', isorelease: '1' },
    'kernel-version': { sysname: 'Linux', release: '6.17.2-1-pve', version: '#1 SMP', machine: 'x86_64' },
    'boot-info': { mode: 'efi', secureboot: false },
    'cpu-info': { cores: 4, cpus: 4, flags: 'fpu', hvm: true, model: 'Example', sockets: 1 },
    dmi: { baseboard: {}, chassis: {}, system: {} },
    filesystem: 'zfs (RAID1)',
    fqdn: 'pve1.home.arpa',
    'machine-id': 'f4bf9711783248b7aaffe3ccbca3e3dc',
    disks: ['S1', 'S2'].map((serial) => ({
      size: 99_000_000_000,
      'is-bootdisk': true,
      'udev-properties': { DEVNAME: '/dev/sda', ID_SERIAL_SHORT: serial, ID_SERIAL: `QEMU_HARDDISK_${serial}` },
    })),
    'network-interfaces': [{ name: 'nic0', mac: MAC, address: '10.0.0.11/24', 'is-management': true, 'udev-properties': {} }],
    'ssh-public-host-keys': { ed25519: `${HOST_KEY} root@pve1` },
    'reboot-mode': 'reboot',
    ...more,
  };
}

/** As the script of the first boot sends it. */
export function firstBootBody(more: object = {}): object {
  return {
    hostname: 'pve1',
    fqdn: 'pve1.home.arpa',
    kernel: '6.17.2-1-pve',
    bootMode: 'efi',
    addresses: ['10.0.0.11/24'],
    hostKeys: [HOST_KEY],
    bootOrder: {
      wanted: 'network-first',
      did: 'set to network first',
      before: '0001,0002',
      after: '0002,0001',
      current: '0001',
      entries: [],
    },
    ...more,
  };
}
