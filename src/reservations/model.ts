// What an allocation is: a claim on a node, by what the node shall be. The kind as data, for the keeper of records.

import {
  BASE_SORTABLE,
  type JsonObject,
  jsonColumn,
  listText,
  parseJsonColumn,
  type RecordKind,
  type Stored,
  wordsIn,
} from '../nodes/index.ts';
import type { AllocationTable } from '../store/index.ts';
import { fail } from './errors.ts';

export const ALLOCATION_STATES = ['allocating', 'active', 'error'] as const;
export type AllocationState = (typeof ALLOCATION_STATES)[number];

export interface Allocation extends Stored {
  readonly name: string | null;
  readonly state: AllocationState;
  readonly nodeUuid: string | null;
  readonly resourceClass: string | null;
  /** UUIDs; none: every node will do. */
  readonly candidateNodes: readonly string[];
  readonly traits: readonly string[];
  readonly owner: string | null;
  readonly lastError: string | null;
  readonly extra: JsonObject;
}

/** Each failed one stays until somebody removes it. */
const MAX_ALLOCATIONS = 50_000;
const MAX_TEXT = 255;
const MAX_CLASS = 80;

export const ALLOCATION: RecordKind<Allocation, AllocationTable> = {
  table: 'allocations',
  noun: 'Allocation',
  cap: MAX_ALLOCATIONS,
  isNamed: true,
  sortable: { ...BASE_SORTABLE, name: 'text', state: 'text', node_uuid: 'text', resource_class: 'text', owner: 'text', last_error: 'text' },
  unique: [{ columns: ['name'], says: ({ name }) => `name ${name}` }],
  check: ({ name, owner, resourceClass }) => {
    checkText('name', name, MAX_TEXT);
    checkText('owner', owner, MAX_TEXT);
    checkText('resource_class', resourceClass, MAX_CLASS);
  },
  row: (allocation) =>
    ({
      uuid: allocation.uuid,
      name: allocation.name,
      state: allocation.state,
      node_uuid: allocation.nodeUuid,
      resource_class: allocation.resourceClass,
      candidate_nodes: listText('candidate_nodes', allocation.candidateNodes),
      traits: listText('traits', allocation.traits),
      owner: allocation.owner,
      last_error: allocation.lastError,
      extra: jsonColumn('extra', allocation.extra),
      created_at: allocation.createdAt,
      updated_at: allocation.updatedAt,
    }) satisfies AllocationTable,
  model: (row) => {
    const where = `allocation ${row.uuid}`;
    return {
      uuid: row.uuid,
      name: row.name,
      state: stateIn(row),
      nodeUuid: row.node_uuid,
      resourceClass: row.resource_class,
      candidateNodes: wordsIn('candidate_nodes', row.candidate_nodes, where),
      traits: wordsIn('traits', row.traits, where),
      owner: row.owner,
      lastError: row.last_error,
      extra: parseJsonColumn('extra', row.extra, where),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  },
};

function stateIn({ uuid, state }: AllocationTable): AllocationState {
  const known = ALLOCATION_STATES.find((one) => one === state);
  if (known === undefined) throw new TypeError(`allocation ${uuid} is in the state ${state}, which does not exist`);
  return known;
}

function checkText(field: string, text: string | null, most: number): void {
  if (text === null || text.length <= most) return;
  throw fail('reservations.bad_value', {
    message: `${field} of an allocation has ${text.length} characters; at most ${most} are taken.`,
    hint: 'Shorten it.',
  });
}
