// What OpenStack's agent reports, read as far as it concerns the node: its ports, properties, BMC. The agent's releases differ and its
// hardware managers add, so that everything may be missing and nothing is believed to have a type. Pure.

import { type Mac, parseMac } from '../lib/index.ts';
import type { JsonObject, JsonValue } from '../nodes/index.ts';
import { cleanSerial } from './identity.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const ROOT_DISK_MIN_BYTES = 4 * GIB;
const MAX_INTERFACES = 128;

export interface ReadInventory {
  /** Every card's address. */
  readonly macs: readonly Mac[];
  /** Those of which ports are made, as Ironic does by default: the one it booted through, else those with an address, else all. */
  readonly ports: readonly { readonly address: Mac; readonly pxeEnabled: boolean }[];
  readonly bmcAddresses: readonly string[];
  readonly properties: JsonObject;
  readonly smbiosSerial: string | null;
}

interface Card {
  readonly address: Mac;
  readonly hasAddress: boolean;
}

export function readInventory(inventory: JsonObject): ReadInventory {
  const cards = cardsOf(inventory.interfaces);
  const pxe = pxeOf(objectOf(inventory.boot).pxe_interface);
  return {
    macs: cards.map((card) => card.address),
    ports: portsOf(cards, pxe),
    bmcAddresses: [inventory.bmc_address, inventory.bmc_v6address].flatMap((one) => (isAddress(one) ? [one.toLowerCase()] : [])),
    properties: propertiesOf(inventory),
    smbiosSerial: cleanSerial(textOf(objectOf(inventory.system_vendor).serial_number)),
  };
}

function cardsOf(value: JsonValue | undefined): Card[] {
  const seen = new Set<string>();
  return listOf(value)
    .slice(0, MAX_INTERFACES)
    .flatMap((one) => {
      const card = objectOf(one);
      const address = parseMac(textOf(card.mac_address) ?? '');
      if (address === undefined || seen.has(address)) return [];
      seen.add(address);
      return [{ address, hasAddress: textOf(card.ipv4_address) !== null || textOf(card.ipv6_address) !== null }];
    });
}

function portsOf(cards: readonly Card[], pxe: Mac | undefined): ReadInventory['ports'] {
  const booted = cards.filter((card) => card.address === pxe);
  const active = cards.filter((card) => card.hasAddress);
  const [chosen = []] = [booted, active, cards].filter((some) => some.length > 0);
  return chosen.map(({ address }) => ({ address, pxeEnabled: pxe === undefined || address === pxe }));
}

/** 01-aa-bb-cc-dd-ee-ff, as PXELINUX's BOOTIF has it: the hardware type is before the address. */
function pxeOf(value: JsonValue | undefined): Mac | undefined {
  const text = textOf(value) ?? '';
  return parseMac(text) ?? parseMac(text.replace(/^01-/, ''));
}

function propertiesOf(inventory: JsonObject): JsonObject {
  const cpu = objectOf(inventory.cpu);
  const memory = objectOf(inventory.memory);
  const total = numberOf(memory.total);
  const memoryMb = numberOf(memory.physical_mb) ?? (total === null ? null : Math.floor(total / MIB));
  const sizes = listOf(inventory.disks).flatMap((disk) => numberOf(objectOf(disk).size) ?? []);
  const roots = sizes.filter((size) => size >= ROOT_DISK_MIN_BYTES);
  const found = {
    cpus: numberOf(cpu.count),
    cpu_arch: textOf(cpu.architecture),
    memory_mb: memoryMb,
    local_gb: roots.length === 0 ? null : Math.floor(Math.min(...roots) / GIB),
    vendor: textOf(objectOf(inventory.system_vendor).manufacturer),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}

/** With what the node has already: other capabilities stay. */
export function withBootMode(properties: JsonObject, inventory: JsonObject): JsonObject {
  const mode = textOf(objectOf(inventory.boot).current_boot_mode);
  if (mode !== 'bios' && mode !== 'uefi') return properties;
  const others = (textOf(properties.capabilities) ?? '').split(',').filter((one) => one !== '' && !one.startsWith('boot_mode:'));
  return { ...properties, capabilities: [`boot_mode:${mode}`, ...others].join(',') };
}

/** IPMI's tools say 0.0.0.0 for a BMC without an address. */
function isAddress(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '' && value !== '0.0.0.0' && value !== '::/0' && value !== '::';
}

function objectOf(value: JsonValue | undefined): JsonObject {
  // A list is no object here; what is left of JSON is one or has no keys.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []; // Array.isArray forgets what readonly lists hold
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 256) : null;
}

function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
