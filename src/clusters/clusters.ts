// Clusters that ran before us: what an import would do, doing it, and what is known of them since. Never touches a machine.

import type { Clock, Log } from '../lib/index.ts';
import type { Node, Nodes, Reader } from '../nodes/index.ts';
import { type Credentials, createProxmox, fingerprintOf, proxmoxUrl, type SeenCertificate, seeCertificate } from '../proxmox/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type ClusterBook, type ClusterRecord, createClusterBook, type MemberRecord } from './book.ts';
import { type CsvProblem, membersOfCsv } from './csv-codec.ts';
import { fail } from './errors.ts';
import { gatherCluster } from './gather.ts';
import { type Candidates, hashOf, planMember, withoutDoubles } from './match-decide.ts';
import type { MemberPlan, SeenCluster } from './model.ts';
import { releaseMember, takeMember } from './take.ts';

export interface ClustersOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ProxmoxSource {
  readonly url: string;
  readonly fingerprint: string;
  readonly credentials: Credentials;
}

export interface Preview {
  readonly name: string;
  readonly cluster: Omit<SeenCluster, 'members'>;
  readonly members: readonly MemberPlan[];
  /** What a yes is bound to. */
  readonly hash: string;
  /** Members of ours that the cluster does not have any more. They stay what they are. */
  readonly missing: readonly string[];
  /** Rows that were left out. */
  readonly bad: readonly CsvProblem[];
}

export interface Yes {
  readonly hash: string;
  /** Import the others when some members are in conflict. */
  readonly skipBad: boolean;
  readonly actor: string;
}

export interface Imported extends Preview {
  readonly nodes: readonly Node[];
}

export interface KnownCluster {
  readonly record: ClusterRecord;
  readonly members: readonly MemberRecord[];
}

export interface Clusters {
  list(): Promise<readonly { readonly record: ClusterRecord; readonly members: number }[]>;
  /** Throws clusters.not_found. */
  get(name: string): Promise<KnownCluster>;
  /** The certificate behind an address, for a person to compare. Sends nothing but a hello. */
  probe(url: string): Promise<SeenCertificate & { readonly url: string }>;
  /** Asks the cluster itself; reads only. */
  gather(source: ProxmoxSource): Promise<Gathered>;
  /** Throws clusters.bad_csv unless bad rows are to be left out. */
  read(csv: string, skipBad: boolean): Gathered;
  preview(gathered: Gathered, name: string | undefined): Promise<Preview>;
  /** Everything or nothing of it. */
  import(gathered: Gathered, name: string | undefined, yes: Yes): Promise<Imported>;
  /** One of its nodes is no member any more, as far as we know: it stays active and protected. Throws clusters.no_member. */
  release(name: string, nodeUuid: string, actor: string): Promise<void>;
  /** Forgets the cluster: its nodes stay active and protected, and are only observed where they were before. */
  remove(name: string, actor: string): Promise<void>;
}

export interface Gathered {
  readonly cluster: SeenCluster;
  readonly bad: readonly CsvProblem[];
}

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i;
const MAX_CLUSTERS = 256;
const PROBE_MS = 10_000;
/** Less than a client waits for an answer of our API. */
const GATHER_MS = 27_000;
const PROBLEMS_SHOWN = 10;

export function createClusters(options: ClustersOptions): Clusters {
  const { store, nodes, clock } = options;
  const book = createClusterBook({ db: store.db, clock });
  const deps: Deps = { ...options, book };
  return {
    async list() {
      const [records, counts] = await Promise.all([book.list(), book.counts()]);
      return records.map((record) => ({ record, members: counts.get(record.name) ?? 0 }));
    },

    async get(name) {
      const record = (await book.get(name)) ?? notFound(name);
      return { record, members: await book.members(name) };
    },

    async probe(text) {
      const url = proxmoxUrl(text);
      return { url: url.href, ...(await seeCertificate(url, AbortSignal.timeout(PROBE_MS))) };
    },

    async gather({ url: text, fingerprint: pin, credentials }) {
      const [url, fingerprint] = [proxmoxUrl(text), fingerprintOf(pin)];
      const proxmox = createProxmox({ url, fingerprint, credentials, clock, signal: AbortSignal.timeout(GATHER_MS) });
      return { cluster: await gatherCluster(proxmox, { apiUrl: url.href, fingerprint }), bad: [] };
    },

    read(csv, skipBad) {
      const { members, problems } = membersOfCsv(csv);
      if (problems.length > 0 && !(skipBad && members.length > 0)) throw badCsv(problems);
      const cluster = { name: null, origin: 'csv', apiUrl: null, fingerprint: null, version: null, members } as const;
      return { cluster, bad: problems };
    },

    preview: (gathered, name) => preview(store.db, gathered, name, deps),

    import: (gathered, name, yes) => store.transaction((tx) => importNow(tx, gathered, name, yes, deps)),

    release: (name, nodeUuid, actor) =>
      store.transaction(async (tx) => {
        if ((await book.get(name, tx)) === undefined) notFound(name);
        const member = (await book.members(name, tx)).find((one) => one.nodeUuid === nodeUuid);
        if (member === undefined) throw fail('clusters.no_member', noMember(name, nodeUuid));
        await releaseMember(tx, member, { nodes, cluster: name, actor });
        await book.unlink(tx, nodeUuid);
        const message = `${actor} released ${member.member} from the cluster ${name}: it stays active and protected${observedWords(member)}`;
        await store.events.append(tx, { type: 'cluster.released', nodeUuid, message, data: { cluster: name, actor } });
      }),

    remove: (name, actor) =>
      store.transaction(async (tx) => {
        if ((await book.get(name, tx)) === undefined) notFound(name);
        const members = await book.members(name, tx);
        for (const member of members) await releaseMember(tx, member, { nodes, cluster: name, actor });
        await book.remove(tx, name);
        const message = `${actor} made us forget the cluster ${name}: its ${members.length} nodes stay active and protected, and are only observed where they were before`;
        await store.events.append(tx, { type: 'cluster.removed', message, data: { cluster: name, actor } });
      }),
  };
}

interface Deps extends ClustersOptions {
  readonly book: ClusterBook;
}

async function preview(on: Reader, { cluster, bad }: Gathered, wanted: string | undefined, deps: Deps): Promise<Preview> {
  const name = checkedName(wanted ?? cluster.name);
  const links = await deps.book.members(name, on);
  const plans: MemberPlan[] = [];
  for (const member of cluster.members) plans.push(planMember(name, member, await candidatesOf(on, member, links, deps)));
  const members = withoutDoubles(plans);
  await refuseOther(on, name, cluster, members, links, deps);
  const told = new Set(members.flatMap(({ nodeUuid }) => (nodeUuid === null ? [] : [nodeUuid])));
  const named = new Set(members.map(({ member }) => member.name));
  const missing = links.filter(({ nodeUuid, member }) => !told.has(nodeUuid) && !named.has(member)).map(({ member }) => member);
  const { members: _, ...about } = cluster;
  return { name, cluster: about, members, hash: hashOf(name, members), missing, bad };
}

async function candidatesOf(
  on: Reader,
  { macs, smbiosUuid, name }: MemberPlan['member'],
  ofCluster: readonly MemberRecord[],
  { nodes, book }: Deps,
): Promise<Candidates> {
  const byMac = await nodes.findByAddresses(macs, on);
  const byUuid = smbiosUuid === null ? [] : await nodesByUuid(on, smbiosUuid, nodes);
  const byName = (await nodes.find(name, on)) ?? null;
  const uuids = [...byMac.map(({ node }) => node.uuid), ...byUuid.map(({ uuid }) => uuid)];
  const approved = uuids.length === 0 ? [] : await approvedOf(on, uuids);
  return { byMac, byUuid, byName, links: [...(await book.linksOf(uuids, on)), ...ofCluster], approved: new Set(approved) };
}

async function nodesByUuid(on: Reader, smbiosUuid: string, nodes: Nodes): Promise<Node[]> {
  const rows = await on.selectFrom('nodes').select('uuid').where('smbios_uuid', '=', smbiosUuid).orderBy('uuid').limit(8).execute();
  return Promise.all(rows.map(({ uuid }) => nodes.get(uuid, on)));
}

async function approvedOf(on: Reader, uuids: readonly string[]): Promise<string[]> {
  const rows = on.selectFrom('enrolments').select('node_uuid').where('state', '=', 'approved');
  return (await rows.where('node_uuid', 'in', uuids).execute()).map((row) => row.node_uuid);
}

/** Clusters of two sites may have one name: that they are two shows where not one member is the same. */
async function refuseOther(
  on: Reader,
  name: string,
  cluster: SeenCluster,
  members: readonly MemberPlan[],
  links: readonly MemberRecord[],
  { book }: Deps,
): Promise<void> {
  const record = await book.get(name, on);
  if (record === undefined) {
    if ((await book.list(on)).length < MAX_CLUSTERS) return;
    throw fail('clusters.too_many', {
      message: `${MAX_CLUSTERS} clusters are known already`,
      hint: 'Remove the record of one: DELETE /api/clusters/NAME',
    });
  }
  const isOther = record.origin === 'proxmox-api' && cluster.origin === 'proxmox-api' && links.length > 0;
  if (!isOther || members.some(({ action }) => action === 'update' || action === 'skip')) return;
  throw fail('clusters.other_origin', {
    message: `a cluster called ${name} is known already (${record.apiUrl ?? record.origin}), and none of its members is one of these`,
    hint: 'Give this one another name here: --name NAME',
  });
}

async function importNow(tx: Tx, gathered: Gathered, wanted: string | undefined, yes: Yes, deps: Deps): Promise<Imported> {
  const { store, nodes, book } = deps;
  const seen = await preview(tx, gathered, wanted, deps);
  const { name, members, hash, cluster } = seen;
  if (hash !== yes.hash) {
    throw fail('clusters.preview_changed', {
      message: `what would be imported as ${name} is not what the yes was to`,
      hint: 'Look at the preview again, and confirm that one.',
    });
  }
  const conflicts = members.filter(({ action }) => action === 'conflict');
  if (conflicts.length > 0 && !yes.skipBad) throw conflicting(name, conflicts);
  const wantedMembers = members.filter(({ action }) => action === 'create' || action === 'take' || action === 'update');
  if (wantedMembers.length === 0)
    throw fail('clusters.nothing', { message: `no member of ${name} can be imported`, hint: 'The preview says why of each.' });
  const before = await book.get(name, tx);
  const keeps = before !== undefined && cluster.origin === 'csv';
  const record = keeps ? before : { ...cluster, name };
  await book.write(tx, { ...record, observeOnly: true, importedBy: yes.actor });
  const taken: Node[] = [];
  for (const plan of wantedMembers) {
    const { node, wasObserved } = await takeMember(tx, plan, { nodes, cluster: name, actor: yes.actor });
    const { name: member, addresses } = plan.member;
    await book.link(tx, { nodeUuid: node.uuid, cluster: name, member, addresses, wasObserved });
    taken.push(node);
  }
  await endEnrolments(tx, taken, name, deps);
  const counted = (action: string): number => members.filter((plan) => plan.action === action).length;
  const message = `${yes.actor} imported the cluster ${name}: ${counted('create')} new nodes, ${counted('take')} taken, ${counted('update')} known already, ${counted('skip') + counted('conflict')} left out`;
  await store.events.append(tx, { type: 'cluster.imported', message, data: { cluster: name, actor: yes.actor, origin: cluster.origin } });
  return { ...seen, nodes: taken };
}

/** Machines that were discovered wait for a yes no longer. */
async function endEnrolments(tx: Tx, nodes: readonly Node[], cluster: string, { clock }: Deps): Promise<void> {
  await tx
    .updateTable('enrolments')
    .set({ state: 'done', reason: `it is a member of the running cluster ${cluster}`, updated_at: clock.now() })
    .where(
      'node_uuid',
      'in',
      nodes.map(({ uuid }) => uuid),
    )
    .where('state', 'in', ['proposed', 'failed', 'rejected'])
    .execute();
}

function checkedName(name: string | null): string {
  if (name === null) {
    throw fail('clusters.name_needed', {
      message: 'what is imported has no name of its own',
      hint: 'Say how the cluster is to be called: --name NAME',
    });
  }
  if (NAME.test(name)) return name;
  throw fail('clusters.bad_name', {
    message: `${JSON.stringify(name.slice(0, 80))} is no name for a cluster`,
    hint: 'Letters, digits, dots and dashes, 63 at most: --name NAME',
  });
}

function observedWords({ wasObserved }: MemberRecord): string {
  return wasObserved === true ? ', and only observed, as it was before' : '';
}

function noMember(name: string, nodeUuid: string): { readonly message: string; readonly hint: string } {
  return { message: `node ${nodeUuid.slice(0, 80)} is no member of ${name}`, hint: `rackseed cluster show ${name} lists its members.` };
}

function notFound(name: string): never {
  throw fail('clusters.not_found', {
    message: `there is no cluster ${JSON.stringify(name.slice(0, 80))}`,
    hint: 'GET /api/clusters lists them.',
  });
}

function badCsv(problems: readonly CsvProblem[]): Error {
  const told = problems.slice(0, PROBLEMS_SHOWN).map(({ line, column, message }) => `line ${line}, ${column}: ${message}`);
  const more = problems.length > told.length ? `; and ${problems.length - told.length} more` : '';
  return fail('clusters.bad_csv', {
    message: `${told.join('; ')}${more}`,
    hint: 'Mend the rows, or leave them out with --skip-bad.',
    detail: { problems: problems.map((problem) => ({ ...problem })) },
  });
}

function conflicting(name: string, conflicts: readonly MemberPlan[]): Error {
  const told = conflicts.slice(0, PROBLEMS_SHOWN).map(({ member, reason }) => `${member.name}: ${reason}`);
  return fail('clusters.conflicts', {
    message: `${conflicts.length} members of ${name} are in conflict: ${told.join('; ')}`,
    hint: 'Look at these nodes first; --skip-bad imports the others.',
    detail: { members: conflicts.map(({ member }) => member.name) },
  });
}
