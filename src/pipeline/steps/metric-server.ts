// A server that members send their metrics to. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { listed, objectStep, secretCalled } from './pve-object.ts';

const Args = Type.Object(
  {
    id: Type.String({ description: 'Its name.', pattern: '^[A-Za-z][A-Za-z0-9_-]+$' }),
    type: Type.Union([Type.Literal('graphite'), Type.Literal('influxdb'), Type.Literal('opentelemetry')], {
      description: 'What it speaks; opentelemetry since Proxmox VE 9.',
    }),
    server: Type.String({ description: 'Its address.' }),
    port: Type.Integer({ description: 'Its port.', minimum: 1, maximum: 65_535 }),
    token_secret: Type.Optional(Type.String({ description: 'Name of the [[pipeline.secret]] with its token (influxdb).' })),
    options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'Its other properties as Proxmox VE calls them: bucket, organization, path, proto, …',
      default: {},
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step = objectStep<Args>({
  name: 'metric-server',
  title: 'Metric server',
  args: Args,
  describe: ({ id, server }) => `metrics go to ${id} (${server})`,
  object: async (context) => {
    const { id, type, server, port, options, token_secret: named } = context.args;
    const token = await secretCalled(context, named);
    if (typeof token === 'object') return token;
    const pve = await context.pve('node');
    return {
      what: `the metric server ${id}`,
      pve,
      // The list has not all of it.
      find: async () => {
        if ((await listed(pve, '/cluster/metrics/server', 'id', id)) === undefined) return undefined;
        return Object(await pve.call('GET', '/cluster/metrics/server/{id}', { id })) as Readonly<Record<string, unknown>>; // whatever it was, it may be asked
      },
      wanted: { type, server, port, ...options },
      fixed: ['type'],
      ...(token === undefined ? {} : { secret: { token } }),
      create: { method: 'POST', path: '/cluster/metrics/server/{id}', params: { id } },
      update: { path: '/cluster/metrics/server/{id}', params: { id }, always: ['server', 'port'] },
    };
  },
});
