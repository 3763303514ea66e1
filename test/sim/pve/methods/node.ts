// What a member says of itself: network, state, report, tasks.

import { wrongParameters } from '../errors.ts';
import { reportOf } from '../report.ts';
import { type Member, quorumOf, shownBy, type Task } from '../world.ts';
import type { Call, Methods } from './call.ts';

const LOG_LINES = 50;

function nodes({ world, member }: Call): unknown {
  const all = member.etc.corosync === null ? [member.name] : [...member.etc.corosync.nodes.keys()];
  const seen = quorumOf(world, member).seen.map(({ name }) => name);
  return all.map((name) => ({
    node: name,
    id: `node/${name}`,
    type: 'node',
    level: '',
    status: name === member.name || seen.includes(name) ? 'online' : 'offline',
    ssl_fingerprint: fingerprintOf(world.members.get(name)),
  }));
}

const fingerprintOf = (member: Member | undefined): string | undefined => member && shownBy(member).fingerprint;

function taskOf({ member, params }: Call): Task {
  const task = member.tasks.get(params.upid ?? '');
  if (task === undefined) throw wrongParameters({ upid: 'no such task' });
  return task;
}

function statusOf(task: Task): unknown {
  const { upid, node, type, id, user, pid, pstart, starttime, exitstatus } = task;
  const state = exitstatus === null ? { status: 'running' } : { status: 'stopped', exitstatus };
  return { upid, node, type, id, user, pid, pstart, starttime, ...state };
}

function logOf(call: Call): unknown {
  const { lines } = taskOf(call);
  const start = Number(call.params.start ?? 0);
  const limit = Number(call.params.limit ?? LOG_LINES);
  const numbered = lines.map((t, at) => ({ n: at + 1, t })).slice(start, limit === 0 ? undefined : start + limit);
  return numbered.length === 0 && start === 0 ? [{ n: 1, t: 'no content' }] : numbered;
}

export const NODE: Methods = {
  'GET /version': ({ world }) => ({ version: `${world.release}.1`, release: world.release, repoid: '0123456789abcdef' }),
  'GET /nodes': nodes,
  'GET /nodes/{node}/version': ({ world }) => ({ version: `${world.release}.1`, release: world.release, repoid: '0123456789abcdef' }),
  'GET /nodes/{node}/status': ({ world }) => ({
    pveversion: `pve-manager/${world.release}.1/0123456789abcdef`,
    memory: { total: 34_359_738_368, used: 1, free: 1 },
    cpuinfo: { cpus: 8, cores: 4, sockets: 1, model: 'sim' },
    // Since 8.0, with the state of Secure Boot for EFI only.
    'boot-info': { mode: 'efi', secureboot: 0 },
  }),
  'GET /nodes/{node}/report': ({ member }) => reportOf(member.name, member.cards),
  'GET /nodes/{node}/tasks/{upid}/status': (call) => statusOf(taskOf(call)),
  'GET /nodes/{node}/tasks/{upid}/log': logOf,
};
