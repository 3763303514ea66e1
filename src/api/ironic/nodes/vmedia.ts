// /v1/nodes/{id}/vmedia: images put into the machine's virtual drives. The life cycle tells the machine and remembers what is in.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { closed, idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { byOf, needVersion } from '../lists.ts';
import { bad, fieldNames } from '../query.ts';
import { nodeOf } from './find.ts';
import { lifeOf } from './management.ts';

const SINCE = 89;
const GET_SINCE = 93;
const DEVICES = ['disk', 'cdrom', 'floppy'] as const;
const SCHEMES: readonly string[] = ['http', 'https', 'nfs', 'cifs', 'smb'];
/** As Redfish calls what goes into a drive. */
const MEDIA_TYPES: Readonly<Record<string, readonly string[]>> = { cdrom: ['CD', 'DVD'], disk: ['USBStick'], floppy: ['Floppy'] };

const mediaBody = Type.Object(
  {
    device_type: Type.Enum([...DEVICES]),
    image_url: Type.String({ minLength: 1, maxLength: 2048 }),
    image_download_source: Type.Optional(Type.Enum(['http', 'local', 'swift'])),
  },
  closed,
);
const deleteQuery = Type.Object({ device_types: Type.Optional(Type.String({ maxLength: 255 })) }, closed);

export function nodeVmediaPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { hardware } = services.records;
  return async (app) => {
    app.get('/:id/vmedia', { config: { access: 'reader' }, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, GET_SINCE);
      const { uuid } = await nodeOf(services.nodes, request.params.id, view);
      const media = await hardware.media(uuid);
      return media.map(({ deviceType, imageUrl }) => ({ media_types: MEDIA_TYPES[deviceType] ?? [], inserted: true, image: imageUrl }));
    });

    app.post('/:id/vmedia', { config: { access: 'operator' }, schema: { params: idPath, body: mediaBody } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const { device_type: deviceType, image_url: imageUrl, image_download_source: source } = request.body;
      const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(imageUrl)?.[1]?.toLowerCase() ?? '';
      if (!SCHEMES.includes(scheme)) throw bad(`Unsupported or missing URL scheme: ${scheme}`);
      const node = await nodeOf(services.nodes, request.params.id, view);
      await lifeOf(services).attachMedia(node, { deviceType, imageUrl, imageDownloadSource: source ?? null }, byOf(request));
      return reply.code(204).send();
    });

    app.delete(
      '/:id/vmedia',
      { config: { access: 'operator' }, schema: { params: idPath, querystring: deleteQuery } },
      async (request, reply) => {
        const view = viewOf(request);
        needVersion(view, SINCE);
        const types = fieldNames(request.query.device_types) ?? null;
        const unknown = types?.filter((one) => !DEVICES.some((known) => known === one)) ?? [];
        if (unknown.length > 0) throw bad(`Invalid device type(s) ${unknown.join(', ')} (valid are ${DEVICES.join(', ')})`);
        const node = await nodeOf(services.nodes, request.params.id, view);
        await lifeOf(services).detachMedia(node, types, byOf(request));
        return reply.code(204).send();
      },
    );
  };
}
