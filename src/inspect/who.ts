// Who a machine is: gathers what is known of the nodes that it could be, notes what network cards go from machine to machine, and asks the
// rules. Knows nothing of secrets and tokens.

import { type Clock, type Log, messageOf } from '../lib/index.ts';
import { type FoundNode, type Node, type Nodes, nodeTitle, type Reader } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type Identified, identify, identifyReport } from './identify.ts';
import type { Inventory } from './inventory.ts';
import { diskNames, disksOfNodes, nodesWithDisks } from './known-disks.ts';
import { createMacSightings, type MacSightings } from './mac-sightings.ts';

export interface Who {
  readonly sightings: MacSightings;
  /** By what a machine says while it boots, or its agent when it looks up. */
  boots(macs: readonly string[], smbiosUuid: string | null): Promise<Identified>;
  reports(tx: Tx, report: Identity): Promise<Identified & { readonly shared: ReadonlySet<string> }>;
}

export interface Identity {
  readonly macs: readonly string[];
  readonly smbiosUuid: string | null;
  readonly smbiosSerial: string | null;
  readonly disks: Inventory['disks'];
}

export interface WhoOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxSightings?: number;
}

const SAME_MAX = 8;

export function createWho({ store, nodes, clock, log, maxSightings }: WhoOptions): Who {
  const sightings = createMacSightings({ clock, ...(maxSightings === undefined ? {} : { maxRows: maxSightings }) });

  async function nodesWith(column: 'smbios_uuid' | 'smbios_serial', value: string | null, on: Reader): Promise<Node[]> {
    if (value === null) return [];
    const rows = await on.selectFrom('nodes').select('uuid').where(column, '=', value).orderBy('uuid').limit(SAME_MAX).execute();
    return Promise.all(rows.map((row) => nodes.get(row.uuid, on)));
  }

  async function sharedAmong(macs: readonly string[], on: Reader): Promise<ReadonlySet<string>> {
    return new Set((await sightings.sharedOf(on, macs)).keys());
  }

  /** Also those of nodes that reported before there was a memory of it, or never did. */
  async function note(tx: Tx, macs: readonly string[], smbiosUuid: string, byMac: readonly FoundNode[]): Promise<void> {
    const became = new Set<string>();
    for (const { node, ports } of byMac) {
      if (node.smbiosUuid === null) continue;
      for (const mac of await sightings.note(
        tx,
        ports.map(({ address }) => address),
        node.smbiosUuid,
      ))
        became.add(mac);
    }
    for (const mac of await sightings.note(tx, macs, smbiosUuid)) became.add(mac);
    for (const mac of became) await tell(tx, mac, byMac);
  }

  async function tell(tx: Tx, mac: string, byMac: readonly FoundNode[]): Promise<void> {
    const owner = byMac.find(({ ports }) => ports.some(({ address }) => address === mac))?.node;
    const uuids = (await sightings.sharedOf(tx, [mac])).get(mac) ?? [];
    const reason = `${mac}${owner === undefined ? '' : `, a port of ${nodeTitle(owner)},`} was seen under the SMBIOS UUIDs ${uuids.join(' and ')}: it identifies no machine any more`;
    const hint = `If the card has its place for good: rackseed node forget-mac ${mac} --to NODE`;
    await store.events.append(tx, {
      type: 'inspect.mac_shared',
      severity: 'warning',
      ...(owner === undefined ? {} : { nodeUuid: owner.uuid }),
      message: `${reason}. ${hint}`,
      data: { mac, smbiosUuids: [...uuids] },
    });
    const subjects = [`mac:${mac}`, ...(owner === undefined ? [] : [`node:${owner.uuid}`])];
    for (const subject of subjects)
      store.reasons.note({ subject, area: 'inspect', decision: 'identifies nobody', reason: `${reason}. ${hint}` });
  }

  /** At each boot of a machine with somebody else's card, but written only when it is news. */
  async function noteBoot(macs: readonly string[], smbiosUuid: string, byMac: readonly FoundNode[]): Promise<void> {
    const odd = byMac.filter(({ node }) => node.smbiosUuid !== null && node.smbiosUuid !== smbiosUuid);
    const cards = odd.flatMap(({ ports }) => ports.map(({ address }) => String(address))).filter((mac) => macs.includes(mac));
    const news: string[] = [];
    for (const mac of cards) if (await sightings.isNews(store.db, mac, smbiosUuid)) news.push(mac);
    if (news.length === 0) return;
    try {
      await store.transaction((tx) => note(tx, news, smbiosUuid, odd));
    } catch (thrown) {
      // The machine is answered all the same: by the rules it is none of those nodes, noted or not.
      log.warn({ macs: news, error: messageOf(thrown) }, 'a network card was seen under another SMBIOS UUID, which could not be written');
    }
  }

  return {
    sightings,

    async boots(macs, smbiosUuid) {
      const byMac = await nodes.findByAddresses(macs);
      const byUuid = await nodesWith('smbios_uuid', smbiosUuid, store.db);
      if (smbiosUuid !== null) await noteBoot(macs, smbiosUuid, byMac);
      // Where there are two UUIDs to compare these decide, so that a storm of boots asks nothing more.
      const isAsked = byMac.some(({ node }) => smbiosUuid === null || node.smbiosUuid === null);
      const shared = isAsked ? await sharedAmong(macs, store.db) : new Set<string>();
      return identify({ byMac, byUuid, smbiosUuid, shared });
    },

    async reports(tx, { macs, smbiosUuid, smbiosSerial, disks: reported }) {
      const byMac = await nodes.findByAddresses(macs, tx);
      if (smbiosUuid !== null) await note(tx, macs, smbiosUuid, byMac);
      const disks = diskNames(reported);
      const byUuid = await nodesWith('smbios_uuid', smbiosUuid, tx);
      const bySerial = await nodesWith('smbios_serial', smbiosSerial, tx);
      const byDisks = await Promise.all((await nodesWithDisks(tx, disks)).map((uuid) => nodes.get(uuid, tx)));
      const all = [...new Set([...byMac.map(({ node }) => node), ...byUuid, ...bySerial, ...byDisks].map(({ uuid }) => uuid))];
      const disksOf = await disksOfNodes(tx, all);
      const withPorts = new Set(all.length === 0 ? [] : (await nodes.ports.ofNodes(all, tx)).map(({ nodeUuid }) => String(nodeUuid)));
      const shared = await sharedAmong(macs, tx);
      const found = identifyReport({ byMac, byUuid, bySerial, byDisks, smbiosUuid, smbiosSerial, shared, disks, disksOf, withPorts });
      return { ...found, shared };
    },
  };
}
