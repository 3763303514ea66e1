// What is known of a node without asking its machine, put together for steps: its record, what it was installed as, its configuration, and who
// else is in its cluster.

import type { Config } from '../config/index.ts';
import { bootModeOf } from '../install/index.ts';
import type { Clock } from '../lib/index.ts';
import type { JsonObject, Node, Nodes, ProvisionState } from '../nodes/index.ts';
import { FIRST_BOOT } from '../power/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { type Installed, installedOf, objectIn } from './installed.ts';
import type { MemberAddress, StepLook } from './seam.ts';

export interface LookParts {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly config: Pick<Config, 'profile' | 'cluster' | 'install'>;
}

/** In driver_internal_info: which cluster it is a member of, and since when. */
const MEMBER = 'cluster_member';
/** Likewise: where it is managed since a step has moved it. */
const MANAGED_AT = 'managed_at';
/** The system that joined is still on the disks. */
export const HAS_SYSTEM: readonly ProvisionState[] = [
  'active',
  'servicing',
  'service wait',
  'service hold',
  'service failed',
  'rescue',
  'rescue wait',
];

export async function lookOf(parts: LookParts, nodeUuid: string): Promise<StepLook> {
  const { config } = parts;
  const node = await parts.nodes.get(nodeUuid);
  const [installed, report] = await Promise.all([installedOf(parts.store, node.uuid), parts.nodes.inventory(node.uuid)]);
  const [address] = addressesOf(node, installed);
  if (address === undefined)
    throw fail('pipeline.no_way', {
      message: `the address of ${node.name ?? node.uuid} is not known: it was not installed from here, and no report of a first boot came`,
      hint: 'Deploy it from here, so that its address and host keys are known.',
    });
  const fqdn = installed?.fqdn ?? `${node.name ?? node.uuid}.${config.install.domain}`;
  const profile = config.profile.find(({ name }) => name === node.extra.profile);
  const cluster = config.cluster.find(({ name }) => name === (node.extra.cluster ?? profile?.cluster));
  const known = report === undefined ? null : { inventory: report.inventory, pluginData: report.pluginData };
  return {
    node: {
      uuid: node.uuid,
      name: fqdn.split('.')[0] ?? fqdn,
      fqdn,
      address,
      bootMode: known === null ? bootModeIn(node.bootMode) : (bootModeIn(node.bootMode) ?? bootModeOf(known)),
      memberOf: membershipOf(node, installed),
      hostKeys: hostKeysOf(node),
      properties: node.properties,
      inventory: known === null ? null : { ...known.inventory, plugin_data: known.pluginData },
      systemDisks: installed?.disks ?? [],
    },
    profile: profile === undefined ? { name: null } : plain(profile),
    // Where its secrets are kept is for nobody to see.
    cluster: cluster === undefined ? null : plain({ ...cluster, api_token: undefined, root_password: undefined }),
    members: cluster === undefined ? [] : await membersOf(parts, cluster.name, node.uuid),
  };
}

/** The pipeline that the node's profile names. */
export function pipelineOf({ profile }: Pick<Config, 'profile'>, node: { readonly extra?: unknown }): string | undefined {
  const extra = objectIn(node.extra);
  return profile.find(({ name }) => name === extra.profile)?.pipeline;
}

/** Protected from the first moment on at which the machine may carry data of its cluster; a member when it is one. */
export async function markJoined(
  { nodes, clock, store }: Pick<LookParts, 'nodes' | 'clock' | 'store'>,
  tx: Tx,
  nodeUuid: string,
  { cluster, isMember }: { readonly cluster: string; readonly isMember: boolean },
): Promise<void> {
  const node = await nodes.get(nodeUuid, tx);
  const by = { who: 'system', actor: 'pipeline' } as const;
  const mark = memberMark(node);
  const isMarked = mark?.cluster === cluster || !isMember;
  if (node.protected && isMarked) return;
  const info = isMarked ? {} : { driverInternalInfo: { ...node.driverInternalInfo, [MEMBER]: { cluster, at: clock.now() } } };
  const guard = node.protected ? {} : { protected: true, protectedReason: `a member of the cluster ${cluster}` };
  await nodes.update(tx, node, { ...info, ...guard }, by);
  if (node.protected) return;
  const message = `${node.name ?? node.uuid} is protected: it joins the cluster ${cluster}`;
  await store.events.append(tx, { type: 'pipeline.protected', nodeUuid: node.uuid, message, data: { cluster } });
}

/** Its system has another address for its management now. */
export async function markMoved(
  { nodes, clock }: Pick<LookParts, 'nodes' | 'clock'>,
  tx: Tx,
  nodeUuid: string,
  address: string,
): Promise<void> {
  const node = await nodes.get(nodeUuid, tx);
  const driverInternalInfo = { ...node.driverInternalInfo, [MANAGED_AT]: { address, at: clock.now() } };
  await nodes.update(tx, node, { driverInternalInfo }, { who: 'system', actor: 'pipeline' });
}

async function membersOf(parts: LookParts, cluster: string, without: string): Promise<MemberAddress[]> {
  const { db } = parts.store;
  const marked = await db
    .selectFrom('nodes')
    .select('uuid')
    .where('driver_internal_info', 'like', `%"${MEMBER}"%`)
    .orderBy('uuid')
    .execute();
  const imported = await db.selectFrom('cluster_members').selectAll().where('cluster', '=', cluster).orderBy('member').execute();
  const found = new Map<string, MemberAddress>();
  for (const { node_uuid: uuid, member, addresses } of imported) {
    const node = await parts.nodes.find(uuid);
    if (node !== undefined)
      found.set(uuid, { name: member, nodeUuid: uuid, addresses: textsIn(JSON.parse(addresses)), ...signingIn(node) });
  }
  for (const { uuid } of marked) {
    const node = await parts.nodes.find(uuid);
    const installed = await installedOf(parts.store, uuid);
    if (node === undefined || membershipOf(node, installed) !== cluster) continue;
    const name = installed?.fqdn?.split('.')[0] ?? node.name ?? node.uuid;
    found.set(uuid, { name, nodeUuid: uuid, addresses: addressesOf(node, installed), ...signingIn(node) });
  }
  found.delete(without);
  return [...found.values()];
}

function signingIn(node: Node): Pick<MemberAddress, 'hostKeys' | 'isObserved'> {
  return { hostKeys: hostKeysOf(node), ...(node.observeOnly ? { isObserved: true } : {}) };
}

/** An installation that was begun later has taken away the system that had joined. */
export function membershipOf(node: Node, installed: Installed | undefined): string | null {
  const mark = memberMark(node);
  if (mark === undefined || !HAS_SYSTEM.includes(node.provisionState)) return null;
  return installed === undefined || installed.at <= mark.at ? mark.cluster : null;
}

function memberMark(node: Node): { readonly cluster: string; readonly at: number } | undefined {
  const { cluster, at } = objectIn(node.driverInternalInfo[MEMBER]);
  return typeof cluster === 'string' && typeof at === 'number' ? { cluster, at } : undefined;
}

/** Where a step has moved it, unless it was installed anew since; then what it was given; where it was given none, where its reports came from and what they named. */
export function addressesOf(node: Node, installed: Installed | undefined): string[] {
  const reported = objectIn(node.driverInternalInfo[FIRST_BOOT]);
  const given = installed?.cidr ?? null;
  const { address: moved, at } = objectIn(node.driverInternalInfo[MANAGED_AT]);
  const isMoved = typeof at === 'number' && (installed === undefined || installed.at <= at);
  const told = [installed?.firstBoot?.from, ...textsIn(installed?.firstBoot?.addresses), reported.from, ...textsIn(reported.addresses)];
  const all = [...(isMoved ? [moved] : []), ...(given === null ? told : [given])];
  return [...new Set(all.flatMap((one) => (typeof one === 'string' && one !== '' ? [one.split('/')[0] ?? one] : [])))];
}

export function hostKeysOf(node: Node): string[] {
  return textsIn(objectIn(node.driverInternalInfo[FIRST_BOOT]).ssh_host_keys);
}

function bootModeIn(mode: string | null): 'bios' | 'uefi' | null {
  return mode === 'bios' || mode === 'uefi' ? mode : null;
}

function plain(table: object): JsonObject {
  return JSON.parse(JSON.stringify(table)) as JsonObject; // an object goes in
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}
