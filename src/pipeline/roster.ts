// The machines that have a system of ours, as other programs look them up: where each is, what it is part of, by which keys it is known. Asks
// no machine; knows no format.

import { parseIpv4, parseIpv6 } from '../lib/index.ts';
import type { Node, Nodes, NodeUuid } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { type Installed, installedIn } from './installed.ts';
import { addressesOf, HAS_SYSTEM, hostKeysOf, membershipOf } from './look.ts';

export interface Registered {
  readonly uuid: string;
  /** Host name without domain. */
  readonly name: string;
  readonly fqdn: string;
  /** Where it is managed; null: nobody has said yet. */
  readonly address: string | null;
  readonly profile: string | null;
  /** It is a member of it. */
  readonly cluster: string | null;
  readonly state: string;
  readonly maintenance: boolean;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKeys: readonly string[];
}

export interface RosterFilter {
  readonly cluster?: string | undefined;
  readonly profile?: string | undefined;
}

export interface Roster {
  /** By name. A thousand nodes are read at a time, and answers are as long as there are machines. */
  list(filter?: RosterFilter): Promise<readonly Registered[]>;
}

export interface RosterParts {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'list'>;
  readonly domain: string;
}

const PAGE = 1000;
/** As sshd writes them: what a machine says of itself is not passed on unless it looks like one. */
const HOST_KEY = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{1,2048}={0,2}$/;

export function createRoster(parts: RosterParts): Roster {
  return {
    list: async ({ cluster, profile } = {}) => {
      const found: Registered[] = [];
      let marker: NodeUuid | undefined;
      do {
        const page = await parts.nodes.list({
          filters: { provisionState: HAS_SYSTEM },
          sort: { key: 'uuid' },
          limit: PAGE,
          ...(marker === undefined ? {} : { marker }),
        });
        found.push(...(await registered(parts, page)));
        marker = page.length < PAGE ? undefined : page.at(-1)?.uuid;
      } while (marker !== undefined);
      const isAsked = (one: Registered): boolean =>
        (cluster === undefined || one.cluster === cluster) && (profile === undefined || one.profile === profile);
      return found.filter(isAsked).toSorted(byName);
    },
  };
}

function byName(a: Registered, b: Registered): number {
  const [first, second] = [`${a.fqdn} ${a.uuid}`, `${b.fqdn} ${b.uuid}`];
  return first < second ? -1 : first > second ? 1 : 0;
}

interface Imported {
  readonly cluster: string;
  readonly member: string;
  readonly addresses: readonly unknown[];
}

async function registered({ store: { db }, domain }: RosterParts, page: readonly Node[]): Promise<Registered[]> {
  if (page.length === 0) return [];
  const uuids = page.map(({ uuid }) => uuid);
  const installed = new Map<string, Installed>();
  const rows = db.selectFrom('installations').select(['node_uuid', 'plan', 'first_boot', 'created_at']).where('node_uuid', 'in', uuids);
  for (const row of await rows.orderBy('created_at').execute()) installed.set(row.node_uuid, installedIn(row)); // the newest is the last
  const imported = new Map<string, Imported>();
  for (const { node_uuid: uuid, cluster, member, addresses } of await db
    .selectFrom('cluster_members')
    .select(['node_uuid', 'cluster', 'member', 'addresses'])
    .where('node_uuid', 'in', uuids)
    .execute()) {
    const list: unknown = JSON.parse(addresses);
    imported.set(uuid, { cluster, member, addresses: Array.isArray(list) ? list : [] });
  }
  return page.map((node) => one(node, installed.get(node.uuid), imported.get(node.uuid), domain));
}

function one(node: Node, installed: Installed | undefined, imported: Imported | undefined, domain: string): Registered {
  const fqdn = installed?.fqdn ?? `${imported?.member ?? node.name ?? node.uuid}.${domain}`;
  const told = [...addressesOf(node, installed), ...(imported?.addresses ?? [])];
  const { profile } = node.extra;
  return {
    uuid: node.uuid,
    name: fqdn.split('.')[0] ?? fqdn,
    fqdn,
    address: told.map(addressIn).find((address) => address !== undefined) ?? null,
    profile: typeof profile === 'string' ? profile : null,
    cluster: membershipOf(node, installed) ?? imported?.cluster ?? null,
    state: node.provisionState,
    maintenance: node.maintenance,
    hostKeys: hostKeysOf(node).filter((key) => HOST_KEY.test(key)),
  };
}

/** Some of them a machine has said: nothing else than an address goes on to other programs. */
function addressIn(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const [address = ''] = value.split('/');
  return parseIpv4(address) ?? parseIpv6(address);
}
