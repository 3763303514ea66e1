// Addresses that nodes of a cluster have for good: claimed in the store first, then asked for on the network, and told with all that was
// passed over. A node that asks again gets the same one. Knows nothing of answers.

import { type Clock, type Ipv4, type Mac, parseIpv4, parseMac } from '../../lib/index.ts';
import type { Store, Tx } from '../../store/index.ts';
import { fail } from '../errors.ts';
import type { InstallAddress } from '../seam.ts';
import { type AddressPool, nextFree, poolHas, prefixOf } from './pool-decide.ts';

/** As the conflict probe of DHCP answers. */
export type Probed =
  | { readonly kind: 'free' }
  | { readonly kind: 'in-use'; readonly mac: Mac | null }
  | { readonly kind: 'doubtful'; readonly mac: Mac }
  | { readonly kind: 'unchecked'; readonly why: string };

export interface PooledCluster {
  readonly name: string;
  readonly addresses?: AddressPool | undefined;
  readonly dhcp_addresses: boolean;
}

export interface AddressesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly clusters: readonly PooledCluster[];
  /** Null: nobody asks the network (dhcp.conflict_probe = false). */
  readonly probe: ((address: Ipv4) => Probed | Promise<Probed>) | null;
  /** Whether the appliance has an address in that network itself: else silence says nothing. */
  readonly isOnLink: (network: string) => boolean;
}

export const PURPOSE = 'management';

export interface AddressRequest {
  readonly nodeUuid: string;
  /** Null: of a node that joins none; it may have any address. */
  readonly cluster: string | null;
  /** The node's own, which may well be using the address already. */
  readonly macs: readonly string[];
  readonly purpose?: string;
}

export interface GivenAddress {
  /** Null: as DHCP says. */
  readonly address: InstallAddress | null;
  /** What a person may want to know of it, in sentences. */
  readonly notes: readonly string[];
}

export interface AddressEntry {
  readonly address: string;
  readonly prefix: number;
  readonly cluster: string;
  readonly purpose: string;
  readonly nodeUuid: string;
  /** Null: it could not be asked for. */
  readonly probedAt: number | null;
  /** What was passed over for it. */
  readonly conflict: string | null;
  readonly givenAt: number;
}

export interface Addresses {
  /** Throws install.no_address where there is none to be had, and why. */
  give(request: AddressRequest): Promise<GivenAddress>;
  /** The one that the node has, or would get if it asked now; nobody is asked, nothing is kept. */
  peek(request: Pick<AddressRequest, 'nodeUuid' | 'cluster' | 'purpose'>): Promise<GivenAddress>;
  list(query?: { readonly cluster?: string; readonly nodeUuid?: string }): Promise<readonly AddressEntry[]>;
  /** When a node leaves for elsewhere. With the node itself its addresses go too. */
  release(tx: Tx, nodeUuid: string): Promise<void>;
}

/** So many that answer are no accident: somebody else gives addresses there. */
const MAX_CONFLICTS = 8;
const MAX_LISTED = 4096;

export function createAddresses(options: AddressesOptions): Addresses {
  return {
    give: (request) => give(options, request),
    peek: (request) => peek(options, request),
    list: ({ cluster, nodeUuid } = {}) => list(options, cluster, nodeUuid),
    release: (tx, nodeUuid) => release(options, tx, nodeUuid),
  };
}

async function give(options: AddressesOptions, request: AddressRequest): Promise<GivenAddress> {
  const { clusters, store } = options;
  const cluster = clusters.find(({ name }) => name === request.cluster);
  const pool = cluster?.addresses;
  if (pool === undefined) {
    // From another cluster, or from before the pool was taken out.
    await store.transaction((tx) => release(options, tx, request.nodeUuid));
    if (cluster !== undefined && !cluster.dhcp_addresses) throw noPool(cluster.name);
    const notes =
      cluster === undefined ? [] : [`the installer keeps the address that DHCP gives it: [[cluster]] ${cluster.name} allows that`];
    return { address: null, notes };
  }
  return fromPool(options, request, { pool, cluster: cluster?.name ?? '' });
}

interface Home {
  readonly pool: AddressPool;
  readonly cluster: string;
}

async function fromPool(options: AddressesOptions, request: AddressRequest, home: Home): Promise<GivenAddress> {
  const passedOver = new Map<string, string>();
  for (;;) {
    const address = await claim(options, request, home, passedOver);
    const { conflict, unchecked } = await ask(options, request, home, address);
    if (conflict === null) {
      await confirm(options, request, address, unchecked === null);
      const notes = [...wordsOf(passedOver), ...(unchecked === null ? [] : [`${address} was given unasked: ${unchecked}`])];
      return { address: addressIn(home.pool, address), notes };
    }
    passedOver.set(address, conflict);
    if (passedOver.size < MAX_CONFLICTS) continue;
    await options.store.transaction((tx) => release(options, tx, request.nodeUuid));
    throw allAnswer(home, passedOver);
  }
}

function addressIn(pool: AddressPool, address: string): InstallAddress {
  return { cidr: `${address}/${prefixOf(pool)}`, gateway: pool.gateway, dns: pool.dns ?? pool.gateway };
}

async function peek(
  { clusters, store }: AddressesOptions,
  { nodeUuid, cluster: name, purpose = PURPOSE }: Pick<AddressRequest, 'nodeUuid' | 'cluster' | 'purpose'>,
): Promise<GivenAddress> {
  const cluster = clusters.find((one) => one.name === name);
  const pool = cluster?.addresses;
  if (pool === undefined) {
    const isFrozen = cluster !== undefined && !cluster.dhcp_addresses;
    return { address: null, notes: isFrozen ? [`it would not be installed: the [[cluster]] ${cluster.name} has no addresses`] : [] };
  }
  const rows = await store.db.selectFrom('node_addresses').select(['address', 'node_uuid', 'purpose', 'cluster']).execute();
  const own = rows.find((row) => row.node_uuid === nodeUuid && row.purpose === purpose && row.cluster === name);
  if (own !== undefined && poolHas(pool, own.address)) return { address: addressIn(pool, own.address), notes: [] };
  const next = nextFree(pool, new Set(rows.map(({ address }) => address)));
  if (next === undefined)
    return { address: null, notes: [`it would not be installed: no address is left from ${pool.first} to ${pool.last}`] };
  return {
    address: addressIn(pool, next),
    notes: [`${next} is the next address of the cluster; it is given when the installation is prepared`],
  };
}

function wordsOf(passedOver: ReadonlyMap<string, string>): readonly string[] {
  return [...passedOver].map(([address, conflict]) => `${address} ${conflict}`);
}

/** In one transaction: the node's own address again, or the lowest free one. */
function claim(options: AddressesOptions, request: AddressRequest, home: Home, passedOver: ReadonlyMap<string, string>): Promise<string> {
  const { purpose = PURPOSE, nodeUuid } = request;
  return options.store.transaction(async (tx) => {
    const own = await tx
      .selectFrom('node_addresses')
      .select(['address', 'cluster'])
      .where('node_uuid', '=', nodeUuid)
      .where('purpose', '=', purpose)
      .executeTakeFirst();
    if (own?.cluster === home.cluster && poolHas(home.pool, own.address) && !passedOver.has(own.address)) return own.address;
    if (own !== undefined) await tx.deleteFrom('node_addresses').where('address', '=', own.address).execute();
    const taken = new Set(passedOver.keys());
    // Two appliances on one store may choose the same at once: the second one's insert does nothing, and it looks on.
    for (const { address } of await tx.selectFrom('node_addresses').select('address').execute()) taken.add(address);
    for (;;) {
      const address = nextFree(home.pool, taken);
      if (address === undefined) throw exhausted(home, taken.size, passedOver);
      const conflict = wordsOf(passedOver).join('; ');
      if (await insert(options, tx, { address, nodeUuid, purpose, home, conflict: conflict === '' ? null : conflict })) {
        await tellChange(options, tx, nodeUuid, address, own?.address, passedOver);
        return address;
      }
      taken.add(address);
    }
  });
}

interface Claimed {
  readonly address: string;
  readonly nodeUuid: string;
  readonly purpose: string;
  readonly home: Home;
  readonly conflict: string | null;
}

async function insert({ clock }: AddressesOptions, tx: Tx, { address, nodeUuid, purpose, home, conflict }: Claimed): Promise<boolean> {
  const now = clock.now();
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('node_addresses')
    .values({
      address,
      node_uuid: nodeUuid,
      cluster: home.cluster,
      purpose,
      prefix: prefixOf(home.pool),
      conflict,
      probed_at: null,
      created_at: now,
      updated_at: now,
    })
    .onConflict((on) => on.column('address').doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

async function tellChange(
  { store }: AddressesOptions,
  tx: Tx,
  nodeUuid: string,
  address: string,
  before: string | undefined,
  passedOver: ReadonlyMap<string, string>,
): Promise<void> {
  const [last] = [...passedOver].slice(-1);
  const why = last === undefined ? '' : `, since ${last.join(' ')}`;
  await store.events.append(tx, {
    type: 'install.address_given',
    severity: last === undefined ? 'info' : 'warning',
    nodeUuid,
    message: `the address ${address} was given${before === undefined ? '' : ` in place of ${before}`}${why}`,
    data: { address, before: before ?? null, conflict: last?.[1] ?? null },
  });
}

interface Asked {
  readonly conflict: string | null;
  /** Why nobody could be asked. */
  readonly unchecked: string | null;
}

async function ask({ probe, isOnLink }: AddressesOptions, { macs }: AddressRequest, { pool }: Home, address: string): Promise<Asked> {
  const parsed = parseIpv4(address);
  if (probe === null || parsed === undefined) return { conflict: null, unchecked: 'dhcp.conflict_probe = false' };
  const own = new Set(macs.map((mac) => parseMac(mac)));
  const found = await probe(parsed);
  if (found.kind === 'in-use' && (found.mac === null || !own.has(found.mac)))
    return { conflict: `is in use by ${found.mac ?? 'a machine that answers there'}`, unchecked: null };
  if (found.kind === 'doubtful' && !own.has(found.mac))
    return { conflict: `was used by ${found.mac} not long ago, which may still be there`, unchecked: null };
  if (found.kind === 'unchecked') return { conflict: null, unchecked: found.why };
  const isHeard = found.kind !== 'free' || isOnLink(pool.network);
  return { conflict: null, unchecked: isHeard ? null : `the appliance has no address in ${pool.network} to ask from` };
}

async function confirm(
  { store, clock }: AddressesOptions,
  { nodeUuid }: AddressRequest,
  address: string,
  isProbed: boolean,
): Promise<void> {
  const now = clock.now();
  await store.db
    .updateTable('node_addresses')
    .set({ probed_at: isProbed ? now : null, updated_at: now })
    .where('address', '=', address)
    .where('node_uuid', '=', nodeUuid)
    .execute();
}

async function release({ store }: AddressesOptions, tx: Tx, nodeUuid: string): Promise<void> {
  const rows = await tx.deleteFrom('node_addresses').where('node_uuid', '=', nodeUuid).returning('address').execute();
  for (const { address } of rows)
    await store.events.append(tx, {
      type: 'install.address_released',
      nodeUuid,
      message: `the address ${address} is free again`,
      data: { address },
    });
}

async function list(
  { store }: AddressesOptions,
  cluster: string | undefined,
  nodeUuid: string | undefined,
): Promise<readonly AddressEntry[]> {
  let query = store.db
    .selectFrom('node_addresses')
    .selectAll()
    .orderBy('cluster')
    .orderBy('created_at')
    .orderBy('address')
    .limit(MAX_LISTED);
  if (cluster !== undefined) query = query.where('cluster', '=', cluster);
  if (nodeUuid !== undefined) query = query.where('node_uuid', '=', nodeUuid);
  return (await query.execute()).map((row) => ({
    address: row.address,
    prefix: row.prefix,
    cluster: row.cluster,
    purpose: row.purpose,
    nodeUuid: row.node_uuid,
    probedAt: row.probed_at,
    conflict: row.conflict,
    givenAt: row.created_at,
  }));
}

function noPool(cluster: string) {
  return fail('install.no_address', {
    message: `the [[cluster]] ${cluster} has no addresses, and the installer would make an address from DHCP a fixed one`,
    hint: `Write addresses = { network = "…", first = "…", last = "…", gateway = "…" } into it; or dhcp_addresses = true, when the DHCP server gives such addresses to nobody else.`,
  });
}

function exhausted({ pool, cluster }: Home, taken: number, passedOver: ReadonlyMap<string, string>) {
  const answered = passedOver.size === 0 ? '' : ` (${wordsOf(passedOver).join('; ')})`;
  return fail('install.no_address', {
    message: `no address is left from ${pool.first} to ${pool.last} of the [[cluster]] ${cluster}; ${taken} are given or in use${answered}`,
    hint: 'Make the pool larger, or remove nodes that are gone: GET /api/addresses lists who has which.',
  });
}

function allAnswer({ pool, cluster }: Home, passedOver: ReadonlyMap<string, string>) {
  return fail('install.no_address', {
    message: `${passedOver.size} addresses of the [[cluster]] ${cluster} that nobody should have are in use: ${wordsOf(passedOver).join('; ')}`,
    hint: `Somebody else gives addresses from ${pool.first} to ${pool.last}: take them out of the other DHCP server, or choose another range.`,
  });
}
