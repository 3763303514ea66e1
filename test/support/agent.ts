// A machine that boots from the network and reports itself, as far as the appliance sees it: its boot script over the boot listener, then
// look-up and inventory over the API. With it the boot files that such a boot needs, in name only.

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Connection } from '../../src/cli/index.ts';
import {
  AGENT_PATHS,
  type InventoryReply,
  type InventoryRequest,
  KERNEL_WORDS,
  type LookupReply,
  type LookupRequest,
} from '../../src/inspect/index.ts';
import { Secret } from '../../src/lib/index.ts';
import { type Site, withClient } from './appliance.ts';

const FILES = ['agent/vmlinuz-amd64', 'agent/initrd-amd64'];

/** Before the appliance starts: it reads the manifest once. */
export async function writeBootFiles(directory: string): Promise<void> {
  const artefacts = [];
  for (const name of FILES) {
    await mkdir(dirname(join(directory, name)), { recursive: true, mode: 0o700 });
    await writeFile(join(directory, name), name);
    artefacts.push({ name, size: name.length, sha256: createHash('sha256').update(name).digest('hex') });
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify({ artefacts }));
}

export interface Machine {
  readonly mac: string;
  readonly uuid?: string;
  readonly memoryMb?: number;
}

export interface AgentPorts {
  readonly site: Pick<Site, 'bootPort' | 'dataDir'>;
}

/** Boots once and reports; gives the node's UUID. */
export async function enrolMachine({ site }: AgentPorts, machine: Machine): Promise<string> {
  const secret = await fetchSecret(site.bootPort, machine);
  const { token } = await lookUp(site, { secret, claim: claimOf(machine, secret), ...namesOf(machine) });
  return (await postInventory(site, token, machine)).node.uuid;
}

/** The script holds no secret: it sends the machine to its own disk. */
export class NoSecret extends Error {
  override readonly name = 'NoSecret';
}

/** The one-time secret in the script that iPXE gets. */
export async function fetchSecret(bootPort: number, { mac, uuid = '' }: Machine): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${bootPort}/boot/machine.ipxe?mac=${mac.replaceAll(':', '-')}&uuid=${uuid}`);
  const script = await response.text();
  const secret = new RegExp(`${KERNEL_WORDS.secret}=(\\S+)`).exec(script)?.[1];
  if (!response.ok) throw new Error(`HTTP ${response.status} for the script of ${mac}: ${script}`);
  if (secret === undefined) throw new NoSecret(`no secret in the script for ${mac}: ${script}`);
  return secret;
}

export function namesOf({ mac, uuid }: Machine): Pick<LookupRequest, 'macs' | 'smbiosUuid' | 'agentVersion'> {
  return { macs: [mac], smbiosUuid: uuid ?? null, agentVersion: '0.1.0' };
}

export async function lookUp(site: AgentPorts['site'], request: LookupRequest): Promise<LookupReply> {
  return (await post(site, undefined, AGENT_PATHS.lookup, request)) as LookupReply; // our own API
}

export async function postInventory(site: AgentPorts['site'], token: string, machine: Machine): Promise<InventoryReply> {
  return (await post(site, new Secret(token), AGENT_PATHS.inventory, inventoryOf(machine))) as InventoryReply; // our own API
}

/** The same for the same boot, as the agent keeps it. */
export function claimOf({ mac }: Machine, secret: string): string {
  return createHash('sha256').update(`${mac} ${secret}`).digest('base64url');
}

function post(site: AgentPorts['site'], token: Connection['token'], path: string, body: unknown): Promise<unknown> {
  return withClient(site, (client) => client.send('POST', path, body), token);
}

export function inventoryOf({ mac, uuid, memoryMb = 16_384 }: Machine): InventoryRequest {
  return {
    inventory: {
      cpu: { model_name: 'N100', frequency: '3400', count: 4, architecture: 'x86_64', flags: ['vmx'], socket_count: 1 },
      memory: { total: memoryMb * 1024 * 1024, physical_mb: memoryMb },
      disks: [
        {
          name: '/dev/nvme0n1',
          model: 'SSD',
          size: 512_000_000_000,
          rotational: false,
          wwn: null,
          serial: `S${mac.replaceAll(':', '')}`,
          vendor: null,
          wwn_with_extension: null,
          wwn_vendor_extension: null,
          hctl: null,
          by_path: null,
          transport: 'nvme',
          removable: false,
          read_only: false,
        },
      ],
      interfaces: [
        {
          name: 'eth0',
          mac_address: mac,
          ipv4_address: '10.0.0.10',
          ipv6_address: null,
          has_carrier: true,
          vendor: null,
          product: null,
          speed_mbps: 1000,
          driver: 'igc',
        },
      ],
      system_vendor: {
        manufacturer: 'Example',
        product_name: 'Mini-PC',
        serial_number: null,
        uuid: uuid ?? null,
        firmware: { vendor: null, version: null, build_date: null },
      },
      boot: { current_boot_mode: 'uefi', pxe_interface: mac },
      hostname: null,
      bmc_address: null,
    },
    pluginData: { pci_devices: [], kernel: null, gaps: [] },
  };
}
