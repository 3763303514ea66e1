// Runbooks: named lists of steps that may be run on nodes with the right traits, by whoever owns them, or by all when public.

import { type RawBuilder, sql } from 'kysely';
import type { RunbookTable } from '../../store/index.ts';
import { flag } from '../columns.ts';
import { type JsonObject, jsonColumn, parseJsonColumn } from '../json.ts';
import type { Reader } from '../list.ts';
import { checkText, isLogicalName } from './checks.ts';
import { badValue } from './errors.ts';
import { BASE_SORTABLE, createKeeper, type Keeper, type KeeperDeps, type Kind, type RecordQuery, type Stored } from './keeper.ts';
import { listText, wordsIn } from './lists.ts';
import { pageOf } from './page.ts';
import { checkSteps, type RunbookStep, storedSteps } from './steps.ts';
import { checkTraitName } from './templates.ts';

export interface Runbook extends Stored {
  readonly name: string;
  readonly description: string | null;
  readonly steps: readonly RunbookStep[];
  readonly disableRamdisk: boolean;
  readonly public: boolean;
  readonly owner: string | null;
  /** Sorted, each once. */
  readonly traits: readonly string[];
  readonly extra: JsonObject;
}

export interface Runbooks extends Keeper<Runbook> {
  /** `project`: its own ones and the public ones. */
  list(query: RecordQuery<Runbook> & { readonly project?: string }, on?: Reader): Promise<Runbook[]>;
}

const MAX_TRAITS = 50;

const KIND: Kind<Runbook, RunbookTable> = {
  table: 'runbooks',
  noun: 'Runbook',
  cap: 1000,
  isNamed: true,
  sortable: { ...BASE_SORTABLE, name: 'text', owner: 'text', public: 'number', disable_ramdisk: 'number', description: 'text' },
  unique: [{ columns: ['name'], says: ({ name }) => `name ${name}` }],
  check: (runbook) => {
    if (!isLogicalName(runbook.name))
      throw badValue(
        `Runbook invalid: '${runbook.name.slice(0, 80)}' is no name.`,
        'A name holds letters, digits and - . _ ~ only, 255 at most.',
      );
    checkText('description', runbook.description, 255);
    checkText('owner', runbook.owner, 255);
    if (runbook.traits.length > MAX_TRAITS)
      throw badValue(`Runbook invalid: ${runbook.traits.length} traits, at most ${MAX_TRAITS} are taken.`);
    for (const trait of runbook.traits) checkTraitName('Runbook', trait);
    if (runbook.public && runbook.owner !== null)
      throw badValue('There cannot be an owner for a public runbook', 'Set one of `public` and `owner`.');
    checkSteps(
      'Runbook',
      'order',
      runbook.steps.map((step) => ({ ...step, rank: step.order })),
    );
  },
  row: (runbook) =>
    ({
      uuid: runbook.uuid,
      name: runbook.name,
      description: runbook.description,
      steps: listText(
        'steps',
        runbook.steps.map((step) => ({ ...step })),
      ),
      disable_ramdisk: flag(runbook.disableRamdisk),
      public: flag(runbook.public),
      owner: runbook.owner,
      traits: listText('traits', [...new Set(runbook.traits)].toSorted()),
      extra: jsonColumn('extra', runbook.extra),
      created_at: runbook.createdAt,
      updated_at: runbook.updatedAt,
    }) satisfies RunbookTable,
  model: (row) => ({
    uuid: row.uuid,
    name: row.name,
    description: row.description,
    steps: storedSteps(row.steps, `runbook ${row.uuid}`).map(({ rank, ...step }) => ({ ...step, order: rank })),
    disableRamdisk: row.disable_ramdisk === 1,
    public: row.public === 1,
    owner: row.owner,
    traits: wordsIn('traits', row.traits, `runbook ${row.uuid}`),
    extra: parseJsonColumn('extra', row.extra, `runbook ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
};

export function createRunbooks(deps: KeeperDeps): Runbooks {
  const keeper = createKeeper(KIND, deps);
  return {
    ...keeper,
    list: async ({ project, ...query }, on) => {
      if (project === undefined) return keeper.list(query, on);
      const theirs: RawBuilder<boolean> = sql<boolean>`(owner = ${project} or public = 1)`;
      return (await pageOf<RunbookTable>(on ?? deps.db, KIND, query, {}, [theirs])).map(KIND.model);
    },
  };
}
