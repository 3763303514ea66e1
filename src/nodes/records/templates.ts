// Deploy templates: named lists of deploy steps, matched by the traits of an instance, so a template's name is the name of a trait.

import type { DeployTemplateTable } from '../../store/index.ts';
import { type JsonObject, jsonColumn, parseJsonColumn } from '../json.ts';
import { checkText } from './checks.ts';
import { badValue } from './errors.ts';
import { BASE_SORTABLE, createKeeper, type Keeper, type KeeperDeps, type Kind, type Stored } from './keeper.ts';
import { listText } from './lists.ts';
import { checkSteps, storedSteps, type TemplateStep } from './steps.ts';
import { isTraitName } from './trait-names.ts';

export interface DeployTemplate extends Stored {
  readonly name: string;
  readonly description: string | null;
  readonly steps: readonly TemplateStep[];
  readonly extra: JsonObject;
}

const KIND: Kind<DeployTemplate, DeployTemplateTable> = {
  table: 'deploy_templates',
  noun: 'Deploy template',
  cap: 1000,
  isNamed: true,
  sortable: { ...BASE_SORTABLE, name: 'text' },
  unique: [{ columns: ['name'], says: ({ name }) => `name ${name}` }],
  check: ({ name, description, steps }) => {
    checkTraitName('Deploy template', name);
    checkText('description', description, 255);
    checkSteps(
      'Deploy template',
      'priority',
      steps.map((step) => ({ ...step, rank: step.priority })),
    );
  },
  row: (template) =>
    ({
      uuid: template.uuid,
      name: template.name,
      description: template.description,
      steps: listText(
        'steps',
        template.steps.map((step) => ({ ...step })),
      ),
      extra: jsonColumn('extra', template.extra),
      created_at: template.createdAt,
      updated_at: template.updatedAt,
    }) satisfies DeployTemplateTable,
  model: (row) => ({
    uuid: row.uuid,
    name: row.name,
    description: row.description,
    steps: storedSteps(row.steps, `deploy template ${row.uuid}`).map(({ rank, ...step }) => ({ ...step, priority: rank })),
    extra: parseJsonColumn('extra', row.extra, `deploy template ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
};

export function createTemplates(deps: KeeperDeps): Keeper<DeployTemplate> {
  return createKeeper(KIND, deps);
}

export function checkTraitName(what: string, name: string): void {
  if (isTraitName(name)) return;
  throw badValue(
    `${what} invalid: '${name.slice(0, 80)}' is not the name of a trait.`,
    'A trait is CUSTOM_ and then capital letters, digits and _, or one of the standard names of os-traits.',
  );
}
