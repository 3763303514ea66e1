// Backup jobs, metric servers, notifications: objects of files and nothing more. Nothing is ever sent or backed up.

import { ApiError, died } from '../errors.ts';
import type { SimObject } from '../world.ts';
import { type Call, isYes, type Methods } from './call.ts';
import { asObject, type Kind, methodsFor, objectsOf } from './objects.ts';

const BACKUP: Kind = {
  file: 'jobs.cfg',
  title: 'backup job',
  list: '/cluster/backup',
  id: 'id',
  fixed: { type: 'vzdump' },
  nameFor: ({ world }) => {
    world.nextPid += 1;
    return `backup-${world.nextPid.toString(16).padStart(8, '0')}-sim`;
  },
  verify: ({ member, user }, object) => {
    const { storage, all, vmid, pool } = object;
    if (storage !== undefined && !member.etc.storage.has(String(storage))) throw died(`storage '${String(storage)}' does not exist`);
    if (!isYes(all === undefined ? undefined : String(all)) && vmid === undefined && pool === undefined)
      throw new ApiError(400, 'Parameter verification failed.', { vmid: 'property is missing and it is not optional' });
    for (const name of ['dumpdir', 'script', 'tmpdir'])
      if (object[name] !== undefined && user !== 'root@pam')
        throw new ApiError(403, `Permission check failed (only root can set '${name}')`);
  },
  shown: (_, object) => asObject(object, ['prune-backups', 'fleecing', 'performance']),
};

const METRICS: Kind = {
  file: 'status.cfg',
  title: 'server',
  list: '/cluster/metrics/server',
  id: 'id',
  isMadeByName: true,
  secret: ['token'],
};

const endpoint = (type: string, secret: readonly string[], builtin: Readonly<Record<string, SimObject>> = {}): Kind => ({
  file: 'notifications.cfg',
  title: 'endpoint',
  list: `/cluster/notifications/endpoints/${type}`,
  id: 'name',
  fixed: { origin: 'user-created' },
  secret,
  builtin,
  verify: (call, _, id) => {
    const others = ENDPOINTS.filter(({ list }) => !list.endsWith(`/${type}`));
    if (others.some((kind) => objectsOf(call, kind).has(id))) throw died(`could not create endpoint: '${id}' is already used`);
  },
});

const ENDPOINTS: readonly Kind[] = [
  endpoint('sendmail', [], {
    'mail-to-root': { 'mailto-user': ['root@pam'], comment: "Send mails to root@pam's email address", origin: 'builtin' },
  }),
  endpoint('gotify', ['token']),
  endpoint('smtp', ['password']),
  endpoint('webhook', ['secret']),
];

const MATCHERS: Kind = {
  file: 'notifications.cfg',
  title: 'matcher',
  list: '/cluster/notifications/matchers',
  id: 'name',
  fixed: { origin: 'user-created' },
  builtin: {
    'default-matcher': { mode: 'all', target: ['mail-to-root'], comment: 'Route all notifications to mail-to-root', origin: 'builtin' },
  },
  verify: (call, { target = [] }) => {
    const names = new Set(targets(call).map(({ name }) => name));
    const unknown = (typeof target === 'string' ? [target] : target).find((name) => !names.has(name));
    if (unknown !== undefined) throw died(`could not save: target '${unknown}' does not exist`);
  },
};

function targets(call: Call): { readonly name: string; readonly type: string }[] {
  return ENDPOINTS.flatMap((kind) => {
    const type = kind.list.split('/').at(-1) ?? '';
    return [...objectsOf(call, kind)].map(([name, { comment, origin, disable }]) => ({
      name,
      type,
      origin,
      ...(comment === undefined ? {} : { comment }),
      ...(disable === undefined ? {} : { disable }),
    }));
  });
}

export const JOBS: Methods = {
  ...methodsFor(BACKUP),
  ...methodsFor(METRICS),
  ...methodsFor(MATCHERS),
  ...Object.fromEntries(ENDPOINTS.flatMap((kind) => Object.entries(methodsFor(kind)))),
  'GET /cluster/notifications/targets': targets,
  'POST /cluster/notifications/targets/{name}/test': (call) => {
    if (!targets(call).some(({ name }) => name === call.params.name))
      throw new ApiError(404, `target '${call.params.name}' does not exist`);
  },
  'GET /cluster/backup-info/not-backed-up': (call) => {
    const all = [...objectsOf(call, BACKUP).values()].some((job) => isYes(job.all === undefined ? undefined : String(job.all)));
    return all ? [] : [...call.member.guests].map((vmid) => ({ vmid, type: 'qemu' }));
  },
};
