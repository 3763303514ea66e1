// Where guests that are highly available shall run: a group of Proxmox VE 8. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { impossible, listed, majorOf, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    group: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    nodes: Type.Array(Type.String(), { description: 'Nodes, with a priority if it matters: pve1:2.', minItems: 1 }),
    restricted: Type.Optional(Type.Boolean({ description: 'Nowhere else, even if none of them is there.' })),
    nofailback: Type.Optional(Type.Boolean({ description: 'Guests stay where they are when a better node comes back.' })),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'ha-group',
  title: 'HA group',
  args: Args,
  describe: ({ group }) => `there is the HA group ${group}`,
  object: async (context) => {
    const { group, ...wanted } = context.args;
    const pve = await context.pve('node');
    if ((await majorOf(pve)) >= 9) return impossible('Proxmox VE 9 has made HA groups into rules', 'Use the step ha-rule there.');
    return {
      what: `the HA group ${group}`,
      pve,
      find: () => listed(pve, '/cluster/ha/groups', 'group', group),
      wanted,
      create: { method: 'POST', path: '/cluster/ha/groups', params: { group } },
      update: { path: '/cluster/ha/groups/{group}', params: { group } },
    };
  },
});
