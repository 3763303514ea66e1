// The filters, order and marker of lists of nodes, as Ironic's clients write them.

import { type Static, Type } from 'typebox';
import { isNodeSortKey, isProvisionState, isUuid, NODE_SORT_KEYS, type NodeFilters, type NodeQuery } from '../../../nodes/index.ts';
import { fail } from '../../errors.ts';
import { projectFilter } from '../../project.ts';
import { closed } from '../../schemas.ts';
import type { ApiServices, Identity } from '../../services.ts';
import type { View } from '../fields.ts';
import { notFoundAs } from '../lists.ts';
import { bad, booleanOf, PAGE_QUERY } from '../query.ts';
import type { Minor } from '../version.ts';
import { newerField } from '../view.ts';
import { NODE_FIELDS } from './fields.ts';

/** Since which version each may be used. */
const FILTERS = {
  associated: 1,
  chassis_uuid: 1,
  conductor: 49,
  conductor_group: 46,
  description_contains: 1,
  driver: 16,
  fault: 42,
  include_children: 83,
  instance_name: 104,
  instance_uuid: 1,
  lessee: 65,
  maintenance: 1,
  owner: 50,
  parent_node: 83,
  project: 1,
  provision_state: 9,
  resource_class: 21,
  retired: 1,
  shard: 82,
  sharded: 82,
} as const satisfies Readonly<Record<string, Minor>>;
type Filter = keyof typeof FILTERS;

const word = Type.Optional(Type.String({ maxLength: 4096 }));
const words: Record<Filter, typeof word> = {
  associated: word,
  chassis_uuid: word,
  conductor: word,
  conductor_group: word,
  description_contains: word,
  driver: word,
  fault: word,
  include_children: word,
  instance_name: word,
  instance_uuid: word,
  lessee: word,
  maintenance: word,
  owner: word,
  parent_node: word,
  project: word,
  provision_state: word,
  resource_class: word,
  retired: word,
  shard: word,
  sharded: word,
};
export const nodeListQuery = Type.Object({ ...PAGE_QUERY, ...words }, closed);
export type NodeListQuery = Static<typeof nodeListQuery>;

const FAULTS = ['power failure', 'clean failure', 'rescue abort failure', 'service failure'];
const MAX_SHARDS = 1000;

export async function nodeQueryOf(
  services: Pick<ApiServices, 'nodes' | 'records'>,
  query: NodeListQuery,
  identity: Identity | null,
  view: View,
): Promise<Pick<NodeQuery, 'filters' | 'sort' | 'marker'>> {
  for (const [name, since] of Object.entries(FILTERS)) {
    if (Object.hasOwn(query, name) && view.minor < since) throw newerField(name, since, view.minor);
  }
  const filters = {
    ...flagsOf(query),
    ...wordsOf(query),
    ...(await linksOf(services, query)),
    ...projectOf(query.project, identity),
  };
  return { filters, ...sortOf(query, view), ...(await markerOf(services, query.marker)) };
}

function flagsOf({ associated, maintenance, retired, sharded }: NodeListQuery): NodeFilters {
  return {
    ...(associated === undefined ? {} : { associated: booleanOf('associated', associated) }),
    ...(maintenance === undefined ? {} : { maintenance: booleanOf('maintenance', maintenance) }),
    ...(retired === undefined ? {} : { retired: booleanOf('retired', retired) }),
    ...(sharded === undefined ? {} : { sharded: booleanOf('sharded', sharded) }),
  };
}

function wordsOf(query: NodeListQuery): NodeFilters {
  const { provision_state: state, fault, shard, driver, owner, lessee } = query;
  const { resource_class: resourceClass, conductor_group: group, instance_name: instanceName, description_contains: text } = query;
  if (state !== undefined && !isProvisionState(state)) throw bad(`Provision state ${JSON.stringify(state.slice(0, 80))} is not valid`);
  if (fault !== undefined && !FAULTS.includes(fault))
    throw bad(`Unrecognized fault ${JSON.stringify(fault.slice(0, 80))} is specified, allowed faults are ${FAULTS.join(', ')}`);
  return {
    ...(state === undefined ? {} : { provisionState: state }),
    ...(fault === undefined ? {} : { fault }),
    ...(driver === undefined ? {} : { driver }),
    ...(resourceClass === undefined ? {} : { resourceClass }),
    ...(group === undefined ? {} : { conductorGroup: group.toLowerCase() }),
    ...(owner === undefined ? {} : { owner }),
    ...(lessee === undefined ? {} : { lessee }),
    ...(instanceName === undefined ? {} : { instanceName }),
    ...(text === undefined ? {} : { descriptionContains: text }),
    ...(shard === undefined ? {} : { shards: shard.split(',').slice(0, MAX_SHARDS) }),
  };
}

/** Filters that name something else. Children are shown only when they or their parent are asked for. */
async function linksOf({ nodes, records }: Pick<ApiServices, 'nodes' | 'records'>, query: NodeListQuery): Promise<NodeFilters> {
  const { instance_uuid: instance, chassis_uuid: chassis, parent_node: parent, include_children: children } = query;
  const withChildren = children !== undefined && booleanOf('include_children', children);
  if (chassis !== undefined && (await records.chassis.find(uuidIn('chassis_uuid', chassis))) === undefined)
    throw notFoundAs('Chassis', chassis);
  const parentUuid = parent === undefined || isUuid(parent) ? parent?.toLowerCase() : ((await nodes.find(parent))?.uuid ?? parent);
  return {
    ...(instance === undefined ? {} : { instanceUuid: uuidIn('instance_uuid', instance) }),
    ...(chassis === undefined ? {} : { chassisUuid: chassis.toLowerCase() }),
    ...(withChildren ? {} : { parentNode: parentUuid ?? null }),
  };
}

function projectOf(asked: string | undefined, identity: Identity | null): NodeFilters {
  const own = projectFilter(identity);
  if (asked === undefined) return own;
  if (own.project === undefined || own.project === asked) return { project: asked };
  throw fail('api.forbidden', { message: `Access was denied to the nodes of project ${asked.slice(0, 255)}` });
}

function sortOf({ sort_key: key, sort_dir: direction }: NodeListQuery, { minor }: View): Pick<NodeQuery, 'sort'> {
  const sortKey = key === undefined || key === 'id' ? 'created_at' : key; // `id`: order of making
  const field = NODE_FIELDS.find((row) => row.name === sortKey);
  if (field !== undefined && field.since > minor) throw newerField(field.name, field.since, minor);
  if (!isNodeSortKey(sortKey))
    throw bad(
      `The sort_key value ${JSON.stringify(sortKey.slice(0, 80))} is an invalid field for sorting. Valid are: ${NODE_SORT_KEYS.join(', ')}.`,
    );
  return { sort: { key: sortKey, descending: direction === 'desc' } };
}

async function markerOf({ nodes }: Pick<ApiServices, 'nodes'>, marker: string | undefined): Promise<Pick<NodeQuery, 'marker'>> {
  if (marker === undefined) return {};
  const node = await nodes.find(uuidIn('marker', marker));
  if (node === undefined) throw notFoundAs('Node', marker);
  return { marker: node.uuid };
}

function uuidIn(name: string, text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  throw bad(`Expected UUID for ${name}: ${text.slice(0, 80)}`);
}
