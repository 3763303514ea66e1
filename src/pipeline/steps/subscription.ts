// The subscription key of the machine. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { impossible, objectStep, secretCalled } from './pve-object.ts';

const Args = Type.Object(
  { key_secret: Type.String({ description: 'Name of the [[pipeline.secret]] with the key of this machine (one a machine).' }) },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'subscription',
  title: 'Subscription key',
  args: Args,
  describe: () => 'the machine has its subscription key',
  object: async (context) => {
    const { node, args } = context;
    const key = await secretCalled(context, args.key_secret);
    if (typeof key === 'object') return key;
    if (key === undefined) return impossible('no subscription key is named', 'Name one: key_secret.');
    const pve = await context.pve('node');
    return {
      what: `the subscription of ${node.name}`,
      pve,
      find: async () => {
        const now = Object(await pve.call('GET', '/nodes/{node}/subscription', { node: node.name })) as { readonly key?: unknown }; // whatever it was, it may be asked for that
        return now.key === key ? { key: 'as it shall be' } : undefined;
      },
      wanted: {},
      secret: { key },
      create: { method: 'PUT', path: '/nodes/{node}/subscription', params: { node: node.name } },
      update: { path: '/nodes/{node}/subscription', params: { node: node.name } },
    };
  },
});
