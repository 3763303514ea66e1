// Who may do what where: an entry of the access control list. By root's own shell. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { pveByShell } from '../../proxmox/index.ts';
import { objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    path: Type.String({ description: 'Where: /, /vms/100, /storage/data.', pattern: '^/' }),
    role: Type.String({ description: 'What: the name of a role.' }),
    user: Type.String({
      description: 'Who: olga@pve, or a token by its full name: olga@pve!backup.',
      pattern: '^[^\\s@]+@[^\\s!]+(?:![^\\s]+)?$',
    }),
    propagate: Type.Boolean({ description: 'For all that is below, too.', default: true }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'pve-acl',
  title: 'Permission',
  args: Args,
  describe: ({ user, role, path }) => `${user} has ${role} on ${path}`,
  object: ({ args, shell }) => {
    const pve = pveByShell(shell);
    const { path, role, user, propagate } = args;
    const who = user.includes('!') ? { tokens: user } : { users: user };
    const params = { path, roles: role, ...who };
    return Promise.resolve({
      what: `${role} of ${user} on ${path}`,
      pve,
      find: async () => {
        const rows = await pve.call('GET', '/access/acl');
        if (!Array.isArray(rows)) return undefined;
        return rows.find(
          (row: { readonly path?: unknown; readonly roleid?: unknown; readonly ugid?: unknown }) =>
            row.path === path && row.roleid === role && row.ugid === user,
        ) as Readonly<Record<string, unknown>> | undefined; // it was asked for three of its properties
      },
      wanted: { propagate },
      create: { method: 'PUT', path: '/access/acl', params },
      update: { path: '/access/acl', params },
    });
  },
});
