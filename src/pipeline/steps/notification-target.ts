// Where notifications go to. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { listed, objectStep, secretCalled } from './pve-object.ts';

const Args = Type.Object(
  {
    name: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    type: Type.Union([Type.Literal('sendmail'), Type.Literal('smtp'), Type.Literal('gotify')], { description: 'How it is told.' }),
    server: Type.Optional(Type.String({ description: 'Of smtp its host, of gotify its URL.' })),
    mailto: Type.Optional(Type.Array(Type.String(), { description: 'Who gets a mail.' })),
    from: Type.Optional(Type.String({ description: 'From whom mails come.' })),
    secret: Type.Optional(Type.String({ description: 'Name of the [[pipeline.secret]] with the password (smtp) or token (gotify).' })),
    options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'Its other properties as Proxmox VE calls them: comment, port, mode, username, …',
      default: {},
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'notification-target',
  title: 'Notification target',
  args: Args,
  describe: ({ name, type }) => `notifications can go to ${name} by ${type}`,
  object: async (context) => {
    const { name, type, server, mailto, from, options } = context.args;
    const secret = await secretCalled(context, context.args.secret);
    if (typeof secret === 'object') return secret;
    const pve = await context.pve('node');
    const path = `/cluster/notifications/endpoints/${type}`;
    return {
      what: `the notification target ${name}`,
      pve,
      find: () => listed(pve, path, 'name', name),
      wanted: { ...options, server, mailto, ...(from === undefined ? {} : { 'from-address': from }) },
      ...(secret === undefined ? {} : { secret: { [type === 'gotify' ? 'token' : 'password']: secret } }),
      create: { method: 'POST', path, params: { name } },
      update: { path: `${path}/{name}`, params: { name } },
    };
  },
});
