// /v1/nodes/{id}/vifs: virtual interfaces that a client attaches to a node's ports.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isLogicalName, isUuid, type VifRequest } from '../../../nodes/index.ts';
import { closed, idPath } from '../../schemas.ts';
import type { View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { needVersion } from '../lists.ts';
import { bad } from '../query.ts';
import { nodeOf } from './find.ts';
import { needUnlocked } from './locked.ts';

const SINCE = 28;
const PLACES_SINCE = 67;
const word = Type.Optional(Type.String({ maxLength: 255 }));
/** Clients add what their network service says of it, which is not kept. */
const vifBody = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 255 }), port_uuid: word, portgroup_uuid: word },
  { additionalProperties: true },
);
const vifPath = Type.Object({ id: Type.String(), vif: Type.String() }, closed);

export function vifsPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { vifs } = services.records;
  return async (app) => {
    app.get('/:id/vifs', { config: { access: 'reader' }, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const attached = await vifs.list(await nodeOf(services.nodes, request.params.id, view));
      return { vifs: attached.map(({ id }) => ({ id })) };
    });

    app.post('/:id/vifs', { config: { access: 'operator' }, schema: { params: idPath, body: vifBody } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const wanted = requestOf(request.body, view);
      const { uuid } = await nodeOf(services.nodes, request.params.id, view);
      await services.transaction(async (tx) => {
        await needUnlocked(services, tx, uuid);
        await vifs.attach(tx, await services.nodes.get(uuid, tx), wanted);
      });
      return reply.code(204).send();
    });

    app.delete('/:id/vifs/:vif', { config: { access: 'operator' }, schema: { params: vifPath } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const { uuid } = await nodeOf(services.nodes, request.params.id, view);
      await services.transaction(async (tx) => {
        await needUnlocked(services, tx, uuid);
        await vifs.detach(tx, await services.nodes.get(uuid, tx), request.params.vif);
      });
      return reply.code(204).send();
    });
  };
}

interface Body {
  readonly id: string;
  readonly port_uuid?: string;
  readonly portgroup_uuid?: string;
}

function requestOf({ id, port_uuid: port, portgroup_uuid: group }: Body, { minor }: View): VifRequest {
  if (!isLogicalName(id)) throw bad(`Expected a logical name or UUID but received ${id}.`);
  // Before, these are words like any other that a client adds.
  if (minor < PLACES_SINCE) return { id };
  if (port !== undefined && group !== undefined) throw bad('Cannot specify both port_uuid and portgroup_uuid');
  for (const uuid of [port, group]) if (uuid !== undefined && !isUuid(uuid)) throw bad(`Expected a UUID but received ${uuid}.`);
  return {
    id,
    ...(port === undefined ? {} : { portUuid: port.toLowerCase() }),
    ...(group === undefined ? {} : { portgroupUuid: group.toLowerCase() }),
  };
}
