// Chassis: a name for what holds several machines. One with nodes in it can not be removed.

import type { ChassisTable } from '../../store/index.ts';
import { type JsonObject, jsonColumn, parseJsonColumn } from '../json.ts';
import { checkText } from './checks.ts';
import { fail } from './errors.ts';
import { BASE_SORTABLE, createKeeper, type Keeper, type KeeperDeps, type Kind, type Stored } from './keeper.ts';
import { countOf } from './page.ts';

export interface Chassis extends Stored {
  readonly description: string | null;
  readonly extra: JsonObject;
}

const KIND: Kind<Chassis, ChassisTable> = {
  table: 'chassis',
  noun: 'Chassis',
  cap: 10_000,
  sortable: { ...BASE_SORTABLE, description: 'text' },
  unique: [],
  check: ({ description }) => checkText('description', description, 255),
  row: (chassis) =>
    ({
      uuid: chassis.uuid,
      description: chassis.description,
      extra: jsonColumn('extra', chassis.extra),
      created_at: chassis.createdAt,
      updated_at: chassis.updatedAt,
    }) satisfies ChassisTable,
  model: (row) => ({
    uuid: row.uuid,
    description: row.description,
    extra: parseJsonColumn('extra', row.extra, `chassis ${row.uuid}`),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }),
};

export function createChassis(deps: KeeperDeps): Keeper<Chassis> {
  const keeper = createKeeper(KIND, deps);
  return {
    ...keeper,
    remove: async (tx, chassis) => {
      if ((await countOf(tx, 'nodes', { chassis_uuid: chassis.uuid })) > 0)
        throw fail('records.not_empty', {
          message: `Cannot complete the requested action because chassis ${chassis.uuid} contains nodes.`,
          hint: 'Remove the nodes, or take them out of the chassis.',
        });
      await keeper.remove(tx, chassis);
    },
  };
}
