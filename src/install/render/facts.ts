// What expressions of templates may ask for: of the machine, its address, cluster and profile. No secret is among them.

import type { JsonObject } from '../../nodes/index.ts';
import type { Edition, InstallAddress } from '../seam.ts';
import type { InstallDefaults } from './document-render.ts';

export type Variables = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface MachineFacts {
  readonly uuid: string;
  readonly name: string | null;
  readonly serial: string | null;
  readonly product: string | null;
  readonly manufacturer: string | null;
  readonly memoryMb: number | null;
  readonly cpus: number | null;
  readonly macs: readonly string[];
}

export interface FactSources {
  readonly machine: MachineFacts;
  readonly managementMac: string | null;
  readonly address: InstallAddress | null;
  readonly profile: { readonly name: string; readonly variables: Variables };
  readonly cluster: string | null;
  readonly install: InstallDefaults & { readonly domain: string };
  readonly installer: Pick<Edition, 'product' | 'release'>;
}

export function factsOf({ machine, managementMac, address, profile, cluster, install, installer }: FactSources): JsonObject {
  return {
    node: {
      uuid: machine.uuid,
      name: machine.name,
      serial: machine.serial,
      product: machine.product,
      manufacturer: machine.manufacturer,
      memory_mb: machine.memoryMb,
      cpus: machine.cpus,
      macs: machine.macs,
    },
    management: {
      mac: managementMac,
      address: address?.cidr.split('/')[0] ?? null,
      cidr: address?.cidr ?? null,
      gateway: address?.gateway ?? null,
      dns: address?.dns ?? null,
    },
    cluster: { name: cluster },
    profile: { name: profile.name },
    variables: { ...profile.variables },
    install: {
      keyboard: install.keyboard,
      country: install.country,
      timezone: install.timezone,
      mailto: install.mailto,
      domain: install.domain,
      root_keys: install.rootKeys,
    },
    installer: { product: installer.product, release: installer.release },
  };
}

/** Of a node's record and the inventory that the agent reported last, whatever of it there is. */
export function machineFacts(
  node: { readonly uuid: string; readonly name: string | null; readonly smbiosSerial: string | null; readonly properties: JsonObject },
  inventory: JsonObject | null,
  macs: readonly string[],
): MachineFacts {
  const vendor = tableIn(inventory?.system_vendor);
  const memory = tableIn(inventory?.memory);
  const cpu = tableIn(inventory?.cpu);
  return {
    uuid: node.uuid,
    name: node.name,
    serial: node.smbiosSerial ?? textIn(vendor.serial_number),
    product: textIn(vendor.product_name),
    manufacturer: textIn(vendor.manufacturer),
    memoryMb: numberIn(memory.physical_mb) ?? numberIn(node.properties.memory_mb),
    cpus: numberIn(cpu.count) ?? numberIn(node.properties.cpus),
    macs,
  };
}

/** The port by which the machine is installed and then managed: the one it booted through last, else the first that may boot. */
export function managementMacOf(
  inventory: JsonObject | null,
  ports: readonly { readonly address: string; readonly pxeEnabled: boolean }[],
): string | null {
  const booted = textIn(tableIn(inventory?.boot).pxe_interface);
  const isOwn = ports.some(({ address }) => address === booted);
  return (isOwn ? booted : (ports.find(({ pxeEnabled }) => pxeEnabled)?.address ?? ports[0]?.address)) ?? null;
}

function tableIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // any object has keys
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Properties may be set by hand, and then be texts. */
function numberIn(value: unknown): number | null {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : null;
}
