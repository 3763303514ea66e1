// /v1/inspection_rules: what to do with what a machine reported.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { InspectionRule, JsonObject } from '../../../nodes/index.ts';
import { type Attribute, flag, maybeText, maybeUuid } from '../attributes.ts';
import { changedTime, type Field, links, time } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { type Resource, resourcePlugin } from '../resource.ts';
import { maybeInteger, objects, requiredNonEmpty } from '../resource-kinds.ts';

const SINCE = 96;

const FIELDS: readonly Field<InspectionRule>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: (rule) => rule.uuid },
  { name: 'priority', since: SINCE, isDefault: true, read: (rule) => rule.priority },
  { name: 'phase', since: SINCE, isDefault: true, read: (rule) => rule.phase },
  { name: 'description', since: SINCE, isDefault: true, read: (rule) => rule.description },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'inspection_rules', uuid) },
  { name: 'created_at', since: SINCE, read: (rule) => time(rule.createdAt) },
  { name: 'updated_at', since: SINCE, read: changedTime },
  { name: 'actions', since: SINCE, read: (rule) => (rule.sensitive ? null : rule.actions) },
  { name: 'conditions', since: SINCE, read: (rule) => (rule.sensitive ? null : rule.conditions) },
  { name: 'sensitive', since: SINCE, read: (rule) => rule.sensitive },
];

interface Given {
  readonly uuid: string | null;
  readonly description: string | null;
  readonly priority: number;
  readonly phase: string;
  readonly sensitive: boolean;
  readonly conditions: readonly JsonObject[];
  readonly actions: readonly JsonObject[];
}

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'description', since: SINCE, field: 'description', kind: maybeText(255) },
  { name: 'priority', since: SINCE, field: 'priority', kind: maybeInteger(0) },
  { name: 'phase', since: SINCE, field: 'phase', kind: requiredNonEmpty(16, 'main') },
  { name: 'sensitive', since: SINCE, field: 'sensitive', kind: flag(false) },
  { name: 'conditions', since: SINCE, field: 'conditions', kind: objects(0) },
  { name: 'actions', since: SINCE, field: 'actions', kind: objects(1), isRequired: true },
];

const BLANK = { description: null, priority: 0, phase: 'main', sensitive: false, conditions: [], actions: [] } as const;
/** All that are kept fit in one page. */
const ALL = 1000;

export function inspectionRulesPlugin(deps: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { transaction, records } = deps.services;
  const { rules } = records;
  const resource: Resource<InspectionRule, Given> = {
    collection: 'inspection_rules',
    path: '/v1/inspection_rules',
    noun: 'Rule',
    since: SINCE,
    isRefusedByMethod: true,
    writers: 'admin',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [['phase', SINCE]],
    list: ({ ofNodes: _none, ...page }, { phase }) => rules.list({ ...page, ...(phase === undefined ? {} : { where: { phase } }) }),
    find: (ref, tx) => rules.find(ref, tx),
    create: (tx, { uuid, ...given }) => rules.create(tx, { ...BLANK, ...given }, uuid ?? undefined),
    update: (tx, before, changes) => rules.update(tx, before, changes),
    remove: (tx, one) => rules.remove(tx, one),
    more: (app) => {
      app.delete('/', { config: { access: 'admin' } }, async (_request, reply) => {
        await transaction(async (tx) => {
          for (const rule of await rules.list({ limit: ALL }, tx)) await rules.remove(tx, rule);
        });
        return reply.code(204).send();
      });
    },
  };
  return resourcePlugin(deps, resource);
}
