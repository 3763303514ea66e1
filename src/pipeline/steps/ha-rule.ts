// Where guests that are highly available shall run: a rule of Proxmox VE 9. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { impossible, listed, majorOf, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    rule: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    type: Type.Union([Type.Literal('node-affinity'), Type.Literal('resource-affinity')], {
      description: '"node-affinity": guests to nodes. "resource-affinity": guests to each other.',
      default: 'node-affinity',
    }),
    resources: Type.Array(Type.String({ pattern: '^(?:vm|ct):[0-9]+$' }), { description: 'Guests, as HA has them: vm:100.', minItems: 1 }),
    nodes: Type.Optional(Type.Array(Type.String(), { description: 'Nodes, with a priority if it matters: pve1:2.' })),
    strict: Type.Optional(Type.Boolean({ description: 'Nowhere else, even if none of them is there.' })),
    affinity: Type.Optional(
      Type.Union([Type.Literal('positive'), Type.Literal('negative')], { description: '"positive": together. "negative": apart.' }),
    ),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'ha-rule',
  title: 'HA rule',
  args: Args,
  describe: ({ rule, type }) => `there is the HA rule ${rule} (${type})`,
  object: async (context) => {
    const { rule, type, resources, nodes, strict, affinity } = context.args;
    const pve = await context.pve('node');
    if ((await majorOf(pve)) < 9) return impossible(`Proxmox VE 8 has no HA rules`, 'Use the step ha-group there.');
    return {
      what: `the HA rule ${rule}`,
      pve,
      find: () => listed(pve, '/cluster/ha/rules', 'rule', rule),
      wanted: { type, resources, nodes, strict, affinity },
      fixed: ['type'],
      create: { method: 'POST', path: '/cluster/ha/rules', params: { rule } },
      update: { path: '/cluster/ha/rules/{rule}', params: { rule }, always: ['type'] },
    };
  },
});
