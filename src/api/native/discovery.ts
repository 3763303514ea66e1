// /api/discovery: the machines as other programs look them up: Prometheus, Ansible, and whoever reads a hosts file.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { ansibleInventory, hostEntries, hostsFile, prometheusTargets, type Registered, type RosterFilter } from '../../pipeline/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';

const text = Type.String();
const filter = {
  cluster: Type.Optional(Type.String({ maxLength: 255, description: 'Only members of that cluster.' })),
  profile: Type.Optional(Type.String({ maxLength: 255, description: 'Only those of that profile.' })),
};
/** Of the Prometheus node exporter. */
const NODE_EXPORTER = 9100;
const port = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 65_535, default: NODE_EXPORTER, description: 'Where the exporter listens.' }),
);

const tags = ['discovery'];
const config = { access: 'reader' } as const;
type TypedApp = Parameters<FastifyPluginAsyncTypebox>[0];

export function discoveryPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const machines = (asked: RosterFilter): Promise<readonly Registered[]> => {
    if (services.roster !== undefined) return services.roster.list(asked);
    throw fail('api.not_found', { message: 'this appliance keeps no roster of machines', hint: 'It was built without pipelines.' });
  };
  return async (app) => {
    app.get(
      '/prometheus',
      {
        config,
        schema: {
          operationId: 'discoverForPrometheus',
          summary: 'Machines with a system, as http_sd_configs of Prometheus reads them',
          tags,
          querystring: Type.Object({ ...filter, port }, closed),
          response: { 200: Type.Array(Type.Object({ targets: Type.Array(text), labels: Type.Record(text, text) })) },
        },
      },
      async ({ query }) =>
        prometheusTargets(await machines(query), query.port ?? NODE_EXPORTER).map(({ targets, labels }) => ({
          targets: [...targets],
          labels: { ...labels },
        })),
    );
    app.get(
      '/ansible',
      {
        config,
        schema: {
          operationId: 'discoverForAnsible',
          summary: 'The same as an inventory script of Ansible prints it for --list',
          tags,
          querystring: Type.Object(filter, closed),
          response: { 200: Type.Record(text, Type.Unknown()) },
        },
      },
      async ({ query }) => ({ ...ansibleInventory(await machines(query)) }),
    );
    hostsRoutes(app, machines);
  };
}

function hostsRoutes(app: TypedApp, machines: (asked: RosterFilter) => Promise<readonly Registered[]>): void {
  app.get(
    '/hosts',
    {
      config,
      schema: {
        operationId: 'discoverHosts',
        summary: 'Addresses and names of the machines',
        tags,
        querystring: Type.Object(filter, closed),
        response: { 200: Type.Object({ hosts: Type.Array(Type.Object({ address: text, names: Type.Array(text) })) }) },
      },
    },
    async ({ query }) => ({ hosts: hostEntries(await machines(query)).map(({ address, names }) => ({ address, names: [...names] })) }),
  );
  app.get(
    '/hosts.txt',
    {
      config,
      schema: { operationId: 'getHostsFile', summary: 'The same as a hosts file', tags, querystring: Type.Object(filter, closed) },
    },
    async ({ query }, reply) => reply.type('text/plain; charset=utf-8').send(hostsFile(hostEntries(await machines(query)))),
  );
}
