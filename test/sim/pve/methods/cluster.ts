// Clusters: made, joined, left, looked at.

import { createHash } from 'node:crypto';
import { addNode, createCluster, joinByPassword, removeNode } from '../cluster.ts';
import { ApiError, died } from '../errors.ts';
import { startTask } from '../tasks.ts';
import { type Member, quorumOf, shownBy, type World } from '../world.ts';
import type { Call, Methods } from './call.ts';

const ringsOf = (links: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(links).map(([link, address]) => [`ring${link}_addr`, address]));

/** The node that answers stands among them as local; without a cluster it stands alone. */
function status({ world, member }: Call): unknown {
  const { corosync } = member.etc;
  const quorum = quorumOf(world, member);
  const node = (name: string, nodeid: number, ip: string | undefined): unknown => ({
    type: 'node',
    id: `node/${name}`,
    name,
    ...(ip === undefined ? {} : { ip }),
    level: '',
    online: name === member.name || quorum.seen.some((one) => one.name === name) ? 1 : 0,
    local: name === member.name ? 1 : 0,
    nodeid,
  });
  if (corosync === null) return [node(member.name, 0, member.ip)];
  const nodes = [...corosync.nodes.values()];
  const quorate = quorum.isQuorate ? 1 : 0;
  return [
    { type: 'cluster', id: 'cluster', name: corosync.name, nodes: nodes.length, quorate, version: corosync.version },
    ...nodes.map(({ name, nodeid }) => node(name, nodeid, world.members.get(name)?.ip)),
  ];
}

function corosyncOf(member: Member): NonNullable<Member['etc']['corosync']> {
  if (member.etc.corosync === null) throw new ApiError(424, 'node is not in a cluster, no join info available!');
  return member.etc.corosync;
}

function joinInfo({ world, member, params }: Call): unknown {
  const corosync = corosyncOf(member);
  const preferred = params.node ?? member.name;
  if (!corosync.nodes.has(preferred)) throw died(`unknown node '${preferred}'`);
  return {
    nodelist: [...corosync.nodes.values()].map(({ name, nodeid, votes, links }) => ({
      name,
      nodeid: String(nodeid),
      ...ringsOf(links),
      quorum_votes: String(votes),
      pve_addr: world.members.get(name)?.ip,
      pve_fp: fingerprintOf(world, name),
    })),
    preferred_node: preferred,
    totem: totemOf(member),
    config_digest: createHash('sha1').update(`${corosync.name} ${corosync.version}`).digest('hex'),
  };
}

function fingerprintOf(world: World, name: string): string | undefined {
  const member = world.members.get(name);
  return member && shownBy(member).fingerprint;
}

function totemOf({ etc: { corosync } }: Member): unknown {
  if (corosync === null) return {};
  const links = Object.keys([...corosync.nodes.values()][0]?.links ?? {});
  return {
    cluster_name: corosync.name,
    config_version: String(corosync.version),
    interface: Object.fromEntries(links.map((link) => [link, { linknumber: link }])),
    ip_version: 'ipv4-6',
    link_mode: 'passive',
    secauth: 'on',
    ...(corosync.coefficient === null ? {} : { token_coefficient: String(corosync.coefficient) }),
    version: '2',
  };
}

/** Each member's own list, newest first; the real one gathers it by pmxcfs. */
function allTasks(world: World, member: Member): unknown {
  const seen = [...world.members.values()].filter((other) => other === member || other.etc === member.etc);
  const tasks = seen.flatMap((one) => [...one.tasks.values()]).sort((a, b) => b.starttime - a.starttime || b.pid - a.pid);
  return tasks.map(({ upid, node, type, id, user, pid, pstart, starttime, exitstatus }) => ({
    upid,
    node,
    type,
    id,
    user,
    pid,
    pstart,
    starttime,
    ...(exitstatus === null ? {} : { status: exitstatus }),
  }));
}

export const CLUSTER: Methods = {
  'GET /cluster/status': status,
  'GET /cluster/tasks': ({ world, member }) => allTasks(world, member),
  'GET /cluster/config': () => ['nodes', 'totem', 'join', 'qdevice', 'apiversion'].map((name) => ({ name })),
  'GET /cluster/config/apiversion': () => 1,
  'GET /cluster/config/nodes': ({ member }) =>
    [...(member.etc.corosync?.nodes.values() ?? [])].map(({ name, nodeid, votes, links }) => ({
      name,
      node: name,
      nodeid: String(nodeid),
      quorum_votes: String(votes),
      ...ringsOf(links),
    })),
  'GET /cluster/config/totem': ({ member }) => totemOf(member),
  'GET /cluster/config/join': joinInfo,
  'GET /cluster/config/qdevice': ({ member: { etc } }) =>
    etc.corosync?.qdevice == null
      ? {}
      : {
          Algorithm: etc.corosync.nodes.size % 2 === 0 ? 'Fifty-Fifty split' : 'LMS',
          Model: 'Net',
          'QNetd host': `${etc.corosync.qdevice.host}:5403`,
          State: etc.corosync.qdevice.isUp ? 'Connected' : 'Connecting',
        },
  'POST /cluster/config': ({ world, member, params, user }) => {
    if (member.etc.corosync !== null) throw died("cluster config '/etc/pve/corosync.conf' already exists");
    const start = { type: 'clustercreate', id: params.clustername ?? '', user };
    return startTask(world, member, start, (work) => createCluster(work, params)).upid;
  },
  'POST /cluster/config/join': ({ world, member, params, user }) =>
    startTask(world, member, { type: 'clusterjoin', user }, (work) => joinByPassword(work, params)).upid,
  'POST /cluster/config/nodes/{node}': async ({ world, member, params }) => {
    const warnings: string[] = [];
    await addNode(world, member, params);
    return { corosync_authkey: 'key', corosync_conf: `totem { cluster_name: ${member.etc.corosync?.name} }`, warnings };
  },
  'DELETE /cluster/config/nodes/{node}': ({ world, member, params }) => removeNode(world, member, params.node ?? ''),
};
