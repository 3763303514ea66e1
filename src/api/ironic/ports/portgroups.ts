// /v1/portgroups: bonded ports; their lists below a node; and the ports in one.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { DEFAULT_BOND_MODE, type Portgroup } from '../../../nodes/index.ts';
import { idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { needVersion } from '../lists.ts';
import { nodeOf } from '../nodes/find.ts';
import { bad } from '../query.ts';
import { type Asked, type ListQuery, listBody, listSchema, type Resource, resourcePlugin, wordsOf } from '../resource.ts';
import { macOf } from '../resource-kinds.ts';
import { PORTGROUP_ATTRIBUTES, PORTGROUP_FIELDS, type PortgroupGiven } from './port-fields.ts';
import { portListsPlugin } from './ports.ts';

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

export function portgroupsPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    await app.register(resourcePlugin(deps, portgroupsResource(deps)));
    await app.register(portListsPlugin(deps, 'portgroups'));
  };
}

function portgroupsResource({ services }: Deps): Resource<Portgroup, PortgroupGiven> {
  const { portgroups } = services.records;
  return {
    collection: 'portgroups',
    path: '/v1/portgroups',
    noun: 'Portgroup',
    since: 23,
    hasDetail: true,
    isNamed: true,
    writers: 'operator',
    nodeOf: ({ nodeUuid }) => nodeUuid,
    fields: PORTGROUP_FIELDS,
    attributes: PORTGROUP_ATTRIBUTES,
    filters: [
      ['node', 23],
      ['address', 23],
      ['shard', 106],
      ['conductor_groups', 99],
    ],
    list: async (page, query, asked) => portgroups.list({ ...page, ...(await choiceOf(query, asked, services)) }),
    find: (ref, tx) => portgroups.find(ref, tx),
    create: (tx, { uuid, ...given }) => portgroups.create(tx, { ...BLANK, ...given }, uuid ?? undefined),
    update: (tx, before, changes, patch) => {
      if (patch.some(({ op, path }) => op === 'remove' && path === '/mode'))
        throw bad("'mode' is a mandatory attribute and can not be removed");
      return portgroups.update(tx, before, changes);
    },
    remove: (tx, group) => portgroups.remove(tx, group),
  };
}

const BLANK = {
  nodeUuid: '',
  name: null,
  address: null,
  mode: DEFAULT_BOND_MODE,
  properties: {},
  standalonePortsSupported: true,
  physicalNetwork: null,
  category: null,
  dynamicPortgroup: false,
  internalInfo: {},
  extra: {},
} as const;

/** Below a node. */
export function nodePortgroupsPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  const { services, viewOf } = deps;
  const resource = { ...portgroupsResource(deps), filters: [] };
  return async (app) => {
    for (const path of ['/:id/portgroups', '/:id/portgroups/detail'] as const)
      app.get(path, { config: { access: 'reader' }, schema: { params: idPath, querystring: listSchema(resource) } }, async (request) => {
        const asked: Asked = { view: viewOf(request), identity: request.identity };
        needVersion(asked.view, 24);
        const node = await nodeOf(services.nodes, request.params.id, asked.view);
        const list: typeof resource.list = (page) => services.records.portgroups.list({ ...page, where: { nodeUuid: node.uuid } });
        const own = { ...resource, path: `/v1/nodes/${request.params.id}/portgroups`, list };
        return listBody(own, request.query as ListQuery, asked, path.endsWith('/detail')); // by listSchema
      });
  };
}

async function choiceOf(query: ListQuery, { view, identity }: Asked, { nodes }: Deps['services']) {
  const { node, address } = query;
  const shards = wordsOf(query.shard);
  const conductorGroups = query.conductor_groups?.split(',');
  if ([node, address, shards, conductorGroups].filter((one) => one !== undefined).length > 1)
    throw bad('Filtering by node, address, or shard simultaneously is not supported.');
  return {
    where: {
      ...(node === undefined ? {} : { nodeUuid: (await nodeOf(nodes, node, view)).uuid }),
      ...(address === undefined ? {} : { address: macOf(address) }),
    },
    ofNodes: {
      ...(identity?.project === undefined ? {} : { project: identity.project }),
      ...(shards === undefined ? {} : { shards }),
      ...(conductorGroups === undefined ? {} : { conductorGroups }),
    },
  };
}
