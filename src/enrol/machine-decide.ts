// What rules and names look at of a machine, out of its last report and its ports. Pure. Everything in it is what strangers claim.

import { type Mac, parseMac } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import { type DiskFacts, disksOf, type Report, records, text } from './disks-decide.ts';

export interface Neighbour {
  readonly switchName: string | null;
  readonly port: string | null;
}

export interface MachineFacts {
  readonly manufacturer: string | null;
  readonly product: string | null;
  readonly serial: string | null;
  readonly uuid: string | null;
  /** The one it booted through first. */
  readonly macs: readonly Mac[];
  readonly cpus: number | null;
  readonly memoryMb: number | null;
  readonly disks: readonly DiskFacts[];
  readonly fastestMbps: number | null;
  readonly addresses: readonly string[];
  /** The switch ports it was heard at. */
  readonly neighbours: readonly Neighbour[];
}

export interface KnownPort {
  readonly address: Mac;
  readonly localLinkConnection: JsonObject;
}

const MIB = 1024 ** 2;

export function factsOf(report: Report, ports: readonly KnownPort[] = []): MachineFacts {
  const { inventory, pluginData } = report;
  const vendor = record(inventory.system_vendor);
  const cards = records(inventory.interfaces);
  const memory = record(inventory.memory);
  const speeds = cards.flatMap((card) => number(card.speed_mbps) ?? []);
  return {
    manufacturer: text(vendor.manufacturer),
    product: text(vendor.product_name),
    serial: text(vendor.serial_number),
    uuid: text(vendor.uuid)?.toLowerCase() ?? null,
    macs: macsOf(inventory, cards, ports),
    cpus: number(record(inventory.cpu).count),
    memoryMb: number(memory.physical_mb) ?? mebibytes(number(memory.total)),
    disks: disksOf(report),
    fastestMbps: speeds.length === 0 ? null : Math.max(...speeds),
    addresses: cards.flatMap((card) => text(card.ipv4_address) ?? []),
    neighbours: [...neighboursIn(pluginData), ...ports.flatMap(neighbourOfPort)],
  };
}

function macsOf(inventory: JsonObject, cards: readonly Readonly<Record<string, unknown>>[], ports: readonly KnownPort[]): Mac[] {
  const booted = text(record(inventory.boot).pxe_interface);
  const reported = [booted, ...cards.map((card) => text(card.mac_address))].flatMap((mac) => parseMac(mac ?? '') ?? []);
  return [...new Set([...reported, ...ports.map(({ address }) => address)])];
}

/** Ironic's name for what its agent parsed, by interface: switch_system_name and switch_port_id. */
function neighboursIn({ parsed_lldp: parsed }: JsonObject): Neighbour[] {
  return Object.values(record(parsed)).map((one) => {
    const heard = record(one);
    return { switchName: text(heard.switch_system_name), port: text(heard.switch_port_id) ?? text(heard.switch_port_description) };
  });
}

function neighbourOfPort({ localLinkConnection: link }: KnownPort): Neighbour[] {
  const neighbour = { switchName: text(link.switch_info), port: text(link.port_id) };
  return neighbour.switchName === null && neighbour.port === null ? [] : [neighbour];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}; // an object by the check
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function mebibytes(bytes: number | null): number | null {
  return bytes === null ? null : Math.floor(bytes / MIB);
}
