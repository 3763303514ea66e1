// storage.cfg.

import { died } from '../errors.ts';
import { assertQuorum, withLock } from '../tasks.ts';
import { type Call, listOf, type Methods } from './call.ts';

function change<T>({ world, member }: Call, code: () => T): Promise<T> {
  assertQuorum(world, member);
  return withLock(world, member, 'storage.cfg', true, code);
}

function known({ member, params }: Call): Record<string, string> {
  const storage = member.etc.storage.get(params.storage ?? '');
  if (storage === undefined) throw died(`storage '${params.storage}' does not exist`);
  return storage;
}

function create(call: Call): Promise<unknown> {
  const { storage = '', ...rest } = call.params;
  return change(call, () => {
    if (call.member.etc.storage.has(storage)) throw died(`create storage failed: storage ID '${storage}' already defined`);
    call.member.etc.storage.set(storage, rest);
    return { storage, type: rest.type };
  });
}

function update(call: Call): Promise<unknown> {
  const { storage = '', delete: gone, digest: _, ...rest } = call.params;
  return change(call, () => {
    const now = { ...known(call), ...rest };
    for (const name of listOf(gone)) delete now[name];
    call.member.etc.storage.set(storage, now);
    return { storage, type: now.type };
  });
}

export const STORAGE: Methods = {
  'GET /storage': ({ member, params }) =>
    [...member.etc.storage].map(([storage, more]) => ({ storage, ...more })).filter((one) => fits(one, params.type)),
  'POST /storage': create,
  'GET /storage/{storage}': (call) => ({ storage: call.params.storage, ...known(call) }),
  'PUT /storage/{storage}': update,
  'DELETE /storage/{storage}': (call) =>
    change(call, () => {
      known(call);
      call.member.etc.storage.delete(call.params.storage ?? '');
    }),
};

function fits(storage: Readonly<Record<string, string>>, type: string | undefined): boolean {
  return type === undefined || storage.type === type;
}
