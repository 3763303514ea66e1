// What a person says of identity: that a discovered machine is a node which we know, with a new mainboard say; and that a network card has its
// place for good. Nothing of this happens by itself.

import { type Clock, isoTime, type Mac } from '../lib/index.ts';
import { type By, isTransient, type Node, type Nodes, nodeTitle, type Port } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { createMacSightings, type MacSighting } from './mac-sightings.ts';
import { mergeRefusal } from './merge-decide.ts';
import { MAY_BE, type MayBe, mayBeIn } from './write-node.ts';

export interface Identities {
  /** The node as it is then; the discovered one is gone. Throws inspect.not_merged. */
  merge(from: Node, into: Node, options: { readonly dropPorts: boolean }, by: By): Promise<Node>;
  /** Network cards that identify no machine, with the UUIDs under which they were seen. */
  sharedMacs(): Promise<MacSighting[]>;
  /** The card identifies again; with a node it is a port of that from now on. Throws inspect.mac_not_shared. */
  forgetMac(mac: Mac, to: Node | null, by: By): Promise<void>;
  mayBe(node: Node): readonly MayBe[];
}

export interface IdentitiesOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
}

export function createIdentities({ store, nodes, clock }: IdentitiesOptions): Identities {
  const sightings = createMacSightings({ clock });
  return {
    merge: (from, into, { dropPorts }, by) =>
      store.transaction(async (tx) => {
        const [one, other] = [await nodes.get(from.uuid, tx), await nodes.get(into.uuid, tx)];
        const ports = await nodes.ports.ofNodes([one.uuid, other.uuid], tx);
        const report = await nodes.inventory(one.uuid, tx);
        const macs = new Set([...macsIn(report?.inventory), ...ports.filter(({ nodeUuid }) => nodeUuid === one.uuid).map(addressOf)]);
        const gone = ports.filter(({ nodeUuid, address }) => nodeUuid === other.uuid && !macs.has(address));
        const isApproved = await approved(tx, one.uuid);
        const refusal = mergeRefusal({ from: one, into: other, isApproved, heard: await heardSince(tx, one, other, gone) });
        if (refusal !== undefined) throw fail('inspect.not_merged', refusal);
        await tx.deleteFrom('node_disks').where('node_uuid', '=', other.uuid).execute();
        await tx.updateTable('node_disks').set({ node_uuid: other.uuid }).where('node_uuid', '=', one.uuid).execute();
        await tx.updateTable('boot_secrets').set({ node_uuid: other.uuid }).where('node_uuid', '=', one.uuid).execute();
        await nodes.remove(tx, one, by);
        if (dropPorts) for (const port of gone) await nodes.ports.remove(tx, port.uuid);
        const moved = ports.filter(({ nodeUuid }) => nodeUuid === one.uuid);
        for (const { address, pxeEnabled } of moved) await nodes.ports.add(tx, other.uuid, { address, pxeEnabled });
        const { [MAY_BE]: _, ...driverInternalInfo } = other.driverInternalInfo;
        const names = { smbiosUuid: one.smbiosUuid ?? other.smbiosUuid, smbiosSerial: one.smbiosSerial ?? other.smbiosSerial };
        const properties = { ...other.properties, ...one.properties };
        const node = await nodes.update(tx, other, { ...names, properties, driverInternalInfo }, by);
        if (report !== undefined) await nodes.saveInventory(tx, other.uuid, report);
        for (const mac of macs) await sightings.forget(tx, mac);
        const message = `${nodeTitle(one)} is ${nodeTitle(other)}, said ${by.actor ?? by.who}: it has the SMBIOS UUID ${names.smbiosUuid ?? 'none'} now, and the ports ${moved.map(addressOf).join(', ') || 'that it had'}${dropPorts && gone.length > 0 ? `, and no longer ${gone.map(addressOf).join(', ')}` : ''}`;
        const data = { removed: [one.uuid], added: moved.map(addressOf), dropped: dropPorts ? gone.map(addressOf) : [] };
        await store.events.append(tx, { type: 'node.merged', nodeUuid: other.uuid, message, data });
        return node;
      }),

    sharedMacs: () => sightings.listShared(store.db),

    forgetMac: (mac, to, by) =>
      store.transaction(async (tx) => {
        const count = await sightings.forget(tx, mac);
        const port = await nodes.ports.findByAddress(mac, tx);
        if (count === 0 && to === null)
          throw fail('inspect.mac_not_shared', {
            message: `${mac} was not seen in any machine with an SMBIOS UUID`,
            hint: 'GET /api/shared-macs lists those that identify no machine.',
          });
        const where = to === null ? '' : await placed(tx, mac, port, to);
        const message = `${mac} identifies machines again, said ${by.actor ?? by.who}${where}`;
        const nodeUuid = to?.uuid ?? port?.nodeUuid;
        await store.events.append(tx, {
          type: 'inspect.mac_forgotten',
          ...(nodeUuid === undefined ? {} : { nodeUuid }),
          message,
          data: { mac },
        });
        store.reasons.note({ subject: `mac:${mac}`, area: 'inspect', decision: 'identifies again', reason: message });
      }),

    mayBe: ({ driverInternalInfo }) => mayBeIn(driverInternalInfo),
  };

  async function placed(tx: Tx, mac: Mac, port: Port | undefined, to: Node): Promise<string> {
    if (port?.nodeUuid === to.uuid) return `, as a port of ${nodeTitle(to)}`;
    const old = port === undefined ? undefined : await nodes.get(port.nodeUuid, tx);
    const busy = [old, await nodes.get(to.uuid, tx)].find((node) => node !== undefined && isTransient(node.provisionState));
    if (busy !== undefined)
      throw fail('inspect.not_merged', {
        message: `${nodeTitle(busy)} is in "${busy.provisionState}": its ports stay as they are`,
        hint: 'Wait until that has ended.',
      });
    if (port === undefined) await nodes.ports.add(tx, to.uuid, { address: mac });
    else await nodes.ports.update(tx, port.uuid, { nodeUuid: to.uuid });
    return `; it is a port of ${nodeTitle(to)} now${old === undefined ? '' : `, and no longer of ${nodeTitle(old)}`}`;
  }
}

async function approved(tx: Tx, nodeUuid: string): Promise<boolean> {
  const row = tx.selectFrom('enrolments').select('state').where('node_uuid', '=', nodeUuid);
  return (await row.executeTakeFirst())?.state === 'approved';
}

/** Signs that the node itself is there, as another machine: its report, its boots, its addresses, its cards under its own UUID. */
async function heardSince(tx: Tx, from: Node, into: Node, ownPorts: readonly Port[]): Promise<string[]> {
  const since = from.createdAt;
  const heard: string[] = [];
  const report = await tx.selectFrom('inventories').select('received_at').where('node_uuid', '=', into.uuid).executeTakeFirst();
  if (report !== undefined && report.received_at > since) heard.push(`its agent reported at ${isoTime(report.received_at)}`);
  const agent = tx.selectFrom('boot_secrets').select('created_at').where('node_uuid', '=', into.uuid).where('created_at', '>', since);
  if ((await agent.executeTakeFirst()) !== undefined) heard.push('its agent was booted');
  const macs = ownPorts.map(addressOf);
  if (macs.length === 0) return heard;
  const boot = tx.selectFrom('boot_secrets').select('mac').where('mac', 'in', macs).where('created_at', '>', since);
  const booted = await boot.executeTakeFirst();
  if (booted !== undefined) heard.push(`it booted by ${booted.mac}`);
  const lease = tx.selectFrom('dhcp_leases').select(['mac', 'address']).where('mac', 'in', macs).where('starts_at', '>', since);
  const leased = await lease.executeTakeFirst();
  if (leased !== undefined) heard.push(`${leased.mac} was given the address ${leased.address}`);
  if (into.smbiosUuid === null) return heard;
  const card = tx.selectFrom('mac_sightings').select('mac').where('mac', 'in', macs).where('smbios_uuid', '=', into.smbiosUuid);
  const seen = await card.where('last_seen_at', '>', since).executeTakeFirst();
  if (seen !== undefined) heard.push(`${seen.mac} was seen under its SMBIOS UUID`);
  return heard;
}

function addressOf({ address }: Pick<Port, 'address'>): string {
  return address;
}

function macsIn(inventory: unknown): string[] {
  if (typeof inventory !== 'object' || inventory === null || !('interfaces' in inventory) || !Array.isArray(inventory.interfaces))
    return [];
  const cards: readonly unknown[] = inventory.interfaces;
  return cards.flatMap((card) =>
    typeof card === 'object' && card !== null && 'mac_address' in card && typeof card.mac_address === 'string' ? [card.mac_address] : [],
  );
}
