// From a report to a node: a new one, or what has changed of a known one. Which node it is was decided before.

import { type Clock, parseMac } from '../lib/index.ts';
import { type JsonObject, type Node, type Nodes, nodeTitle, type PortInput } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { checkDiscoveryRoom, DISCOVERED_DRIVER } from './discovered.ts';
import { fail } from './errors.ts';
import type { Maybe } from './identify.ts';
import { keepDisks } from './known-disks.ts';
import { propertiesOf } from './properties.ts';
import type { InventoryRequest } from './protocol.ts';

/** In driver_internal_info of a discovered node: the nodes that it may be. No rule says yes to it then; a person does. */
export const MAY_BE = 'identity_may_be';

export interface Names {
  readonly smbiosUuid: string | null;
  readonly smbiosSerial: string | null;
}

/** What of the decision about a report goes into the node. */
export interface Decided {
  readonly reason: string;
  readonly maybe: readonly Maybe[];
  /** MACs that identify nobody. */
  readonly shared: ReadonlySet<string>;
}

export interface WriterOptions {
  readonly store: Pick<Store, 'events' | 'reasons'>;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly maxDiscovered?: number;
}

export interface NodeWriter {
  discover(tx: Tx, request: InventoryRequest, names: Names, decided: Decided): Promise<Node>;
  refresh(tx: Tx, node: Node, request: InventoryRequest, names: Names, decided: Decided): Promise<Node>;
}

const BY = { who: 'system', actor: 'discovery' } as const;
const MAYBE_MAX = 8;

export function createNodeWriter({ store, nodes, clock, maxDiscovered }: WriterOptions): NodeWriter {
  /** Its ports, without those that are of another node, and those that go from machine to machine: they are added to none. */
  async function ownPorts(tx: Tx, request: InventoryRequest, { shared }: Decided): Promise<PortInput[]> {
    const ports = portsOf(request);
    const taken = await nodes.findByAddresses(
      ports.map(({ address }) => address),
      tx,
    );
    const others = new Set(taken.flatMap((found) => found.ports.map(({ address }) => String(address))));
    return ports.filter(({ address }) => !others.has(address) && !shared.has(address));
  }

  async function tell(tx: Tx, node: Node, maybe: readonly Maybe[]): Promise<void> {
    for (const one of maybe.slice(0, MAYBE_MAX)) {
      const message = `${nodeTitle(node)} may be ${nodeTitle(one.node)}: ${one.reason}. Nothing is merged by itself, and no rule says yes to it. If it is the same machine: rackseed node merge ${nodeTitle(node)} ${nodeTitle(one.node)}`;
      await store.events.append(tx, {
        type: 'node.may_be',
        severity: 'warning',
        nodeUuid: node.uuid,
        message,
        data: { node: one.node.uuid },
      });
      for (const uuid of [node.uuid, one.node.uuid])
        store.reasons.note({ subject: `node:${uuid}`, area: 'inspect', decision: 'may be the same', reason: message });
    }
  }

  return {
    async discover(tx, request, names, decided) {
      await checkDiscoveryRoom(tx, maxDiscovered);
      const ports = await ownPorts(tx, request, decided);
      await refuseNameless(tx, request, names, ports.length, decided);
      const driverInternalInfo = mayBeInfo({}, decided.maybe);
      const properties = { ...propertiesOf(request.inventory) };
      const node = await nodes.create(tx, { driver: DISCOVERED_DRIVER, ...names, properties, driverInternalInfo, ports }, BY);
      await keepDisks(tx, clock, node.uuid, request.inventory);
      const { manufacturer, product_name: product } = request.inventory.system_vendor;
      const message = `discovered ${[manufacturer, product].filter((one) => one !== null).join(' ') || 'a machine'} with ${request.inventory.disks.length} disks as node ${node.uuid}: ${decided.reason}`;
      await store.events.append(tx, { type: 'node.discovered', nodeUuid: node.uuid, message });
      await tell(tx, node, decided.maybe);
      return node;
    },

    // What is reported is what is: properties follow the hardware, ports are added. A port that is gone stays until a person removes it.
    async refresh(tx, node, request, names, decided) {
      const properties = { ...node.properties, ...propertiesOf(request.inventory) };
      // What was known stays known: a report without it takes nothing away.
      const identity = { smbiosUuid: names.smbiosUuid ?? node.smbiosUuid, smbiosSerial: names.smbiosSerial ?? node.smbiosSerial };
      const maybe = node.provisionState === 'enroll' ? decided.maybe : [];
      const driverInternalInfo = mayBeInfo(node.driverInternalInfo, maybe);
      const known = new Set(mayBeIn(node.driverInternalInfo).map(({ uuid }) => uuid));
      const changed = await nodes.update(tx, node, { ...identity, properties, driverInternalInfo }, BY);
      for (const port of await ownPorts(tx, request, decided)) await nodes.ports.add(tx, node.uuid, port);
      await keepDisks(tx, clock, node.uuid, request.inventory);
      await tell(
        tx,
        changed,
        maybe.filter((one) => !known.has(one.node.uuid)),
      );
      return changed;
    },
  };
}

/** A machine that would not be known again is not remembered: each of its boots would be another node. */
async function refuseNameless(
  tx: Tx,
  { inventory }: InventoryRequest,
  { smbiosUuid }: Names,
  ports: number,
  { reason }: Decided,
): Promise<void> {
  if (ports > 0) return;
  const same = tx.selectFrom('nodes').select('uuid').limit(1);
  if (smbiosUuid !== null && (await same.where('smbios_uuid', '=', smbiosUuid).executeTakeFirst()) === undefined) return;
  const macs = inventory.interfaces.map(({ mac_address: mac }) => mac).join(', ');
  throw fail('inspect.identity_conflict', {
    message: `nothing tells this machine from others: its network cards (${macs}) are those of other nodes or go from machine to machine, and it has no SMBIOS UUID of its own; ${reason}`,
    hint: 'If a card has its place for good: rackseed node forget-mac MAC --to NODE. Otherwise boot the machine by a card of its own.',
  });
}

export interface MayBe {
  readonly uuid: string;
  readonly reason: string;
}

function mayBeInfo(info: JsonObject, maybe: readonly Maybe[]): JsonObject {
  const { [MAY_BE]: _, ...rest } = info;
  if (maybe.length === 0) return rest;
  return { ...rest, [MAY_BE]: maybe.slice(0, MAYBE_MAX).map(({ node, reason }) => ({ uuid: String(node.uuid), reason })) };
}

/** What a discovered node may be. */
export function mayBeIn(info: JsonObject): MayBe[] {
  const kept = info[MAY_BE];
  if (!Array.isArray(kept)) return [];
  const entries: readonly unknown[] = kept;
  return entries.flatMap((one) => {
    if (typeof one !== 'object' || one === null || !('uuid' in one) || !('reason' in one)) return [];
    const { uuid, reason } = one;
    return typeof uuid === 'string' && typeof reason === 'string' ? [{ uuid, reason }] : [];
  });
}

function portsOf({ inventory }: InventoryRequest): PortInput[] {
  return inventory.interfaces.flatMap((card) => {
    const address = parseMac(card.mac_address);
    return address === undefined ? [] : [{ address, pxeEnabled: card.mac_address === inventory.boot.pxe_interface }];
  });
}
