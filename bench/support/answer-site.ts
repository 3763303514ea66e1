// `rackseed serve` with machines that are all about to ask for their answer: their installations are prepared and armed in its store while it
// does not run.

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import { createRootPasswords, installBook, installerDirectory } from '../../src/install/index.ts';
import type { InstallPlan } from '../../src/install/seam.ts';
import { parseMac, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createNodes } from '../../src/nodes/index.ts';
import { loadStoreKeys, openStore, type Store } from '../../src/store/index.ts';
import { freePort } from './free-port.ts';
import { startProgram } from './programs.ts';

const ENTRY = join(import.meta.dirname, '../../src/main.ts');

export interface AskingMachine {
  readonly path: string;
  readonly body: string;
}

export interface AnswerSite {
  readonly port: number;
  readonly machines: readonly AskingMachine[];
  stop(): Promise<void>;
}

export async function startAnswerSite(directory: string, count: number): Promise<AnswerSite> {
  const [port, bootPort] = [await freePort(), await freePort()];
  const data = join(directory, 'data');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const path = join(directory, 'rackseed.toml');
  await writeFile(
    path,
    `[server]\nlisten = "127.0.0.1:${port}"\nboot_listen = "127.0.0.1:${bootPort}"\ndata_dir = "${data}"\n[tftp]\nenabled = false\n[power]\nsync_seconds = 0\n`,
  );
  const start = () => startProgram([process.execPath, ENTRY, 'serve', '--config', path], /rackseed is ready/);
  // Once for its keys.
  await (await start()).stop();
  const installer = await writeInstaller(data);
  const { config } = await loadConfig({ path, env: {}, defaults: { dataDir: data } });
  const { url, key_file: keyFile } = config.store;
  const keys = await loadStoreKeys({ url, keyFile, random: systemRandom });
  const store = await openStore({ url, keys, clock: systemClock, random: systemRandom, log: silentLog });
  const machines: AskingMachine[] = [];
  for (let at = 0; at < count; at += 1) machines.push(await prepare(store, at, installer));
  await store.close();
  const server = await start();
  return { port, machines, stop: () => server.stop() };
}

async function writeInstaller(data: string): Promise<string> {
  const [bytes, sha256] = [1, createHash('sha256').update('x').digest('hex')];
  const file = { bytes, sha256 };
  const directory = join(installerDirectory(data), sha256);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of ['installer.iso', 'linux26', 'initrd.img']) await writeFile(join(directory, name), 'x');
  const edition = { name: 'proxmox-ve-9.1-1', product: 'pve', title: 'Proxmox VE', release: '9.1', isoRelease: '1' };
  const rest = { iso: file, kernel: file, initrd: file, carrier: 'overlay', problem: null, fault: null, addedAt: 0 };
  await writeFile(join(directory, 'installer.json'), JSON.stringify({ ...edition, ...rest }));
  return sha256;
}

async function prepare(store: Store, at: number, installer: string): Promise<AskingMachine> {
  const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const text = `52:54:00:0a:${(at >> 8).toString(16).padStart(2, '0')}:${(at & 255).toString(16).padStart(2, '0')}`;
  const mac = parseMac(text);
  if (mac === undefined) throw new TypeError('no MAC');
  const { uuid } = await store.transaction((tx) =>
    nodes.create(tx, { driver: 'manual-management', name: `pve${at}`, ports: [{ address: mac }] }, { who: 'system' }),
  );
  await store.db.updateTable('nodes').set({ provision_state: 'deploy hold' }).where('uuid', '=', uuid).execute();
  const book = installBook({ ...common, nodes, certificate: null, onMove: () => Promise.resolve() });
  await createRootPasswords({ ...common, configured: () => Promise.resolve(null) }).of(uuid);
  const made = await book.begin({ nodeUuid: uuid, deployment: `bench-${at}`, plan: planOf(`pve${at}.home.arpa`, text, installer) });
  await book.arm(made.uuid);
  const { answer } = await book.secrets(made.uuid);
  const body = {
    $schema: { version: '1.0' },
    product: { fullname: 'Proxmox VE', product: 'pve', enable_btrfs: true },
    iso: { release: '9.1', isorelease: '1' },
    dmi: { system: { name: 'bench' }, baseboard: {}, chassis: {} },
    network_interfaces: [{ link: 'enp1s0', mac: text }],
  };
  return { path: `/install/answer/${answer}`, body: JSON.stringify(body) };
}

function planOf(fqdn: string, managementMac: string, installer: string): InstallPlan {
  return {
    installer,
    profile: 'pve',
    filesystem: 'zfs',
    raid: 'raid1',
    disks: [],
    stamps: null,
    selection: { filter: { ID_PART_TABLE_UUID: 'deadbeef-*' }, 'filter-match': 'any' },
    fqdn,
    managementMac,
    address: { cidr: '10.0.0.11/24', gateway: '10.0.0.1', dns: '10.0.0.1' },
    document: { global: { keyboard: 'de', country: 'at', timezone: 'Europe/Vienna', mailto: 'root@home.arpa', fqdn, 'root-ssh-keys': [] } },
  };
}
