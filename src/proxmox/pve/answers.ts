// What Proxmox VE answers, as far as steps read it: after the published schema, and no stricter than what they need. Perl gives numbers as texts
// and booleans as 0 and 1 now and then.

import { type Static, type TSchema, Type } from 'typebox';
import { ClusterStatus, NetworkList, NodeList, NodeStatus, Report, Version } from '../answers.ts';
import { checked } from '../api-link.ts';
import type { Pve } from '../seam.ts';
import type { Params } from './params-decide.ts';

const text = Type.String();
const flag = Type.Union([Type.Boolean(), Type.Integer(), Type.Enum(['0', '1', ''])]);
const number = Type.Union([Type.Number(), Type.String({ pattern: '^-?[0-9]+([.][0-9]+)?$' })]);
const list = <S extends TSchema>(of: S) => Type.Array(of);

const opt = { text: Type.Optional(text), flag: Type.Optional(flag), number: Type.Optional(number) };

const Disk = Type.Object({
  devpath: text,
  size: number,
  used: opt.text,
  /** "unknown" where the kernel knows none. */
  serial: opt.text,
  wwn: opt.text,
  model: opt.text,
  type: opt.text,
  gpt: opt.flag,
  mounted: opt.flag,
  parent: opt.text,
  osdid: opt.number,
  health: opt.text,
  by_id_link: opt.text,
});

const Repository = Type.Object({
  Types: list(text),
  URIs: list(text),
  Suites: list(text),
  Components: Type.Optional(list(text)),
  Enabled: flag,
  FileType: text,
  Comment: opt.text,
});

const Repositories = Type.Object({
  digest: text,
  files: list(Type.Object({ path: text, 'file-type': text, repositories: list(Repository) })),
  errors: list(Type.Object({ path: text, error: text })),
  /** status: 1 on, 0 off, absent or null: not configured. */
  'standard-repos': list(Type.Object({ handle: text, name: text, status: Type.Optional(Type.Union([flag, Type.Null()])) })),
});

const Joining = Type.Object({
  nodelist: list(
    Type.Object({ name: text, nodeid: opt.number, pve_addr: text, pve_fp: text, ring0_addr: opt.text, quorum_votes: opt.number }),
  ),
  preferred_node: text,
  config_digest: text,
  totem: Type.Record(Type.String(), Type.Unknown()),
});

const Storage = Type.Object({ storage: text, type: text, content: opt.text, nodes: opt.text, disable: opt.flag, digest: opt.text });
const StorageHere = Type.Object({ storage: text, type: text, content: text, active: opt.flag, enabled: opt.flag, total: opt.number });
const Mon = Type.Object({ name: text, addr: opt.text, quorum: opt.flag, state: opt.text, host: Type.Optional(Type.Union([flag, text])) });
const Daemon = Type.Object({ name: text, addr: opt.text, host: opt.text, state: text });
const Pool = Type.Object({
  pool_name: text,
  size: number,
  min_size: number,
  type: opt.text,
  crush_rule_name: opt.text,
  pg_num: opt.number,
});

/** By name of the call. What is not here is taken as it comes. */
export const PVE_ANSWERS = {
  'GET /version': Version,
  'GET /nodes': NodeList,
  'GET /nodes/{node}/version': Version,
  'GET /nodes/{node}/status': NodeStatus,
  'GET /nodes/{node}/report': Report,
  'GET /nodes/{node}/network': NetworkList,
  'GET /cluster/status': ClusterStatus,
  'GET /cluster/resources': list(Type.Object({ id: text, type: text, node: opt.text, vmid: opt.number, status: opt.text })),
  'GET /cluster/config/nodes': list(Type.Object({ name: opt.text, node: text, nodeid: opt.number, ring0_addr: opt.text })),
  'GET /cluster/config/join': Joining,
  'GET /nodes/{node}/tasks/{upid}/status': Type.Object({ status: Type.Enum(['running', 'stopped']), exitstatus: opt.text }),
  'GET /nodes/{node}/tasks/{upid}/log': list(Type.Object({ n: number, t: text })),
  'GET /nodes/{node}/disks/list': list(Disk),
  'GET /nodes/{node}/disks/zfs': list(Type.Object({ name: text, health: text, size: number, free: number, alloc: number })),
  'GET /nodes/{node}/disks/zfs/{name}': Type.Object({
    name: text,
    state: text,
    errors: opt.text,
    scan: opt.text,
    status: opt.text,
    action: opt.text,
    children: list(Type.Unknown()),
  }),
  'GET /nodes/{node}/apt/repositories': Repositories,
  'GET /nodes/{node}/apt/versions': list(Type.Object({ Package: text, OldVersion: opt.text, CurrentState: opt.text })),
  'GET /nodes/{node}/subscription': Type.Object({ status: text, key: opt.text, message: opt.text, level: opt.text }),
  'GET /nodes/{node}/certificates/info': list(
    Type.Object({ filename: opt.text, fingerprint: opt.text, notafter: opt.number, subject: opt.text, issuer: opt.text }),
  ),
  'GET /nodes/{node}/services': list(Type.Object({ service: text, name: text, state: text, 'unit-state': opt.text })),
  'GET /nodes/{node}/storage': list(StorageHere),
  'GET /storage': list(Storage),
  'GET /storage/{storage}': Storage,
  'GET /cluster/ceph/flags': list(Type.Object({ name: text, value: flag })),
  'GET /cluster/ceph/status': Type.Object({ health: Type.Object({ status: text }), fsid: opt.text }),
  'GET /nodes/{node}/ceph/status': Type.Object({ health: Type.Object({ status: text }), fsid: opt.text }),
  'GET /nodes/{node}/ceph/osd': Type.Object({ root: Type.Optional(Type.Unknown()), flags: opt.text }),
  'GET /nodes/{node}/ceph/mon': list(Mon),
  'GET /nodes/{node}/ceph/mgr': list(Daemon),
  'GET /nodes/{node}/ceph/mds': list(Daemon),
  'GET /nodes/{node}/ceph/pool': list(Pool),
  'GET /nodes/{node}/ceph/fs': list(Type.Object({ name: text, data_pool: text, metadata_pool: text })),
  'GET /cluster/ha/resources': list(Type.Object({ sid: text, state: opt.text, group: opt.text, type: opt.text })),
  'GET /cluster/ha/groups': list(Type.Object({ group: text, nodes: opt.text, restricted: opt.flag, nofailback: opt.flag })),
  'GET /cluster/ha/rules': list(Type.Object({ rule: text, type: opt.text, nodes: opt.text, resources: opt.text, affinity: opt.text })),
  'GET /cluster/sdn/zones': list(Type.Object({ zone: text, type: text, state: opt.text })),
  'GET /cluster/sdn/vnets': list(Type.Object({ vnet: text, zone: opt.text, tag: opt.number, state: opt.text })),
  'GET /cluster/backup': list(Type.Object({ id: text, schedule: opt.text, storage: opt.text, enabled: opt.flag, all: opt.flag })),
  'GET /cluster/metrics/server': list(Type.Object({ id: text, type: text, server: text, port: number, disable: opt.flag })),
  'GET /cluster/notifications/matchers': list(Type.Object({ name: text, origin: opt.text, disable: opt.flag })),
  'GET /cluster/notifications/targets': list(Type.Object({ name: text, type: text, origin: opt.text, disable: opt.flag })),
  'GET /access/users': list(Type.Object({ userid: text, enable: opt.flag, expire: opt.number, comment: opt.text })),
  'GET /access/users/{userid}/token': list(Type.Object({ tokenid: text, privsep: opt.flag, expire: opt.number })),
  'GET /access/roles': list(Type.Object({ roleid: text, privs: opt.text, special: opt.flag })),
  'GET /access/acl': list(Type.Object({ path: text, roleid: text, ugid: text, type: text, propagate: opt.flag })),
} as const satisfies Readonly<Record<string, TSchema>>;

export type PveRead = keyof typeof PVE_ANSWERS;
export type PveAnswer<K extends PveRead> = Static<(typeof PVE_ANSWERS)[K]>;

/** Unknown, where the table has nothing of it. */
export function answerOf(name: string): TSchema {
  return Object.hasOwn(PVE_ANSWERS, name) ? PVE_ANSWERS[name as PveRead] : Type.Unknown(); // it has that key
}

/** A read whose answer has a type. Works with any Pve: what it gives is checked here. Throws proxmox.bad_answer. */
export async function readPve<K extends PveRead>(pve: Pick<Pve, 'address' | 'call'>, name: K, params: Params = {}): Promise<PveAnswer<K>> {
  const path = name.slice('GET '.length);
  return checked(PVE_ANSWERS[name], await pve.call('GET', path, params), { host: pve.address, name });
}
