// Where a machine stands on its way into a cluster, and the one thing that is to be done next. Pure: the traps of joining, as a table.

import type { CorosyncConfig, Quorum } from './corosync-codec.ts';
import type { Job } from './job.ts';
import { linksOf } from './links-decide.ts';
import { type MachineFacts, majorOf } from './machine-codec.ts';

/** As a member tells it. */
export interface ClusterFacts {
  readonly peer: { readonly name: string; readonly address: string; readonly machine: MachineFacts };
  readonly config: CorosyncConfig;
  /** Null: its corosync does not answer. */
  readonly quorum: Quorum | null;
  /** Members of which its cluster file system hears. */
  readonly online: readonly string[];
  /** The newcomer's certificate is there. */
  readonly hasCertificate: boolean;
  /** A key for an attempt to join is left there. */
  readonly hasAttempt: boolean;
  /** Keys of ours that sign in on the newcomer, and not yet there. */
  readonly missingKeys: readonly string[];
}

export interface JoinFacts {
  readonly node: { readonly name: string; readonly address: string };
  readonly wanted: { readonly cluster: string; readonly networks: readonly string[] };
  /** Of the join that was begun on it; what else is known of it is null while one runs. */
  readonly job: Job;
  readonly machine: MachineFacts | null;
  /** Null: no member is known but perhaps itself. */
  readonly cluster: ClusterFacts | null;
  /** How far the clocks of both are from ours, by what each said; milliseconds. */
  readonly skewMs: number;
}

export const JOIN_STEPS = {
  'wait-for-members': 'waits until enough members are there to spare a vote until it has come',
  'wait-for-job': 'waits for the join that was begun',
  'clear-leftovers': 'takes away what a join that broke off left on it (/etc/corosync), so that it can begin anew',
  'finish-join': 'finishes the join that broke off: corosync and the cluster file system are started, certificates made',
  'free-peer': 'lets the only member go on alone, without the vote of the one that did not come',
  'remove-qdevice': 'removes the QDevice for the time of the join',
  'add-keys': "puts the appliance's key into the cluster's authorized_keys: a join replaces those of the node",
  join: 'joins',
  'wait-for-quorum': 'waits until the cluster is quorate with it',
  'make-certificate': 'has its certificate made',
  'remove-attempt': 'removes the key of the attempt to join',
} as const;
export type JoinStep = keyof typeof JOIN_STEPS;

export type JoinDecision =
  | { readonly is: 'in'; readonly words: string }
  | { readonly is: 'impossible'; readonly reason: string; readonly hint: string }
  /** `plan` in words for people; the first of it is done next. */
  | { readonly is: 'do'; readonly next: JoinStep; readonly links: readonly string[]; readonly plan: readonly string[] };

const SKEW_MAX_MS = 5000;

export function decideJoin(facts: JoinFacts): JoinDecision {
  const { job, machine, cluster } = facts;
  if (job.is === 'running' || machine === null) return then(facts, ['wait-for-job']);
  const own = machine.cluster;
  if (own !== null && own !== facts.wanted.cluster) return elsewhere(facts, own);
  if (cluster === null) return alone(facts, own);
  if (cluster.config.name !== facts.wanted.cluster) return otherPeer(facts, cluster);
  const isListed = cluster.config.members.some(({ name }) => name === facts.node.name);
  if (own !== null) return inside(facts, machine, cluster, isListed);
  return outside(facts, machine, cluster, isListed);
}

/** No member is known: either it is the first itself, or there is nobody to join. */
function alone({ node, wanted }: JoinFacts, own: string | null): JoinDecision {
  if (own !== null) return { is: 'in', words: `${node.name} is the first member of ${own}` };
  return impossible(
    `no member of ${wanted.cluster} is known that ${node.name} could join`,
    'A pipeline has cluster-create before cluster-join.',
  );
}

function elsewhere({ node, wanted }: JoinFacts, own: string): JoinDecision {
  return impossible(
    `${node.name} is in the cluster ${own}, not in ${wanted.cluster}`,
    `A member is not moved: correct the profile, or remove it there (pvecm delnode ${node.name}) and install it anew.`,
  );
}

function otherPeer({ wanted }: JoinFacts, { peer, config }: ClusterFacts): JoinDecision {
  return impossible(
    `${peer.name}, known as a member of ${wanted.cluster}, is in the cluster ${config.name}`,
    'Correct [[cluster]] name in rackseed.toml, or the record of that cluster: rackseed cluster list',
  );
}

/** Its own cluster file system is that of the cluster's name. */
function inside(facts: JoinFacts, machine: MachineFacts, cluster: ClusterFacts, isListed: boolean): JoinDecision {
  const { node, job } = facts;
  const { peer, config } = cluster;
  if (!isListed) {
    return impossible(
      `${node.name} takes itself for a member of ${config.name}, but ${peer.name} does not list it: it was removed, or made a cluster of the same name`,
      `Install ${node.name} anew. It must not be started with its old configuration again.`,
    );
  }
  const isIn = cluster.quorum?.isQuorate === true && cluster.online.includes(node.name);
  const todo: JoinStep[] = [];
  if (!isIn) todo.push('wait-for-quorum');
  if (!cluster.hasCertificate) todo.push('make-certificate');
  if (cluster.hasAttempt || job.is !== 'none' || machine.begun !== null) todo.push('remove-attempt');
  if (todo.length > 0) return then(facts, todo);
  return { is: 'in', words: `${node.name} is one of ${config.members.length} members of ${config.name}, ${votes(cluster)}` };
}

function outside(facts: JoinFacts, machine: MachineFacts, cluster: ClusterFacts, isListed: boolean): JoinDecision {
  const { node, wanted } = facts;
  const { config } = cluster;
  if (isListed && machine.begun !== wanted.cluster) return namesake(facts, cluster);
  const refused = refusal(facts, machine, cluster);
  if (refused !== null) return refused;
  const links = linksOf(facts.wanted.networks, { address: node.address, addresses: machine.addresses });
  if ('missing' in links) return impossible(`${node.name} cannot join ${config.name}: ${links.missing}`, links.hint);
  const theirs = Object.keys(config.members[0]?.links ?? {}).length;
  if (theirs !== links.links.length) {
    return impossible(
      `${config.name} has ${theirs} corosync links, and ${links.links.length} would be configured for ${node.name}`,
      `Give [[cluster]] ${config.name} the networks of its ${theirs} links: links = ["…"], link 0 first. They are in /etc/pve/corosync.conf.`,
    );
  }
  return then(facts, [...halfDone(machine, cluster, isListed), ...wayIn(facts, cluster)], links.links);
}

/** What keeps it out whatever is done here. Null: nothing. */
function refusal(facts: JoinFacts, machine: MachineFacts, cluster: ClusterFacts): JoinDecision | null {
  const { node, wanted, skewMs } = facts;
  const { peer } = cluster;
  if (machine.guests.length > 0) {
    return impossible(
      `${node.name} has guests (${machine.guests.slice(0, 8).join(', ')}), and a join replaces their configuration`,
      'Back them up (vzdump), remove them (qm destroy, pct destroy), let it join, and restore them.',
    );
  }
  if (machine.begun !== wanted.cluster && (machine.hasAuthkey || machine.localCluster !== null)) {
    return impossible(
      `${node.name} has leftovers of a cluster in /etc/corosync that this run did not make`,
      'If it is in no cluster: systemctl stop corosync; rm /etc/corosync/authkey /etc/corosync/corosync.conf. Then resume.',
    );
  }
  const versions = versionRefusal(node.name, machine, cluster);
  if (versions !== null) return versions;
  if (skewMs > SKEW_MAX_MS) {
    return impossible(
      `the clocks of ${node.name} and ${peer.name} differ by ${(skewMs / 1000).toFixed(1)} s: certificates and tickets would be refused`,
      `On both: chronyc makestep; chronyc tracking`,
    );
  }
  return null;
}

function versionRefusal(name: string, machine: MachineFacts, { peer, config }: ClusterFacts): JoinDecision | null {
  const [own, theirs] = [machine.release, peer.machine.release];
  if (own === null) return impossible(`${name} has no Proxmox VE (the package pve-manager)`, 'Install it with the Proxmox VE installer.');
  if (theirs !== null && majorOf(own) !== majorOf(theirs)) {
    return impossible(
      `${name} has Proxmox VE ${own}, ${config.name} has ${theirs}`,
      `Install ${name} with an ISO of Proxmox VE ${majorOf(theirs)}, or upgrade the older one first: pve${majorOf(own)}to${Number(majorOf(own)) + 1} shows how.`,
    );
  }
  const [ceph, running] = [machine.ceph, peer.machine.ceph];
  if (ceph === null || running === null || majorOf(ceph) === majorOf(running)) return null;
  return impossible(
    `${name} has Ceph ${ceph}, ${config.name} has ${running}`,
    `On ${name}: pveceph purge, then pveceph install --version ${CEPH_NAMES[majorOf(running)] ?? 'NAME'} (the release of ${peer.name}).`,
  );
}

const CEPH_NAMES: Readonly<Record<string, string>> = { '17': 'quincy', '18': 'reef', '19': 'squid', '20': 'tentacle' };

/**
 * From the moment at which it is listed until it has come its vote is missing: without enough others nothing could be written. Null: there are
 * enough, or it is the second one, whom the first has to wait for. While another machine joins this passes by itself.
 */
export function missingVotes(name: string, { qdevice, members }: CorosyncConfig, quorum: Quorum | null): string | null {
  const isListed = members.some((member) => member.name === name);
  if (quorum === null || members.length - (isListed ? 1 : 0) < 2) return null;
  const expected = (qdevice === null ? quorum.expected : members.length) + (isListed ? 0 : 1);
  const needed = Math.floor(expected / 2) + 1;
  return quorum.nodes >= needed
    ? null
    : `${quorum.nodes} of ${members.length} members are there, and with ${name} ${needed} votes are needed`;
}

function namesake({ node }: JoinFacts, { peer, config }: ClusterFacts): JoinDecision {
  const old = config.members.find(({ name }) => name === node.name);
  return impossible(
    `${config.name} has a member ${node.name} already (${old?.links['0'] ?? 'without an address'}), which is not this machine as it is now`,
    `If it is the one that was here before: see that it never starts again, then on ${peer.name}: pvecm delnode ${node.name}; rm -r /etc/pve/nodes/${node.name} (guests' files saved first). Then resume.`,
  );
}

/** What a join that broke off has left: at the member it is listed, or not; here corosync has its files, or not. */
function halfDone(machine: MachineFacts, cluster: ClusterFacts, isListed: boolean): JoinStep[] {
  // Its old database is away, and nothing else can be in its place but the cluster's. Its own vote is what the peer waits for.
  if (isListed && machine.hasAuthkey && machine.localCluster === cluster.config.name && !machine.hasDatabase) return ['finish-join'];
  const todo: JoinStep[] = machine.hasAuthkey || machine.localCluster !== null ? ['clear-leftovers'] : [];
  const isPeerAlone = isListed && cluster.config.members.length === 2 && cluster.quorum?.isQuorate !== true;
  return isPeerAlone && !machine.isCorosyncUp ? [...todo, 'free-peer'] : todo;
}

function wayIn({ node }: JoinFacts, cluster: ClusterFacts): JoinStep[] {
  const todo: JoinStep[] = missingVotes(node.name, cluster.config, cluster.quorum) === null ? [] : ['wait-for-members'];
  if (cluster.quorum?.isQuorate !== true) todo.push('wait-for-quorum');
  if (cluster.config.qdevice !== null) todo.push('remove-qdevice');
  if (cluster.missingKeys.length > 0) todo.push('add-keys');
  return [...todo, 'join', 'wait-for-quorum', 'remove-attempt'];
}

function then(facts: JoinFacts, steps: readonly JoinStep[], links: readonly string[] = []): JoinDecision {
  const finishes = steps.indexOf('finish-join');
  const todo = finishes < 0 ? steps : [...steps.slice(0, finishes + 1), 'wait-for-quorum' as const, 'remove-attempt' as const];
  const [next = 'wait-for-job'] = todo;
  const plan = todo.map((step) => wordsOf(facts, step, links));
  return { is: 'do', next, links, plan: [...new Set(plan), ...warnings(facts, todo)] };
}

function wordsOf(facts: JoinFacts, step: JoinStep, links: readonly string[]): string {
  const { node, cluster } = facts;
  if (step === 'join') return joinWords(facts, links);
  const why = step === 'wait-for-members' && cluster !== null ? missingVotes(node.name, cluster.config, cluster.quorum) : null;
  return why === null ? JOIN_STEPS[step] : `${JOIN_STEPS[step]}: ${why}`;
}

function joinWords({ node, wanted, cluster }: JoinFacts, links: readonly string[]): string {
  const over = links.map((address, at) => `link ${at} ${address}`).join(', ');
  return `${node.name} joins ${wanted.cluster} by ${cluster?.peer.name ?? 'a member'} (${over}); all that it has in /etc/pve is replaced`;
}

function warnings({ node, cluster }: JoinFacts, todo: readonly JoinStep[]): readonly string[] {
  if (cluster === null || !todo.includes('join')) return [];
  const after = new Set([...cluster.config.members.map(({ name }) => name), node.name]).size;
  if (after === 2) return ['with two members the cluster stops writing as soon as one of them is off: a QDevice or a third member helps'];
  return after % 2 === 0
    ? [`with ${after} members half of them can be lost no more than with ${after - 1}: a QDevice makes the votes odd`]
    : [];
}

function votes({ quorum }: ClusterFacts): string {
  return quorum === null ? '' : `${quorum.total} of ${quorum.expected} votes`;
}

function impossible(reason: string, hint: string): JoinDecision {
  return { is: 'impossible', reason, hint };
}
