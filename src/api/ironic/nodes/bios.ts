// /v1/nodes/{id}/bios and /firmware: what was last read of the machine's settings and versions.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { BiosSetting, FirmwareComponent, JsonObject } from '../../../nodes/index.ts';
import { fail } from '../../errors.ts';
import { closed, idPath } from '../../schemas.ts';
import { changedTime, type Field, links, time } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { needVersion } from '../lists.ts';
import { bad, booleanOf, fieldNames, PAGE_QUERY } from '../query.ts';
import { chosenFields, newerField, type Shown, shown, shownPage } from '../view.ts';
import { nodeOf } from './find.ts';

const BIOS_SINCE = 40;
const REGISTRY_SINCE = 74;
const FIRMWARE_SINCE = 86;
const IDENTITY_SINCE = 114;

type Setting = BiosSetting & { readonly nodeUuid: string };

/** What the firmware says of a setting. */
const REGISTRY = [
  'attribute_type',
  'allowable_values',
  'lower_bound',
  'max_length',
  'min_length',
  'read_only',
  'reset_required',
  'unique',
  'upper_bound',
] as const;

const BIOS_FIELDS: readonly Field<Setting>[] = [
  { name: 'created_at', since: BIOS_SINCE, isDefault: true, read: ({ createdAt }) => time(createdAt) },
  { name: 'updated_at', since: BIOS_SINCE, isDefault: true, read: changedTime },
  { name: 'name', since: BIOS_SINCE, isDefault: true, read: ({ name }) => name },
  { name: 'value', since: BIOS_SINCE, isDefault: true, read: ({ value }) => value },
  {
    name: 'links',
    since: BIOS_SINCE,
    isDefault: true,
    isLink: true,
    read: ({ nodeUuid, name }, view) => links(view, 'nodes', `${nodeUuid}/bios/${encodeURIComponent(name)}`),
  },
  ...REGISTRY.map((name): Field<Setting> => ({ name, since: REGISTRY_SINCE, read: ({ registry }) => registryValue(registry, name) })),
];

const FIRMWARE_FIELDS: readonly Field<FirmwareComponent>[] = [
  { name: 'created_at', since: FIRMWARE_SINCE, isDefault: true, read: ({ createdAt }) => time(createdAt) },
  { name: 'updated_at', since: FIRMWARE_SINCE, isDefault: true, read: changedTime },
  { name: 'component', since: FIRMWARE_SINCE, isDefault: true, read: ({ component }) => component },
  { name: 'initial_version', since: FIRMWARE_SINCE, isDefault: true, read: ({ initialVersion }) => initialVersion },
  { name: 'current_version', since: FIRMWARE_SINCE, isDefault: true, read: ({ currentVersion }) => currentVersion },
  { name: 'last_version_flashed', since: FIRMWARE_SINCE, isDefault: true, read: ({ lastVersionFlashed }) => lastVersionFlashed },
  // No driver of ours reads which part it is that has the version.
  { name: 'vendor', since: IDENTITY_SINCE, isDefault: true, read: () => null },
  { name: 'model', since: IDENTITY_SINCE, isDefault: true, read: () => null },
  { name: 'serial_number', since: IDENTITY_SINCE, isDefault: true, read: () => null },
];

const listQuery = Type.Object({ detail: PAGE_QUERY.detail, fields: PAGE_QUERY.fields }, closed);
const settingPath = Type.Object({ id: Type.String(), setting: Type.String({ maxLength: 255 }) }, closed);

export function nodeBiosPlugin({ services, viewOf }: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const config = { access: 'reader' } as const;
  const { hardware } = services.records;
  return async (app) => {
    app.get('/:id/bios', { config, schema: { params: idPath, querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, BIOS_SINCE);
      const { uuid: nodeUuid } = await nodeOf(services.nodes, request.params.id, view);
      for (const name of ['detail', 'fields'] as const)
        if (request.query[name] !== undefined && view.minor < REGISTRY_SINCE) throw newerField(name, REGISTRY_SINCE, view.minor);
      const settings = (await hardware.bios(nodeUuid)).map((one) => ({ ...one, nodeUuid }));
      return { bios: shownPage(settings, fieldsOf(BIOS_FIELDS, request.query, view.minor), view) };
    });

    app.get('/:id/bios/:setting', { config, schema: { params: settingPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, BIOS_SINCE);
      const { uuid: nodeUuid } = await nodeOf(services.nodes, request.params.id, view);
      const found = (await hardware.bios(nodeUuid)).find(({ name }) => name === request.params.setting);
      if (found === undefined)
        throw fail('api.not_found', { message: `Node ${nodeUuid} doesn't have a BIOS setting '${request.params.setting}'` });
      const all = BIOS_FIELDS.filter(({ since }) => since <= view.minor);
      return { [found.name]: shown({ ...found, nodeUuid }, all, view) };
    });

    app.get('/:id/firmware', { config, schema: { params: idPath, querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, FIRMWARE_SINCE);
      const { uuid } = await nodeOf(services.nodes, request.params.id, view);
      return { firmware: shownPage(await hardware.firmware(uuid), fieldsOf(FIRMWARE_FIELDS, request.query, view.minor), view) };
    });
  };
}

interface Query {
  readonly detail?: string;
  readonly fields?: string;
}

function fieldsOf<M>(table: readonly Field<M>[], { detail, fields }: Query, minor: number): Shown<M> {
  const names = fieldNames(fields);
  const isFull = detail !== undefined && booleanOf('detail', detail);
  if (isFull && names !== undefined) throw bad("Can't fetch a subset of fields with 'detail' set.");
  if (names !== undefined) return chosenFields(table, names, { minor });
  return table.filter((field) => field.since <= minor && (isFull || field.isDefault === true));
}

function registryValue(registry: JsonObject, name: string): unknown {
  return Object.hasOwn(registry, name) ? registry[name] : null;
}
