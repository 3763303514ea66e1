// Makes a member one of our nodes: active, protected, only observed. Nothing here reaches a machine.

import {
  type By,
  type JsonObject,
  type Node,
  type Nodes,
  nodeTitle,
  type ProvisionEvent,
  parseNodeUuid,
  type Who,
} from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import type { MemberRecord } from './book.ts';
import type { MemberPlan, SeenMember } from './model.ts';

/** What a person drives: observed machines are switched by nobody. */
const DRIVER = 'manual-management';

interface Step {
  readonly event: ProvisionEvent;
  readonly who: Who;
}

/** The moves of the table that end in `active` and do nothing on the way: all of them in one transaction, so that no task starts. */
const MANAGE: readonly Step[] = [
  { event: 'manage', who: 'user' },
  { event: 'done', who: 'system' },
];
const ADOPT: readonly Step[] = [
  { event: 'adopt', who: 'user' },
  { event: 'done', who: 'system' },
];
const WAYS: Readonly<Record<string, readonly Step[]>> = {
  active: [],
  enroll: [...MANAGE, ...ADOPT],
  manageable: ADOPT,
  available: [{ event: 'manage', who: 'user' }, ...ADOPT],
  'adopt failed': ADOPT,
};

export interface Taking {
  readonly nodes: Nodes;
  readonly cluster: string;
  readonly actor: string;
}

/** `wasObserved`: somebody had it only observed before. */
export async function takeMember(
  tx: Tx,
  { member, nodeUuid }: MemberPlan,
  taking: Taking,
): Promise<{ readonly node: Node; readonly wasObserved: boolean }> {
  const by: By = { who: 'user', actor: taking.actor };
  const known = nodeUuid === null ? undefined : await taking.nodes.get(nodeUuid, tx);
  const node = known ?? (await taking.nodes.create(tx, { driver: DRIVER, name: member.name, smbiosUuid: member.smbiosUuid }, by));
  await addPorts(tx, node, member, taking.nodes);
  const active = await toActive(tx, node, taking);
  return { node: await noted(tx, active, member, taking, by), wasObserved: known?.observeOnly ?? false };
}

/** It is what it was before, as far as its cluster is concerned; it stays active and protected until somebody says otherwise. */
export async function releaseMember(
  tx: Tx,
  { nodeUuid, wasObserved }: Pick<MemberRecord, 'nodeUuid' | 'wasObserved'>,
  { nodes, cluster, actor }: Taking,
): Promise<void> {
  const parsed = parseNodeUuid(nodeUuid);
  const node = parsed === undefined ? undefined : await nodes.find(parsed, tx);
  if (node === undefined) return;
  const { cluster: named, ...extra } = node.extra;
  const changes = { ...(node.observeOnly && wasObserved !== true ? { observeOnly: false } : {}), ...(named === cluster ? { extra } : {}) };
  if (Object.keys(changes).length > 0) await nodes.update(tx, node, changes, { who: 'system', actor });
}

async function addPorts(tx: Tx, { uuid }: Node, { macs }: SeenMember, { ports }: Nodes): Promise<void> {
  const known = new Set((await ports.ofNodes([uuid], tx)).map(({ address }) => address));
  for (const address of macs) if (!known.has(address)) await ports.add(tx, uuid, { address });
}

async function toActive(tx: Tx, node: Node, { nodes, cluster, actor }: Taking): Promise<Node> {
  let now = node;
  const way = WAYS[node.provisionState];
  if (way === undefined) throw new TypeError(`node ${nodeTitle(node)} is ${node.provisionState}, from where no member is taken`);
  for (const { event, who } of way)
    now = (await nodes.move(tx, { node: now, event, who, actor, reason: `it runs as a member of the cluster ${cluster}` })).node;
  return now;
}

/** Only what is new is written: an import that finds nothing new changes nothing. */
async function noted(tx: Tx, node: Node, member: SeenMember, { nodes, cluster }: Taking, by: By): Promise<Node> {
  const facts: JsonObject = {
    ...(member.memoryMb === null ? {} : { memory_mb: member.memoryMb }),
    ...(member.cpus === null ? {} : { cpus: member.cpus }),
  };
  const isToldAlready = Object.entries(facts).every(([key, value]) => node.properties[key] === value);
  const changes = {
    ...(node.name === null ? { name: member.name } : {}),
    ...(node.smbiosUuid === null && member.smbiosUuid !== null ? { smbiosUuid: member.smbiosUuid } : {}),
    ...(node.bootMode === null && member.bootMode !== null ? { bootMode: member.bootMode } : {}),
    ...(isToldAlready ? {} : { properties: { ...node.properties, ...facts } }),
    ...(node.extra.cluster === cluster ? {} : { extra: { ...node.extra, cluster } }),
    ...(node.observeOnly ? {} : { observeOnly: true }),
    ...(node.protected ? {} : { protected: true, protectedReason: `member of the running cluster ${cluster}` }),
  };
  return Object.keys(changes).length === 0 ? node : nodes.update(tx, node, changes, by);
}
