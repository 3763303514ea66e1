// /v1/drivers: the hardware types there are, what each can be driven by, and what of driver_info it reads.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { BugError } from '../../lib/index.ts';
import { INTERFACES, type Interface } from '../../nodes/index.ts';
import type { HardwareType, Registry } from '../../power/index.ts';
import { closed } from '../schemas.ts';
import { type Field, links, type View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { RAID_PROPERTIES } from './nodes/raid-properties.ts';
import { bad, booleanOf, fieldNames, PAGE_QUERY } from './query.ts';
import type { Minor } from './version.ts';
import { chosenFields, fullFields, newerField, type Shown, shown } from './view.ts';

interface Shape {
  readonly type: HardwareType;
  /** Appliances that have it. */
  readonly hosts: readonly string[];
}

const LINKS_SINCE: Minor = 14;
const DYNAMIC_SINCE: Minor = 30;
const FIELDS_SINCE: Minor = 77;
const RAID_SINCE: Minor = 12;
const INTERFACE_SINCE: Readonly<Partial<Record<Interface, Minor>>> = { storage: 33, rescue: 38, bios: 40, firmware: 86 };

const SHORT: readonly Field<Shape>[] = [
  { name: 'name', since: 1, read: ({ type }) => type.name },
  { name: 'hosts', since: 1, read: ({ hosts }) => hosts },
  { name: 'links', since: 1, isLink: true, read: ({ type }, view) => links(view, 'drivers', type.name) },
  { name: 'properties', since: LINKS_SINCE, isLink: true, read: ({ type }, view) => links(view, 'drivers', `${type.name}/properties`) },
  { name: 'type', since: DYNAMIC_SINCE, read: () => 'dynamic' },
];
const FULL: readonly Field<Shape>[] = [
  ...SHORT,
  ...INTERFACES.flatMap((which): Field<Shape>[] => {
    const since = INTERFACE_SINCE[which] ?? DYNAMIC_SINCE;
    return [
      { name: `default_${which}_interface`, since, read: ({ type }) => type.supports[which][0] ?? null },
      { name: `enabled_${which}_interfaces`, since, read: ({ type }) => type.supports[which] },
    ];
  }),
];

const word = Type.Optional(Type.String({ maxLength: 255 }));
const listQuery = Type.Object({ type: word, detail: PAGE_QUERY.detail, fields: PAGE_QUERY.fields }, closed);
const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);
const name = Type.String({ maxLength: 255 });
const namePath = Type.Object({ name }, closed);
const methodPath = Type.Object({ name, method: name }, closed);
const methodQuery = Type.Object({ method: Type.Optional(name) }, closed);

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

export function driversPlugin({ services, viewOf }: Deps): FastifyPluginAsyncTypebox {
  const config = { access: 'reader' } as const;
  const registry = (): Registry => {
    if (services.hardware !== undefined) return services.hardware;
    throw new BugError('the registry of drivers is not wired');
  };
  const shapes = async (types: readonly HardwareType[]): Promise<Shape[]> => {
    const alive = (await services.conductors.list()).filter((one) => one.isAlive);
    const hostsOf = (type: HardwareType) => alive.filter((one) => one.drivers.includes(type.name)).map((one) => one.hostname);
    return types.map((type) => ({ type, hosts: hostsOf(type) }));
  };

  return async (app) => {
    app.get('/', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      const { type, detail, fields: chosen } = request.query;
      const isFull = detail !== undefined && booleanOf('detail', detail);
      if (isFull && fieldNames(chosen) !== undefined) throw bad('Can not specify ?detail=True and fields in the same request.');
      if (detail !== undefined && view.minor < DYNAMIC_SINCE) throw newerField('detail', DYNAMIC_SINCE, view.minor);
      if (type !== undefined && view.minor < DYNAMIC_SINCE) throw newerField('type', DYNAMIC_SINCE, view.minor);
      if (type !== undefined && type !== 'classic' && type !== 'dynamic')
        throw bad('"type" filter must be one of "classic" or "dynamic", if specified.');
      const fields = fieldsOf(chosen, isFull ? FULL : SHORT, view);
      // Classic drivers are a thing of the past; the word is still understood.
      const listed = type === 'classic' ? [] : registry().hardwareTypes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return { drivers: (await shapes(listed)).map((one) => shown(one, fields, view)) };
    });

    app.get('/:name', { config, schema: { params: namePath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      const fields = fieldsOf(request.query.fields, FULL, view);
      const [one] = await shapes([registry().hardwareType(request.params.name)]);
      if (one === undefined) throw new BugError('a hardware type has no shape');
      return shown(one, fields, view);
    });

    app.get('/:name/properties', { config, schema: { params: namePath } }, async (request) => registry().properties(request.params.name));

    app.get('/:name/raid/logical_disk_properties', { config, schema: { params: namePath } }, async (request) => {
      const view = viewOf(request);
      if (view.minor < RAID_SINCE) throw newerField('raid', RAID_SINCE, view.minor);
      registry().hardwareType(request.params.name);
      return RAID_PROPERTIES;
    });

    await app.register(passthruPlugin(registry));
  };
}

/** What vendors add to a hardware type as a whole. None of ours has anything. */
function passthruPlugin(registry: () => Registry): FastifyPluginAsyncTypebox {
  const config = { access: 'admin' } as const;
  const method = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  return async (app) => {
    app.get('/:name/vendor_passthru/methods', { config, schema: { params: namePath } }, async (request) => {
      registry().hardwareType(request.params.name);
      return {};
    });
    app.route({
      method,
      url: '/:name/vendor_passthru',
      config,
      schema: { params: namePath, querystring: methodQuery },
      handler: async (request) => {
        registry().hardwareType(request.params.name);
        const { method: called } = request.query;
        throw bad(called === undefined ? 'Missing mandatory parameter: method' : `No handler for method ${called}`);
      },
    });
    app.route({
      method,
      url: '/:name/vendor_passthru/:method',
      config,
      schema: { params: methodPath },
      handler: async (request) => {
        registry().hardwareType(request.params.name);
        throw bad(`No handler for method ${request.params.method}`);
      },
    });
  };
}

/** Unlike others, they took long to learn to be asked for parts. */
function fieldsOf(chosen: string | undefined, table: readonly Field<Shape>[], view: View): Shown<Shape> {
  const names = fieldNames(chosen);
  if (names === undefined) return fullFields(table, view);
  if (view.minor < FIELDS_SINCE) throw newerField('fields', FIELDS_SINCE, view.minor);
  return chosenFields(FULL, names, view);
}
