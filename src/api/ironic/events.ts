// POST /v1/events: what OpenStack's network service tells of ports. Nothing waits for it here: it is checked and logged, as by Ironic.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isUuid } from '../../nodes/index.ts';
import { closed } from '../schemas.ts';
import type { IronicDeps } from './index.ts';
import { needVersion } from './lists.ts';
import { bad } from './query.ts';
import { macOf } from './resource-kinds.ts';

const SINCE = 54;
const maybeText = Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 255 }));
const text = Type.String({ maxLength: 255 });

const eventsBody = Type.Object(
  {
    events: Type.Array(
      Type.Object(
        {
          event: Type.Enum(['network.bind_port', 'network.unbind_port', 'network.delete_port']),
          port_id: text,
          mac_address: text,
          status: text,
          device_id: maybeText,
          'binding:host_id': maybeText,
          'binding:vnic_type': maybeText,
        },
        closed,
      ),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  closed,
);

export function eventsPlugin({ viewOf }: Pick<IronicDeps, 'viewOf'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/', { config: { access: 'admin' }, schema: { body: eventsBody } }, async (request, reply) => {
      needVersion(viewOf(request), SINCE);
      for (const event of request.body.events) {
        for (const key of ['port_id', 'device_id', 'binding:host_id'] as const) {
          const uuid = event[key];
          if (typeof uuid === 'string' && !isUuid(uuid)) throw bad(`Schema error for evts: Expected UUID for ${key}: ${uuid}`);
        }
        macOf(event.mac_address);
      }
      for (const event of request.body.events) request.log.info({ event }, 'the network service told of a port');
      return reply.code(204).send();
    });
  };
}
