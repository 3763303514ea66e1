// pvecm: clusters by root's own shell. Refuses what it refuses, prints what corosync-quorumtool prints.

import { isoTime } from '../../../../src/lib/index.ts';
import { callApi } from '../api.ts';
import { joinByPassword, joinBySsh, restartProxy } from '../cluster.ts';
import { ApiError, died } from '../errors.ts';
import { assertQuorum, startTask, withLock } from '../tasks.ts';
import { type Member, quorumOf, type World } from '../world.ts';
import { done, failed, type SimRan, split, type Words } from './words.ts';

const FLAGS = ['use_ssh', 'force', 'silent', 'unmerge-known-hosts'];
const NO_CLUSTER = "Error: Corosync config '/etc/pve/corosync.conf' does not exist - is this node part of a cluster?";

interface Run extends Words {
  readonly world: World;
  readonly member: Member;
  readonly stdin: string;
}

export async function pvecm(world: World, member: Member, argv: readonly string[], stdin: string): Promise<SimRan> {
  const { plain, options } = split(argv, FLAGS);
  const [command = '', ...rest] = plain;
  const run = COMMANDS[command];
  if (run === undefined) return failed(`ERROR: unknown command 'pvecm ${command}'`);
  try {
    return await run({ world, member, stdin, plain: rest, options });
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    const errors = Object.entries(thrown.errors ?? {}).map(([name, why]) => `${name}: ${why}`);
    return failed([errors.length > 0 ? `400 ${thrown.message}` : thrown.message, ...errors].join('\n'));
  }
}

async function create({ world, member, plain, options }: Run): Promise<SimRan> {
  const params = { ...options, ...(plain[0] === undefined ? {} : { clustername: plain[0] }) };
  const upid = await callApi(world, member, { user: 'root@pam' }, { verb: 'POST', path: '/cluster/config', params });
  return ended(member, String(upid));
}

/** Words of the log as they came, then why it failed. */
async function ended(member: Member, upid: string): Promise<SimRan> {
  const task = member.tasks.get(upid);
  if (task === undefined) return done('');
  await task.ended;
  const log = task.lines.slice(0, -1).map((line) => `${line}\n`);
  return task.exitstatus === 'OK' ? done(log.join('')) : failed(task.exitstatus ?? '', log.join(''));
}

async function add({ world, member, plain, options, stdin }: Run): Promise<SimRan> {
  const [hostname] = plain;
  if (hostname === undefined) throw died('400 not enough arguments');
  const { use_ssh: bySsh, ...rest } = options;
  const start = { type: 'clusterjoin', user: 'root@pam' };
  const asked = bySsh === '1' ? '' : `Please enter superuser (root) password for '${hostname}': `;
  const params = { ...rest, hostname };
  const peer = [...world.members.values()].find(({ name, addresses }) => name === hostname || addresses.includes(hostname));
  // By hand the fingerprint is shown and agreed to, where none is given.
  const fingerprint = rest.fingerprint ?? peer?.tls.fingerprint ?? '';
  const task = startTask(world, member, start, (work) =>
    bySsh === '1' ? joinBySsh(work, params) : joinByPassword(work, { ...params, fingerprint, password: stdin.split('\n')[0] ?? '' }),
  );
  const ran = await ended(member, task.upid);
  return { ...ran, out: asked + ran.out };
}

function status({ world, member }: Run): SimRan {
  const { corosync } = member.etc;
  if (corosync === null) return failed(NO_CLUSTER);
  const quorum = quorumOf(world, member);
  const own = corosync.nodes.get(member.name)?.nodeid ?? 0;
  const hex = (id: number): string => `0x${id.toString(16).padStart(8, '0')}`;
  const hasDevice = corosync.qdevice !== null;
  const flags = [...(quorum.isQuorate ? ['Quorate'] : []), ...(hasDevice ? ['Qdevice'] : [])];
  const device = hasDevice ? (corosync.qdevice?.isUp === true ? '    A,V,NMW' : '   A,NV,NMW') : '';
  const votes = (count: number): string => String(count).padStart(10);
  const lines = [
    'Cluster information\n-------------------',
    `Name:             ${corosync.name}\nConfig Version:   ${corosync.version}\nTransport:        knet\nSecure auth:      on\n`,
    'Quorum information\n------------------',
    `Date:             ${isoTime(world.clock.now())}\nQuorum provider:  corosync_votequorum\nNodes:            ${quorum.seen.length}`,
    `Node ID:          ${hex(own)}\nRing ID:          1.${corosync.version.toString(16)}\nQuorate:          ${quorum.isQuorate ? 'Yes' : 'No'}\n`,
    'Votequorum information\n----------------------',
    `Expected votes:   ${quorum.expected}\nHighest expected: ${quorum.expected}\nTotal votes:      ${quorum.total}`,
    `Quorum:           ${quorum.needed} ${quorum.isQuorate ? ' ' : 'Activity blocked'}\nFlags:            ${flags.join(' ')} \n`,
    `Membership information\n----------------------\n    Nodeid      Votes${hasDevice ? '    Qdevice' : ''} Name`,
    ...quorum.seen.map(
      (node) => `${hex(node.nodeid)} ${votes(node.votes)}${device} ${node.links['0'] ?? ''}${node.name === member.name ? ' (local)' : ''}`,
    ),
    ...(hasDevice ? [`${hex(0)} ${votes(quorum.qdeviceVotes)}            Qdevice`] : []),
  ];
  return { code: quorum.isQuorate ? 0 : 2, out: `${lines.join('\n')}\n`, err: '' };
}

function nodes({ world, member }: Run): SimRan {
  if (member.etc.corosync === null) return failed(NO_CLUSTER);
  const rows = quorumOf(world, member).seen.map(
    ({ nodeid, votes, name }) =>
      `${String(nodeid).padStart(10)} ${String(votes).padStart(10)} ${name}${name === member.name ? ' (local)' : ''}`,
  );
  return done(['', 'Membership information', '----------------------', '    Nodeid      Votes Name', ...rows, ''].join('\n'));
}

async function delnode({ world, member, plain }: Run): Promise<SimRan> {
  await callApi(world, member, { user: 'root@pam' }, { verb: 'DELETE', path: `/cluster/config/nodes/${plain[0] ?? ''}`, params: {} });
  return done('');
}

function expected({ member, plain }: Run): SimRan {
  const { corosync } = member.etc;
  if (corosync === null) return failed(NO_CLUSTER);
  const votes = Number(plain[0]);
  if (!Number.isInteger(votes) || votes < 1)
    return failed('400 Parameter verification failed.\nexpected: value must have a minimum value of 1');
  corosync.expected = votes;
  return done('');
}

async function qdevice({ world, member, plain }: Run): Promise<SimRan> {
  const { corosync } = member.etc;
  if (corosync === null) return failed(NO_CLUSTER);
  const off = [...corosync.nodes.keys()].find((name) => quorumOf(world, member).seen.every((node) => node.name !== name));
  if (off !== undefined) throw died(`All nodes must be online! Node ${off} is offline, aborting.`);
  const [verb, host] = plain;
  await withLock(world, member, 'corosync.conf', true, () => {
    if (verb === 'setup' && corosync.qdevice !== null) throw died('QDevice already configured!');
    if (verb === 'remove' && corosync.qdevice === null) throw died('No QDevice configured!');
    corosync.qdevice = verb === 'setup' ? { host: host ?? '', isUp: true } : null;
    corosync.version += 1;
  });
  return done(verb === 'remove' ? '\nRemoved Qdevice.\n' : '');
}

async function updatecerts({ world, member, options }: Run): Promise<SimRan> {
  assertQuorum(world, member);
  if (options.force === '1') {
    member.tls = await world.certificateFor(member.name);
    restartProxy(member);
  }
  const lines = [
    '(re)generate node files',
    ...(options.force === '1' ? ['generate new node certificate'] : []),
    'merge authorized SSH keys',
  ];
  return done(options.silent === '1' ? '' : `${lines.join('\n')}\n`);
}

const COMMANDS: Readonly<Record<string, (run: Run) => Promise<SimRan> | SimRan>> = {
  add,
  apiver: () => done('1\n'),
  create,
  delnode,
  expected,
  nodes,
  qdevice,
  status,
  updatecerts,
};
