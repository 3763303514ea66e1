// A role with its privileges. By root's own shell: the appliance's token may give nobody more than it has. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { pveByShell } from '../../proxmox/index.ts';
import { listed, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    role: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_.-]*$' }),
    privileges: Type.Array(Type.String({ pattern: '^[A-Z][A-Za-z.]+$' }), { description: 'All that it gives: VM.Audit, …', minItems: 1 }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'pve-role',
  title: 'Role',
  args: Args,
  describe: ({ role }) => `there is the role ${role}`,
  object: ({ args, shell }) => {
    const pve = pveByShell(shell);
    const { role: roleid, privileges: privs } = args;
    return Promise.resolve({
      what: `the role ${roleid}`,
      pve,
      find: () => listed(pve, '/access/roles', 'roleid', roleid),
      wanted: { privs },
      create: { method: 'POST', path: '/access/roles', params: { roleid } },
      update: { path: '/access/roles/{roleid}', params: { roleid } },
    });
  },
});
