// A report of OpenStack's agent: which node it is from, and what of it the node keeps. Auto-discovery is a new node in `enroll`, and only
// while enrolment is open.

import type { Log } from '../lib/index.ts';
import { RackseedError } from '../lib/index.ts';
import type { JsonObject, Node, Nodes, Records } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { checkDiscoveryRoom, DISCOVERED_DRIVER } from './discovered.ts';
import { fail } from './errors.ts';
import { type ReadInventory, readInventory, withBootMode } from './ipa-inventory.ts';
import { sharedOf } from './mac-sightings.ts';
import { createRuleRunner } from './rules-apply.ts';

export interface AgentReport {
  readonly nodeUuid: string | null;
  readonly inventory: JsonObject;
  /** Everything beside the inventory. */
  readonly pluginData: JsonObject;
  readonly wantsToken: boolean;
}

export interface ReportsOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly rules: Pick<Records['rules'], 'list'>;
  readonly log: Log;
  readonly isEnrolmentOpen: () => Promise<boolean>;
  readonly maxDiscovered?: number;
}

export interface Reports {
  find(report: AgentReport): Promise<{ readonly node: Node; readonly isNew: boolean }>;
  /** What the life cycle shall be told when it is kept: the end of inspection, or why it failed. */
  keep(uuid: string, report: AgentReport, isNew: boolean): Promise<{ readonly status: 'end' | 'error'; readonly message?: string }>;
}

const BY = { who: 'system', actor: 'inspection' } as const;
const WAITING_MAX = 1000;

export function createReports(options: ReportsOptions): Reports {
  const { store, nodes, log, isEnrolmentOpen, maxDiscovered } = options;
  const ruled = createRuleRunner(options);

  async function byBmc(addresses: readonly string[]): Promise<Node[]> {
    if (addresses.length === 0) return [];
    const waiting = await nodes.list({ filters: { provisionState: 'inspect wait' }, limit: WAITING_MAX });
    return waiting.filter((node) => bmcHosts(node).some((host) => addresses.includes(host)));
  }

  /** Undefined: nobody has any part of it. Null: it is somebody that it may not be. */
  async function owner({ macs, bmcAddresses }: ReadInventory, nodeUuid: string | null): Promise<Node | undefined | null> {
    const named = nodeUuid === null ? undefined : await nodes.find(nodeUuid);
    if (nodeUuid !== null && named === undefined) return null;
    // A card that goes from machine to machine identifies none.
    const shared = await sharedOf(store.db, macs);
    const [byMac, ...more] = await nodes.findByAddresses(macs.filter((mac) => !shared.has(mac)));
    if (more.length > 0 || (named !== undefined && byMac !== undefined && byMac.node.uuid !== named.uuid)) return null;
    const known = named ?? byMac?.node;
    if (known !== undefined && known.provisionState !== 'inspect wait') return null;
    const sameBmc = await byBmc(bmcAddresses);
    if (sameBmc.length === 0) return known;
    if (known !== undefined) return sameBmc.some((node) => node.uuid === known.uuid) ? known : null;
    return sameBmc.length === 1 ? sameBmc[0] : null;
  }

  async function discover(read: ReadInventory): Promise<Node> {
    return store.transaction(async (tx) => {
      await checkDiscoveryRoom(tx, maxDiscovered);
      const { smbiosSerial, properties, ports } = read;
      const node = await nodes.create(tx, { driver: DISCOVERED_DRIVER, smbiosSerial, properties, ports }, BY);
      const message = `discovered a machine with ${read.macs.length} ports as node ${node.uuid}: no node has one of them`;
      await store.events.append(tx, { type: 'node.discovered', nodeUuid: node.uuid, message });
      return node;
    });
  }

  async function write(tx: Tx, uuid: string, report: AgentReport, isNew: boolean): Promise<string | null> {
    const read = readInventory(report.inventory);
    const node = await nodes.get(uuid, tx);
    const properties = withBootMode({ ...node.properties, ...read.properties }, report.inventory);
    const changed = await nodes.update(
      tx,
      node,
      { properties, ...(read.smbiosSerial === null ? {} : { smbiosSerial: read.smbiosSerial }) },
      BY,
    );
    const known = new Set((await nodes.ports.list({ nodeUuid: node.uuid }, tx)).map((port) => String(port.address)));
    const shared = await sharedOf(tx, read.macs);
    const added = read.ports.filter(({ address }) => !known.has(address) && !shared.has(address));
    for (const port of added) await nodes.ports.add(tx, node.uuid, port);
    const { inventory } = report;
    const { pluginData, failure } = await ruled.run(tx, changed, { inventory, pluginData: pluginDataOf(report, isNew) });
    await nodes.saveInventory(tx, node.uuid, { inventory, pluginData });
    // A new node has no inspection that could fail.
    if (failure !== null && isNew) await nodes.update(tx, changed, { lastError: failure }, BY);
    return failure;
  }

  return {
    async find(report) {
      const read = readInventory(report.inventory);
      if (read.macs.length === 0 && read.bmcAddresses.length === 0 && report.nodeUuid === null)
        throw fail('inspect.bad_report', { message: 'No lookup information provided' });
      const node = await owner(read, report.nodeUuid);
      if (node !== undefined && node !== null) return { node, isNew: false };
      if (node === null || read.ports.length === 0 || !(await isEnrolmentOpen())) {
        log.warn({ addresses: read.macs }, node === null ? 'a report of a node that is not waited for' : 'a report of an unknown machine');
        throw fail('inspect.not_found', { message: 'Resource could not be found.' });
      }
      return { node: await discover(read), isNew: true };
    },

    async keep(uuid, report, isNew) {
      try {
        const failure = await store.transaction((tx) => write(tx, uuid, report, isNew));
        return failure === null ? { status: 'end' } : { status: 'error', message: failure };
      } catch (error) {
        // What is wrong with the report ends the inspection, as it does in Ironic: the agent has nobody to tell.
        if (!(error instanceof RackseedError)) throw error;
        log.warn({ node: uuid, code: error.code }, error.message);
        return { status: 'error', message: error.message };
      }
    },
  };
}

/** The agent's journal, packed, is not what the machine is. */
function pluginDataOf({ pluginData }: AgentReport, isNew: boolean): JsonObject {
  const { logs: _, ...rest } = pluginData;
  return isNew ? { ...rest, auto_discovered: true } : rest;
}

/** Addresses in the clear: ipmi_address, redfish_address and the like. */
function bmcHosts({ driverInfo }: Node): string[] {
  return Object.entries(driverInfo).flatMap(([key, value]) => {
    if (!key.endsWith('_address') || typeof value !== 'string') return [];
    const host = (URL.parse(value)?.hostname ?? '') || value;
    return [host.replace(/^\[|\]$/g, '').toLowerCase()];
  });
}
