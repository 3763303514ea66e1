// /v1/deploy_templates: lists of deploy steps that go with a trait.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { DeployTemplate, JsonObject, TemplateStep } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import { type Attribute, jsonObject, maybeText, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { type Resource, resourcePlugin } from './resource.ts';
import { requiredNonEmpty, templateSteps } from './resource-kinds.ts';

const SINCE = 55;

const FIELDS: readonly Field<DeployTemplate>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: (template) => template.uuid },
  { name: 'name', since: SINCE, isDefault: true, read: (template) => template.name },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'deploy_templates', uuid) },
  { name: 'created_at', since: SINCE, read: (template) => time(template.createdAt) },
  { name: 'updated_at', since: SINCE, read: changedTime },
  { name: 'extra', since: SINCE, read: (template) => masked(template.extra) },
  { name: 'steps', since: SINCE, read: (template) => template.steps.map((step) => ({ ...step, args: masked(step.args) })) },
];

interface Given {
  readonly uuid: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly steps: readonly TemplateStep[];
  readonly extra: JsonObject;
}

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'name', since: SINCE, field: 'name', kind: requiredNonEmpty(255), isRequired: true },
  // Taken and kept; the replies of Ironic have no such key.
  { name: 'description', since: SINCE, field: 'description', kind: maybeText(255) },
  { name: 'steps', since: SINCE, field: 'steps', kind: templateSteps, isRequired: true },
  { name: 'extra', since: SINCE, field: 'extra', kind: jsonObject },
];

export function templatesPlugin(deps: Pick<IronicDeps, 'services' | 'viewOf'>): FastifyPluginAsyncTypebox {
  const { templates } = deps.services.records;
  const resource: Resource<DeployTemplate, Given> = {
    collection: 'deploy_templates',
    path: '/v1/deploy_templates',
    noun: 'Deploy template',
    since: SINCE,
    isRefusedByMethod: true,
    isNamed: true,
    writers: 'admin',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [],
    list: ({ ofNodes: _none, ...page }) => templates.list(page),
    find: (ref, tx) => templates.find(ref, tx),
    create: (tx, { uuid, name = '', description = null, steps = [], extra = {} }) =>
      templates.create(tx, { name, description, steps, extra }, uuid ?? undefined),
    update: (tx, before, changes) => templates.update(tx, before, changes),
    remove: (tx, one) => templates.remove(tx, one),
  };
  return resourcePlugin(deps, resource);
}
