// What corosync says of itself: its configuration file, and what corosync-quorumtool prints (corosync.conf(5), votequorum(5)). Pure.

export interface CorosyncMember {
  readonly name: string;
  readonly nodeid: number;
  readonly votes: number;
  /** By link number. */
  readonly links: Readonly<Record<string, string>>;
}

export interface CorosyncConfig {
  readonly name: string;
  readonly members: readonly CorosyncMember[];
  /** Its host; null: none is configured. */
  readonly qdevice: string | null;
}

interface Section {
  readonly name: string;
  readonly values: Map<string, string>;
  readonly sections: Section[];
}

const MAX_LINES = 10_000;

/** Undefined: it names no cluster, so it is none of Proxmox VE. */
export function parseCorosync(text: string): CorosyncConfig | undefined {
  const root = sectionsOf(text);
  const name = find(root, 'totem')?.values.get('cluster_name');
  if (name === undefined || name === '') return undefined;
  const nodes = find(root, 'nodelist')?.sections.filter((section) => section.name === 'node') ?? [];
  const device = find(root, 'quorum')?.sections.find((section) => section.name === 'device');
  const host = device?.sections.find((section) => section.values.has('host'))?.values.get('host');
  return { name, members: nodes.map((node) => memberOf(node)), qdevice: device === undefined ? null : (host ?? '') };
}

function sectionsOf(text: string): Section {
  const root: Section = { name: '', values: new Map(), sections: [] };
  const open = [root];
  for (const line of text.split('\n', MAX_LINES).map((one) => one.trim())) {
    const inner = open.at(-1) ?? root;
    const [, begun] = /^(\w+)\s*\{$/.exec(line) ?? [];
    const [, key, value] = /^(\w+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (begun !== undefined) {
      const section: Section = { name: begun, values: new Map(), sections: [] };
      inner.sections.push(section);
      open.push(section);
    } else if (line === '}' && open.length > 1) open.pop();
    else if (key !== undefined && value !== undefined) inner.values.set(key, value);
  }
  return root;
}

function find({ sections }: Section, name: string): Section | undefined {
  return sections.find((section) => section.name === name);
}

function memberOf({ values }: Section): CorosyncMember {
  const links: Record<string, string> = {};
  for (const [key, value] of values) {
    const link = /^ring([0-7])_addr$/.exec(key)?.[1];
    if (link !== undefined) links[link] = value;
  }
  return {
    // Without a name corosync goes by the address of link 0.
    name: values.get('name') ?? values.get('ring0_addr') ?? '',
    nodeid: Number(values.get('nodeid') ?? 0),
    votes: Number(values.get('quorum_votes') ?? 1),
    links,
  };
}

export interface Quorum {
  readonly isQuorate: boolean;
  readonly expected: number;
  readonly total: number;
  /** Votes that are enough. */
  readonly needed: number;
  /** Members that take part, without a QDevice. */
  readonly nodes: number;
}

/** Undefined: corosync does not run there, or is not ready to say. */
export function parseQuorum(text: string): Quorum | undefined {
  const values = new Map([...text.matchAll(/^([A-Z][\w ]*?):\s+(.*)$/gm)].map(([, key = '', value = '']) => [key, value.trim()]));
  const numberAt = (key: string): number => Number.parseInt(values.get(key) ?? '', 10);
  const [expected, total, needed, nodes] = ['Expected votes', 'Total votes', 'Quorum', 'Nodes'].map((key) => numberAt(key));
  const quorate = values.get('Quorate');
  if (quorate === undefined || expected === undefined || total === undefined || needed === undefined || nodes === undefined)
    return undefined;
  if ([expected, total, needed, nodes].some((number) => !Number.isInteger(number))) return undefined;
  return { isQuorate: quorate === 'Yes', expected, total, needed, nodes };
}

export function quorumWords({ isQuorate, total, expected, needed }: Quorum): string {
  return `${isQuorate ? 'quorate' : 'no quorum'}: ${total} of ${expected} votes, ${needed} are needed`;
}
