// /api/nodes/{id}/installation: how far the installer of a node has come, and what to look at when it does not.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { InstallationView } from '../../install/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { idPath, instant, nullable } from '../schemas.ts';
import { nodeOr404 } from './find.ts';

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const told = Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'], additionalProperties: true });

const installationReply = Type.Object({
  uuid: text,
  nodeUuid: text,
  stage: Type.String({ description: 'prepared, armed, script, kernel, initrd, iso, answered, installed, first-boot, reached, failed.' }),
  stageAt: instant,
  startedAt: instant,
  endedAt: nullable(instant),
  heardAt: Type.Unsafe<string>({ ...instant, description: 'When the machine was last heard of.' }),
  profile: text,
  installer: text,
  fqdn: text,
  address: nullable(Type.String({ description: 'With prefix; null: from DHCP.' })),
  filesystem: text,
  raid: text,
  disks: Type.Array(text),
  boots: Type.Integer({ minimum: 0, description: 'Of the installer: three at most until it has its answer.' }),
  isoBytes: count,
  isoTotal: count,
  isoBytesPerSecond: nullable(Type.Number()),
  fraction: Type.Number({ minimum: 0, maximum: 1 }),
  text: Type.String({ description: 'How it stands, in words.' }),
  stall: Type.Unsafe<{ cause: string; next: string } | null>({
    type: ['object', 'null'],
    properties: { cause: { type: 'string' }, next: { type: 'string' } },
    required: ['cause', 'next'],
    description: 'After some time without a sign: what is probably wrong, and what to do.',
  }),
  failure: nullable(text),
  needsHands: nullable(Type.String({ description: 'What somebody has to do on the machine itself, such as its boot order.' })),
  installed: told,
  firstBoot: told,
  timeline: Type.Array(Type.Object({ at: instant, type: text, severity: text, message: text })),
});

export function installationPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/:id/installation',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'getNodeInstallation',
          summary: 'How far the installation of the node has come, with its timeline',
          tags: ['nodes'],
          params: idPath,
          response: { 200: installationReply },
        },
      },
      async (request) => {
        const { uuid } = await nodeOr404(services.nodes, request.params.id);
        if (services.install === undefined) throw fail('api.not_found', { message: 'nothing is installed from here' });
        return bodyOf(await services.install.view(uuid));
      },
    );
  };
}

function bodyOf(view: InstallationView): Static<typeof installationReply> {
  return {
    ...view,
    stageAt: isoTime(view.stageAt),
    startedAt: isoTime(view.startedAt),
    endedAt: view.endedAt === null ? null : isoTime(view.endedAt),
    heardAt: isoTime(view.heardAt),
    disks: [...view.disks],
    timeline: view.timeline.map((entry) => ({ ...entry, at: isoTime(entry.at) })),
  };
}
