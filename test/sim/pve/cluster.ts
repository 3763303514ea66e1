// How a cluster is made, and how a node comes and goes: the order of things, the words of the log, and where each may break.

import { died } from './errors.ts';
import { isYes } from './methods/call.ts';
import { propertiesOf } from './schema/verify.ts';
import { assertQuorum, type Work, withLock } from './tasks.ts';
import { type Corosync, type CorosyncNode, type Member, memberAt, quorumOf, reaches, shownBy, type World } from './world.ts';

type Params = Readonly<Record<string, string>>;

const LOCAL_LOCK = '/var/lock/pvecm.lock';
const LINK = { address: { default_key: true }, priority: { optional: true } };
const RESTART_MS = 3000;
const QUORUM_POLL_MS = 1000;

function linksOf(params: Params): Record<string, string> {
  const links: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    const number = /^link(\d)$/.exec(name)?.[1];
    if (number !== undefined) links[number] = propertiesOf(LINK, value).address ?? '';
  }
  return links;
}

export function createCluster({ world, member, print, takes }: Work, params: Params): Promise<void> {
  return withLock(world, member, LOCAL_LOCK, false, async () => {
    const given = linksOf(params);
    const links = Object.keys(given).length === 0 ? { '0': member.ip } : given;
    const node: CorosyncNode = { name: member.name, nodeid: Number(params.nodeid ?? 1), votes: Number(params.votes ?? 1), links };
    print('Corosync Cluster Engine Authentication key generator.');
    print('Writing corosync key to /etc/corosync/authkey.');
    member.hasAuthkey = true;
    print('Writing corosync config to /etc/pve/corosync.conf');
    print('Restart corosync and cluster filesystem');
    await takes(RESTART_MS);
    const coefficient = params['token-coefficient'] ?? (world.release === '9.1' ? '125' : null);
    member.etc.corosync = {
      name: params.clustername ?? '',
      version: 1,
      nodes: new Map([[node.name, node]]),
      coefficient: coefficient === null ? null : Number(coefficient),
      qdevice: null,
      expected: null,
    };
  });
}

/** What the peer does when somebody wants in. Only where there is more than one member is the cluster's lock taken too. */
export async function addNode(world: World, peer: Member, params: Params): Promise<void> {
  assertQuorum(world, peer);
  const code = (): void => {
    const corosync = corosyncOf(peer);
    const node = newNode(corosync, params);
    corosync.nodes.set(node.name, node);
    changed(corosync);
  };
  await withLock(world, peer, LOCAL_LOCK, false, async () => {
    if (quorumOf(world, peer).seen.length > 1) await withLock(world, peer, 'corosync.conf', true, code);
    else code();
  });
}

function corosyncOf(member: Member): Corosync {
  if (member.etc.corosync === null)
    throw died("Error: Corosync config '/etc/pve/corosync.conf' does not exist - is this node part of a cluster?");
  return member.etc.corosync;
}

function changed(corosync: Corosync): void {
  corosync.version += 1;
  corosync.expected = null;
}

function newNode(corosync: Corosync, params: Params): CorosyncNode {
  const name = params.node ?? '';
  const nodes = [...corosync.nodes.values()];
  const links = newLinks(nodes, name, params);
  const known = corosync.nodes.get(name);
  const nodeid = Number(params.nodeid ?? known?.nodeid ?? freeId(nodes));
  const votes = Number(params.votes ?? known?.votes ?? 1);
  const isSame = known !== undefined && known.votes === votes && known.nodeid === nodeid && isYes(params.force);
  if (known !== undefined && !isSame) throw died(`can't add existing node '${name}'`);
  return { name, nodeid, votes, links };
}

function freeId(nodes: readonly CorosyncNode[]): number {
  for (let id = 1; ; id += 1) if (nodes.every(({ nodeid }) => nodeid !== id)) return id;
}

function newLinks(nodes: readonly CorosyncNode[], name: string, params: Params): Record<string, string> {
  const links = linksOf(params);
  for (const address of Object.values(links)) {
    const other = nodes.find((one) => one.name !== name && Object.values(one.links).includes(address));
    const at = Object.entries(other?.links ?? {}).find(([, used]) => used === address)?.[0];
    if (other !== undefined) throw died(`corosync: address '${address}' already used on link ring${at}_addr by node '${other.name}'`);
  }
  const theirs = Object.keys(nodes[0]?.links ?? {});
  if (Object.keys(links).length === 0) return oneLink(theirs, params.new_node_ip);
  for (const link of theirs)
    if (links[link] === undefined) throw died(`corosync: link ${link} exists in cluster config but wasn't specified for new node`);
  for (const link of Object.keys(links))
    if (!theirs.includes(link)) throw died(`corosync: link ${link} specified for new node doesn't exist in cluster config`);
  return links;
}

function oneLink(theirs: readonly string[], address: string | undefined): Record<string, string> {
  if (address === undefined) throw died('no links and no fallback ip (new_node_ip) given, cannot join cluster');
  if (theirs.length === 1) return { [theirs[0] ?? '0']: address };
  throw died('no links given but multiple links found on other nodes, fallback only supported on single-link clusters');
}

/** What keeps a node from joining: printed as a list, then one sentence. */
function assertJoinable({ member, print }: Work, params: Params): void {
  const errors: string[] = [];
  if (member.hasAuthkey) errors.push("authentication key '/etc/corosync/authkey' already exists");
  if (member.etc.corosync !== null) errors.push("cluster config '/etc/pve/corosync.conf' already exists");
  if (member.guests.size > 0) errors.push('this host already contains virtual guests');
  if (member.etc.corosync !== null) errors.push('corosync is already running, is this node already in a cluster?!');
  for (const [link, address] of Object.entries(linksOf(params)))
    if (!member.addresses.includes(address)) errors.push(`link${link}: cannot use IP '${address}', not found on local node!\n`);
  if (errors.length === 0) return;
  print('detected the following error(s):');
  for (const error of errors) for (const line of `* ${error}`.split('\n')) print(line);
  if (!isYes(params.force)) throw died('Check if node may join a cluster failed!');
  print('WARNING : detected error but forced to continue!');
}

/** By the password of the peer's root: what POST /cluster/config/join does. */
export function joinByPassword(work: Work, params: Params): Promise<void> {
  const { world, member, print } = work;
  return withLock(world, member, LOCAL_LOCK, false, async () => {
    assertJoinable(work, params);
    const host = params.hostname ?? '';
    print(`Establishing API connection with host '${host}'`);
    const peer = memberAt(world, host);
    if (peer === undefined || !reaches(member, peer)) throw died(`500 Can't connect to ${host}:8006 (No route to host)`);
    if (params.fingerprint?.toUpperCase() !== shownBy(peer).fingerprint.toUpperCase())
      throw died(`500 Can't connect to ${host}:8006 (certificate verify failed)`);
    if (params.password !== peer.rootPassword) throw died('401 authentication failure');

    print('Login succeeded.');
    print('check cluster join API version');
    await request(work, peer, params, false);
    print('Join request OK, finishing setup locally');
    await finishJoin(work, peer);
  });
}

/** By SSH as root to the peer: what pvecm add --use_ssh does. */
export async function joinBySsh(work: Work, params: Params): Promise<void> {
  const { world, member, print } = work;
  assertJoinable(work, params);
  const peer = memberAt(world, params.hostname ?? '');
  if (peer === undefined || !reaches(member, peer)) throw died('unable to copy ssh ID: exit code 1');
  await request(work, peer, params, true);
  print('copy corosync auth key');
  await finishJoin(work, peer);
}

async function request(work: Work, peer: Member, params: Params, isBySsh: boolean): Promise<void> {
  const { world, member, print } = work;
  const { hostname: _h, password: _p, fingerprint: _f, ...rest } = params;
  const hasLinks = Object.keys(linksOf(params)).length > 0;
  if (!hasLinks) print(`No cluster network links passed explicitly, fallback to local node IP '${member.ip}'`);
  if (!isBySsh) print('Request addition of this node');
  if (isOrdered(world, 'before-peer')) throw died('500 read timeout');
  const fallback = hasLinks ? {} : { new_node_ip: member.ip };
  try {
    await addNode(world, peer, { ...rest, ...fallback, ...(isBySsh ? { force: '1' } : {}), node: member.name });
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    print(isBySsh ? said : `An error occurred on the cluster node: ${said}`);
    const command = `ssh ${params.hostname} -o BatchMode=yes pvecm addnode ${member.name} --force 1`;
    throw died(isBySsh ? `unable to add node: command failed (${command})` : 'Cluster join aborted!');
  }
}

function isOrdered(world: World, at: World['faults']['join']): boolean {
  if (world.faults.join !== at) return false;
  world.faults.join = null;
  return true;
}

/** From here all of its own /etc/pve is gone, its certificate is another, and who spoke with it is cut off. */
async function finishJoin({ world, member, print, takes }: Work, peer: Member): Promise<void> {
  if (isOrdered(world, 'after-peer')) throw died("can't stop pve-cluster service: got timeout");
  member.hasAuthkey = true;
  print('stopping pve-cluster service');
  print(`backup old database to '/var/lib/pve-cluster/backup/config-${Math.floor(world.clock.now() / 1000)}.sql.gz'`);
  await takes(RESTART_MS);
  member.etc = peer.etc;
  if (!quorumOf(world, member).isQuorate) print('waiting for quorum...');
  while (!quorumOf(world, member).isQuorate) await takes(QUORUM_POLL_MS);
  print('(re)generate node files');
  print('generate new node certificate');
  member.tls = await world.certificateFor(member.name);
  print('merge authorized SSH keys');
  print('generated new node certificate, restart pveproxy and pvedaemon services');
  restartProxy(member);
  print(`successfully added node '${member.name}' to cluster.`);
}

export function restartProxy(member: Member): void {
  for (const told of member.onRestart) told();
}

export async function removeNode(world: World, asked: Member, which: string): Promise<void> {
  if (which === asked.name) throw died('Cannot delete myself from cluster!');
  assertQuorum(world, asked);
  const code = (): void => {
    const corosync = corosyncOf(asked);
    const node = [...corosync.nodes.values()].find(({ name, links }) => name === which || links['0'] === which || links['1'] === which);
    if (node === undefined) throw died(`Node/IP: ${which} is not a known host of the cluster.`);
    corosync.nodes.delete(node.name);
    changed(corosync);
  };
  await withLock(world, asked, LOCAL_LOCK, false, async () => {
    if (quorumOf(world, asked).seen.length > 1) await withLock(world, asked, 'corosync.conf', true, code);
    else code();
  });
}
