// An entry of storage.cfg, with this machine among its nodes. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { impossible, listed, objectStep, type Properties, secretCalled } from './pve-object.ts';

const TYPES = ['zfspool', 'dir', 'lvmthin', 'rbd', 'cephfs', 'nfs', 'cifs', 'pbs'] as const;
/** Those that lie on each machine itself. */
const LOCAL: readonly string[] = ['zfspool', 'dir', 'lvmthin'];
/** The API sets them when an entry is made, and never again. */
const FIXED = ['type', 'path', 'export', 'datastore', 'vgname', 'thinpool', 'share', 'monhost', 'base', 'portal', 'target'];
const FORBIDDEN = ['storage', 'type', 'content', 'nodes', 'password', 'delete', 'digest'];

const Args = Type.Object(
  {
    storage: Type.String({ description: 'Its name, the same on all machines.', pattern: '^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$' }),
    type: Type.Enum(TYPES, { description: 'What kind of storage it is.' }),
    content: Type.Optional(Type.Array(Type.String(), { description: 'What may lie there: images, rootdir, iso, backup, …' })),
    options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'Its other properties as Proxmox VE calls them: pool, server, export, datastore, fs-name, krbd, …',
      default: {},
    }),
    nodes: Type.Optional(
      Type.Union([Type.Literal('this'), Type.Literal('all')], {
        description:
          '"this": the machine is added to its nodes. "all": it is on every member. Without: "this" for what lies on the machine itself, else "all".',
      }),
    ),
    password_secret: Type.Optional(Type.String({ description: 'Name of the [[pipeline.secret]] with the password (pbs, cifs).' })),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'storage',
  title: 'Storage entry',
  args: Args,
  describe: ({ storage, type }) => `the storage ${storage} (${type}) is configured, and the machine has it`,
  object: async (context) => {
    const { args, node, shell } = context;
    const { storage, type, content, options } = args;
    const taken = Object.keys(options).find((name) => FORBIDDEN.includes(name));
    if (taken !== undefined)
      return impossible(`${taken} is no option of the storage ${storage}`, `Name it beside options, or by password_secret.`);
    const password = await secretCalled(context, args.password_secret);
    if (typeof password === 'object') return password;
    const pool = options.pool;
    if (type === 'zfspool' && typeof pool === 'string') {
      const { code } = await shell.run(['zfs', 'list', '-H', '-o', 'name', pool]);
      if (code !== 0)
        return impossible(
          `${node.name} has no ZFS pool or dataset ${pool}`,
          'Put a step before this one that makes it (zfs-pool), or correct options.pool.',
        );
    }
    const pve = await context.pve('node');
    const found = await listed(pve, '/storage', 'storage', storage);
    const nodes = nodesOf(args, node.name, found?.nodes, found !== undefined);
    const wanted: Properties = {
      type,
      ...(content === undefined ? {} : { content }),
      ...options,
      ...(nodes === undefined ? {} : { nodes }),
    };
    return {
      what: `the storage ${storage}`,
      pve,
      find: () => listed(pve, '/storage', 'storage', storage),
      wanted,
      fixed: FIXED,
      ...(password === undefined ? {} : { secret: { password } }),
      create: { method: 'POST', path: '/storage', params: { storage } },
      update: { path: '/storage/{storage}', params: { storage } },
    };
  },
});

/** Undefined: as it is. A list is only ever made longer here; without one it is on all members. */
function nodesOf({ nodes, type }: Args, name: string, found: unknown, isThere: boolean): readonly string[] | undefined {
  const kind = nodes ?? (LOCAL.includes(type) ? 'this' : 'all');
  const now = typeof found === 'string' ? found.split(',').filter((one) => one !== '') : [];
  if (isThere && now.length === 0) return undefined;
  if (kind === 'this') return [...new Set([...now, name])];
  return now.length === 0 || now.includes(name) ? undefined : [...now, name];
}
