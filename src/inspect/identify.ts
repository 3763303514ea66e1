// Which node is it that reports these ports and this firmware identity? Pure; the answer always has its reason. The rules are a table:
// identify-decide.ts. Here it is filled in, and said in words.

import { type FoundNode, type Node, nodeTitle } from '../nodes/index.ts';
import { type DiskName, sameDisks } from './disk-names-decide.ts';
import { type Evidence, outcome, type Rule, ruleFor } from './identify-decide.ts';

/** A node that the machine may be, and what speaks for that. */
export interface Maybe {
  readonly node: Node;
  readonly reason: string;
}

export type Identified =
  | { readonly is: 'new'; readonly reason: string; readonly maybe: readonly Maybe[] }
  | { readonly is: 'known'; readonly node: Node; readonly reason: string; readonly maybe: readonly Maybe[] }
  /** `nodes`: those that each have a part of its identity. */
  | { readonly is: 'unclear'; readonly nodes: readonly Node[]; readonly reason: string };

export interface Asked {
  /** Nodes that have one of the reported MACs. */
  readonly byMac: readonly FoundNode[];
  /** Nodes with the reported SMBIOS UUID. */
  readonly byUuid: readonly Node[];
  readonly smbiosUuid: string | null;
  /** MACs that identify nobody. */
  readonly shared?: ReadonlySet<string>;
}

export interface Reported extends Asked {
  readonly smbiosSerial: string | null;
  /** Nodes with the reported serial number, and those with some of the reported disks. */
  readonly bySerial: readonly Node[];
  readonly byDisks: readonly Node[];
  readonly disks: readonly DiskName[];
  /** Of all nodes named above. */
  readonly disksOf: ReadonlyMap<string, readonly DiskName[]>;
  readonly withPorts: ReadonlySet<string>;
}

interface Candidate {
  readonly node: Node;
  readonly ports: readonly string[];
  readonly evidence: Evidence;
  readonly rule: Rule;
}

const NOBODY = 'no node has one of its ports or its SMBIOS UUID';
const NAMED_MAX = 4;

/** By what a machine says while it boots, or others say of it. Whom it may be stands in the way: it is none of them for sure. */
export function identify(asked: Asked): Identified {
  const found = decide(
    { ...asked, smbiosSerial: null, bySerial: [], byDisks: [], disks: [], disksOf: new Map(), withPorts: new Set() },
    true,
  );
  if (found.is !== 'new' || found.maybe.length === 0) return found;
  return { is: 'unclear', nodes: found.maybe.map(({ node }) => node), reason: found.reason };
}

/** By the report of its agent. */
export function identifyReport(reported: Reported): Identified {
  return decide(reported, false);
}

function decide(reported: Reported, isBoot: boolean): Identified {
  const found = outcome(candidatesOf(reported, isBoot));
  if (found.is === 'unclear') {
    const parts = found.several.map((one) => `${nodeTitle(one.node)} (${partsOf(one, reported)})`).join(' and ');
    return { is: 'unclear', nodes: found.several.map(({ node }) => node), reason: `parts of it belong to several nodes: ${parts}` };
  }
  const maybe = found.maybe.map((one) => ({ node: one.node, reason: `${partsOf(one, reported)}: ${one.rule.because}` }));
  const mayBe = maybe.map(({ node, reason }) => `it may be ${nodeTitle(node)} (${reason})`).join('; ');
  if (found.is === 'new') return { is: 'new', reason: mayBe || NOBODY, maybe };
  const { node } = found.one;
  const { smbiosUuid } = reported;
  const reason =
    found.one.ports.length > 0
      ? `port ${found.one.ports[0] ?? ''} is ${nodeTitle(node)}`
      : `SMBIOS UUID ${smbiosUuid ?? ''} is ${nodeTitle(node)}; its ports are new`;
  return { is: 'known', node, reason, maybe };
}

function candidatesOf(reported: Reported, isBoot: boolean): Candidate[] {
  const { byMac, byUuid, bySerial, byDisks } = reported;
  const ports = new Map(byMac.map(({ node, ports: cards }) => [String(node.uuid), cards.map(({ address }) => String(address))]));
  const all = [...byMac.map(({ node }) => node), ...byUuid, ...bySerial, ...byDisks];
  return [...new Map(all.map((node) => [node.uuid, node])).values()].map((node) => {
    const cards = ports.get(node.uuid) ?? [];
    const evidence = evidenceOf(node, cards, reported, isBoot);
    return { node, ports: cards, evidence, rule: ruleFor(evidence) };
  });
}

function evidenceOf(node: Node, ports: readonly string[], reported: Reported, isBoot: boolean): Evidence {
  const { byUuid, bySerial, smbiosUuid, smbiosSerial, shared, disks, disksOf, withPorts } = reported;
  const isOwn = ports.some((mac) => shared?.has(mac) !== true);
  const same = sameDisks(disks, disksOf.get(node.uuid) ?? []);
  const serial = compare(node.smbiosSerial, smbiosSerial);
  return {
    mac: ports.length === 0 ? 'none' : isOwn ? 'own' : 'shared',
    uuid: smbiosUuid !== null && node.smbiosUuid === smbiosUuid && byUuid.length > 1 ? 'shared' : compare(node.smbiosUuid, smbiosUuid),
    serial: serial === 'same' && bySerial.length > 1 ? 'unknown' : serial,
    disks: same === null ? 'unknown' : same ? 'same' : 'other',
    hasPorts: isBoot || withPorts.has(node.uuid),
    isBoot,
  };
}

function compare(known: string | null, said: string | null): 'same' | 'differs' | 'unknown' {
  if (known === null || said === null) return 'unknown';
  return known === said ? 'same' : 'differs';
}

/** What it has of that node, and what speaks against it. */
function partsOf({ node, ports, evidence }: Candidate, { smbiosUuid, smbiosSerial, disks, disksOf }: Reported): string {
  const parts: string[] = [];
  if (ports.length > 0) parts.push(`${evidence.mac === 'shared' ? 'the shared port' : 'port'} ${listed(ports)}`);
  if (evidence.uuid === 'same' || evidence.uuid === 'shared') parts.push(`SMBIOS UUID ${smbiosUuid ?? ''}`);
  if (evidence.serial === 'same') parts.push(`serial number ${smbiosSerial ?? ''}`);
  if (evidence.disks === 'same') {
    const own = new Set((disksOf.get(node.uuid) ?? []).map(({ disk }) => disk));
    parts.push(`its disks ${listed(disks.filter(({ disk }) => own.has(disk)).map(({ title }) => title))}`);
  }
  if (evidence.uuid === 'differs') parts.push(`but its SMBIOS UUID is ${node.smbiosUuid ?? ''}, not ${smbiosUuid ?? ''}`);
  if (evidence.serial === 'differs') parts.push(`but its serial number is ${node.smbiosSerial ?? ''}, not ${smbiosSerial ?? ''}`);
  return parts.join(', ');
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
