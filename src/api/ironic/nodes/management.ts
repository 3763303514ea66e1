// /v1/nodes/{id}/management: boot device, NMI, indicators. Through the life cycle, which asks the machine.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { BugError } from '../../../lib/index.ts';
import type { Lifecycle } from '../../../lifecycle/index.ts';
import { BOOT_DEVICES } from '../../../power/index.ts';
import { closed, idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { byOf, needVersion } from '../lists.ts';
import { bad, booleanOf } from '../query.ts';
import { nodeOf } from './find.ts';

const NMI_SINCE = 29;
const READ = { access: 'reader' } as const;
const WRITE = { access: 'operator' } as const;

const word = Type.Optional(Type.String({ maxLength: 64 }));
const flag = Type.Optional(Type.Unsafe<boolean | string | null>({ type: ['boolean', 'string', 'null'], maxLength: 8 }));
// Ironic takes them in the address as well, and then there is no body.
const deviceQuery = Type.Object({ boot_device: word, persistent: word }, closed);
const deviceObject = Type.Object({ boot_device: word, persistent: flag }, closed);
const deviceBody = Type.Unsafe<Static<typeof deviceObject> | null>({ ...deviceObject, type: ['object', 'null'] });
const noBody = Type.Unsafe<Record<string, never> | null>({ ...Type.Object({}, closed), type: ['object', 'null'] });
const indicatorPath = Type.Object({ id: Type.String(), indicator: Type.String({ maxLength: 255 }) }, closed);
const indicatorBody = Type.Object({ state: Type.String({ maxLength: 64 }) }, closed);

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

/** The life cycle is there in every appliance; only tests of other things do without. */
export function lifeOf({ lifecycle }: Deps['services']): Lifecycle {
  if (lifecycle !== undefined) return lifecycle;
  throw new BugError('the life cycle is not wired');
}

export function nodeManagementPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  const { services, viewOf } = deps;
  return async (app) => {
    app.get('/:id/management/boot_device', { config: READ, schema: { params: idPath } }, async (request) => {
      const { device, isPersistent } = await lifeOf(services).bootDevice(await nodeOf(services.nodes, request.params.id, viewOf(request)));
      return { boot_device: device, persistent: isPersistent };
    });

    app.get('/:id/management/boot_device/supported', { config: READ, schema: { params: idPath } }, async (request) => {
      const node = await nodeOf(services.nodes, request.params.id, viewOf(request));
      return { supported_boot_devices: await lifeOf(services).bootDevices(node) };
    });

    app.put(
      '/:id/management/boot_device',
      { config: WRITE, schema: { params: idPath, querystring: deviceQuery, body: deviceBody } },
      async (request, reply) => {
        const { boot_device: wanted, persistent = null } = { ...request.query, ...request.body };
        const node = await nodeOf(services.nodes, request.params.id, viewOf(request));
        if (wanted === undefined) throw bad('Missing mandatory parameter: boot_device');
        const device = BOOT_DEVICES.find((one) => one === wanted);
        if (device === undefined) throw bad(`Invalid boot device ${wanted} specified.`);
        const isPersistent = typeof persistent === 'string' ? booleanOf('persistent', persistent) : persistent === true;
        await lifeOf(services).setBootDevice(node, device, isPersistent, byOf(request));
        return reply.code(204).send();
      },
    );

    app.put('/:id/management/inject_nmi', { config: WRITE, schema: { params: idPath, body: noBody } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, NMI_SINCE);
      await lifeOf(services).injectNmi(await nodeOf(services.nodes, request.params.id, view), byOf(request));
      return reply.code(204).send();
    });

    await app.register(indicatorsPlugin(deps));
  };
}

/** No driver has lights to switch: the list is empty, and each one is what Ironic says of drivers without. */
function indicatorsPlugin({ services, viewOf }: Deps): FastifyPluginAsyncTypebox {
  const refusal = async (id: string, indicator: string, minor: number, what: string): Promise<Error> => {
    const { driver } = await nodeOf(services.nodes, id, { minor });
    if (!indicator.includes('@')) return bad(`Malformed indicator name "${indicator}"`);
    return bad(`Driver ${driver} does not support ${what} (disabled or not implemented).`);
  };
  return async (app) => {
    app.get('/:id/management/indicators', { config: READ, schema: { params: idPath } }, async (request) => {
      await nodeOf(services.nodes, request.params.id, viewOf(request));
      return { indicators: [] };
    });
    app.get('/:id/management/indicators/:indicator', { config: READ, schema: { params: indicatorPath } }, async (request) => {
      const { id, indicator } = request.params;
      throw await refusal(id, indicator, viewOf(request).minor, 'get_indicator_state');
    });
    app.put(
      '/:id/management/indicators/:indicator',
      { config: WRITE, schema: { params: indicatorPath, body: indicatorBody } },
      async (request) => {
        const { id, indicator } = request.params;
        throw await refusal(id, indicator, viewOf(request).minor, 'set_indicator_state');
      },
    );
  };
}
