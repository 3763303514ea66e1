// A user, without a password: how he signs in is for a realm or a person. By root's shell. Proven on a simulator of Proxmox VE. Second
// factors are left alone.

import { type Static, Type } from 'typebox';
import { pveByShell } from '../../proxmox/index.ts';
import { listed, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    user: Type.String({ description: 'With its realm: olga@pve.', pattern: '^[^\\s:/@]+@[A-Za-z][A-Za-z0-9.-]*$' }),
    comment: Type.Optional(Type.String({ description: 'Who that is.' })),
    email: Type.Optional(Type.String({ description: 'Where mails go.' })),
    enable: Type.Boolean({ description: 'May sign in.', default: true }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'pve-user',
  title: 'User',
  args: Args,
  describe: ({ user }) => `there is the user ${user}`,
  object: ({ args, shell }) => {
    const pve = pveByShell(shell);
    const { user: userid, ...wanted } = args;
    return Promise.resolve({
      what: `the user ${userid}`,
      pve,
      find: () => listed(pve, '/access/users', 'userid', userid),
      wanted,
      create: { method: 'POST', path: '/access/users', params: { userid } },
      update: { path: '/access/users/{userid}', params: { userid } },
    });
  },
});
