// /v1/chassis, and the nodes in one.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Chassis, JsonObject } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import { type Attribute, jsonObject, maybeText, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { type Resource, resourcePlugin } from './resource.ts';

const FIELDS: readonly Field<Chassis>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (chassis) => chassis.uuid },
  { name: 'description', since: 1, isDefault: true, read: (chassis) => chassis.description },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (chassis, view) => links(view, 'chassis', chassis.uuid) },
  { name: 'created_at', since: 1, read: (chassis) => time(chassis.createdAt) },
  { name: 'updated_at', since: 1, read: changedTime },
  { name: 'extra', since: 1, read: (chassis) => masked(chassis.extra) },
  // A list in a list: so Ironic has always written it.
  { name: 'nodes', since: 1, isLink: true, read: (chassis, view) => [links(view, 'chassis', `${chassis.uuid}/nodes`)] },
];

interface Given {
  readonly uuid: string | null;
  readonly description: string | null;
  readonly extra: JsonObject;
}

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: 1, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'description', since: 1, field: 'description', kind: maybeText(255) },
  { name: 'extra', since: 1, field: 'extra', kind: jsonObject },
];

export function chassisPlugin(deps: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { chassis } = deps.services.records;
  const resource: Resource<Chassis, Given> = {
    collection: 'chassis',
    path: '/v1/chassis',
    noun: 'Chassis',
    since: 1,
    hasDetail: true,
    writers: 'operator',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [],
    list: ({ ofNodes: _none, ...page }) => chassis.list(page),
    find: (ref, tx) => chassis.find(ref, tx),
    create: (tx, { uuid, ...given }) => chassis.create(tx, { description: null, extra: {}, ...given }, uuid ?? undefined),
    update: (tx, before, changes) => chassis.update(tx, before, changes),
    remove: (tx, one) => chassis.remove(tx, one),
  };
  return resourcePlugin(deps, resource);
}
