// Which notifications go to which targets. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { listed, objectStep } from './pve-object.ts';

const Args = Type.Object(
  {
    name: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    target: Type.Array(Type.String(), { description: 'Where they go.', minItems: 1 }),
    severity: Type.Optional(Type.Array(Type.String(), { description: 'Which: info, notice, warning, error, unknown.' })),
    field: Type.Optional(Type.Array(Type.String(), { description: 'Which: exact:type=vzdump.' })),
    comment: Type.Optional(Type.String({ description: 'What it is for.' })),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'notification-matcher',
  title: 'Notification matcher',
  args: Args,
  describe: ({ name, target }) => `what ${name} matches goes to ${target.join(', ')}`,
  object: async (context) => {
    const { name, target, severity, field, comment } = context.args;
    const pve = await context.pve('node');
    return {
      what: `the notification matcher ${name}`,
      pve,
      find: () => listed(pve, '/cluster/notifications/matchers', 'name', name),
      wanted: { target, 'match-severity': severity, 'match-field': field, comment },
      create: { method: 'POST', path: '/cluster/notifications/matchers', params: { name } },
      update: { path: '/cluster/notifications/matchers/{name}', params: { name } },
    };
  },
});
