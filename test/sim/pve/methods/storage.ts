// storage.cfg, and what each member sees of it.

import { createHash } from 'node:crypto';
import { ApiError, died } from '../errors.ts';
import { privilegesOf } from '../permissions.ts';
import { assertQuorum, withLock } from '../tasks.ts';
import type { Member } from '../world.ts';
import { type Call, isYes, listOf, type Methods } from './call.ts';

type Storage = Readonly<Record<string, string>>;

const CONTENT: Readonly<Record<string, readonly string[]>> = {
  dir: ['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'],
  zfspool: ['images', 'rootdir', 'none'],
  lvmthin: ['images', 'rootdir', 'none'],
  lvm: ['images', 'rootdir', 'none'],
  rbd: ['images', 'rootdir', 'none'],
  cephfs: ['vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'],
  nfs: ['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'],
  cifs: ['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'],
  pbs: ['backup', 'none'],
};
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  dir: ['path'],
  zfspool: ['pool'],
  lvmthin: ['vgname', 'thinpool'],
  nfs: ['server', 'export'],
  pbs: ['server', 'datastore'],
};
const SHARED = ['rbd', 'cephfs', 'nfs', 'cifs', 'pbs'];
/** Kept in /etc/pve/priv, and never said. */
const SECRET = ['password', 'encryption-key', 'keyring', 'master-pubkey'];

const digestOf = ({ member }: Call): string =>
  createHash('sha1')
    .update(JSON.stringify([...member.etc.storage]))
    .digest('hex');

function change<T>(call: Call, code: () => T): Promise<T> {
  const { world, member, params } = call;
  assertQuorum(world, member);
  return withLock(world, member, 'storage.cfg', true, () => {
    if (params.digest !== undefined && params.digest !== digestOf(call))
      throw died('detected modified configuration - file changed by other user? Try again.');
    return code();
  });
}

function known({ member, params }: Call): Storage {
  const storage = member.etc.storage.get(params.storage ?? '');
  if (storage === undefined) throw died(`storage '${params.storage}' does not exist`);
  return storage;
}

function verify({ type = '', content }: Storage): void {
  const wrong = listOf(content).find((word) => CONTENT[type]?.includes(word) === false);
  if (wrong !== undefined) throw died(`storage does not support content type '${wrong}'`);
}

const isHere = ({ nodes, disable }: Storage, { name }: Member): boolean =>
  !isYes(disable) && (nodes === undefined || listOf(nodes).includes(name));

/** A member that was made without disks is not asked for its pools. */
function isActive({ type, pool = '' }: Storage, { disks, pools }: Member): boolean {
  return type !== 'zfspool' || disks.length === 0 || pools.has(pool.split('/')[0] ?? '');
}

function create(call: Call): Promise<unknown> {
  const { member } = call;
  const { storage = '', digest: _, ...rest } = call.params;
  return change(call, () => {
    if (member.etc.storage.has(storage)) throw died(`create storage failed: storage ID '${storage}' already defined`);
    const missing = (NEEDS[rest.type ?? ''] ?? []).find((name) => rest[name] === undefined);
    if (missing !== undefined)
      throw new ApiError(400, 'Parameter verification failed.', { [missing]: 'property is missing and it is not optional' });
    verify(rest);
    const pool = rest.pool ?? '';
    // It is activated where the call came in, if it shall be there.
    if (isHere(rest, member) && !isActive(rest, member))
      throw died(
        `create storage failed: could not activate storage '${storage}', zfs error: cannot import '${pool}': no such pool available`,
      );
    member.etc.storage.set(storage, rest);
    return { storage, type: rest.type };
  });
}

function update(call: Call): Promise<unknown> {
  const { storage = '', delete: gone, digest: _, ...rest } = call.params;
  return change(call, () => {
    const now: Record<string, string> = { ...known(call), ...rest };
    for (const name of listOf(gone)) delete now[name];
    verify(now);
    call.member.etc.storage.set(storage, now);
    return { storage, type: now.type };
  });
}

function shown(call: Call, storage: string, more: Storage): unknown {
  const open = Object.entries(more).filter(([name]) => !SECRET.includes(name));
  const shared = SHARED.includes(more.type ?? '') ? { shared: 1 } : {};
  return { storage, ...shared, ...Object.fromEntries(open), digest: digestOf(call) };
}

/** Who sees nothing of a storage is not told of it. */
const maySee = ({ member: { etc }, user }: Call, storage: string): boolean => {
  const has = privilegesOf(etc, user, `/storage/${storage}`);
  return ['Datastore.Audit', 'Datastore.Allocate', 'Datastore.AllocateSpace'].some((privilege) => has.has(privilege));
};

function ofMember(call: Call): unknown {
  const { member, params } = call;
  return [...member.etc.storage]
    .filter(([name]) => params.storage === undefined || params.storage === name)
    .filter(([name, storage]) => isHere(storage, member) && maySee(call, name))
    .map(([storage, one]) => {
      const { type = '', content = 'images,rootdir' } = one;
      const isOn = isActive(one, member);
      const size = member.pools.get(one.pool?.split('/')[0] ?? '')?.size ?? 100_000_000_000;
      const room = isOn ? { total: size, avail: size, used: 0, used_fraction: 0 } : { total: 0, avail: 0, used: 0 };
      return { storage, type, content, enabled: 1, active: isOn ? 1 : 0, shared: SHARED.includes(type) ? 1 : 0, ...room };
    });
}

export const STORAGE: Methods = {
  'GET /storage': (call) =>
    [...call.member.etc.storage]
      .filter(([name, { type }]) => maySee(call, name) && (call.params.type === undefined || type === call.params.type))
      .map(([name, more]) => shown(call, name, more)),
  'POST /storage': create,
  'GET /storage/{storage}': (call) => shown(call, call.params.storage ?? '', known(call)),
  'PUT /storage/{storage}': update,
  'DELETE /storage/{storage}': (call) =>
    change(call, () => {
      known(call);
      call.member.etc.storage.delete(call.params.storage ?? '');
    }),
  'GET /nodes/{node}/storage': ofMember,
};
