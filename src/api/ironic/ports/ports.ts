// /v1/ports: the network cards of all nodes; and their lists below a node and a port group.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { isLogicalName, isUuid, type Port, type PortChanges, type PortInput, parseNodeUuid, parsePortUuid } from '../../../nodes/index.ts';
import type { Tx } from '../../../store/index.ts';
import { fail } from '../../errors.ts';
import { idPath } from '../../schemas.ts';
import type { View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import type { Patch } from '../json-patch.ts';
import { needVersion } from '../lists.ts';
import { nodeOf } from '../nodes/find.ts';
import { bad } from '../query.ts';
import { type Asked, findAs, type ListQuery, listBody, listSchema, type Resource, resourcePlugin, wordsOf } from '../resource.ts';
import { macOf } from '../resource-kinds.ts';
import type { Minor } from '../version.ts';
import { newerField } from '../view.ts';
import { PORT_ATTRIBUTES, PORT_FIELDS, type PortGiven } from './port-fields.ts';

const GROUP_NETWORK_SINCE: Minor = 102;

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

export function portsPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  return resourcePlugin(deps, portsResource(deps));
}

function portsResource({ services }: Deps): Resource<Port, PortGiven> {
  const { ports } = services.records;
  return {
    collection: 'ports',
    path: '/v1/ports',
    noun: 'Port',
    since: 1,
    hasDetail: true,
    isNamed: true,
    writers: 'operator',
    nodeOf: ({ nodeUuid }) => nodeUuid,
    fields: PORT_FIELDS,
    attributes: PORT_ATTRIBUTES,
    filters: [
      ['node', 1],
      ['node_uuid', 1],
      ['address', 1],
      ['portgroup', 24],
      ['shard', 82],
      ['description_contains', 97],
      ['conductor_groups', 99],
    ],
    list: async (page, query, asked) => ports.list({ ...page, ...(await choiceOf(query, asked, services)) }),
    find: (ref, tx) => ports.find(ref, tx),
    create: (tx, given, asked) => createPort(tx, given, asked, services),
    update: (tx, before, changes, patch, { view }) => {
      checkLinkVersion(changes.localLinkConnection, patch, view);
      const { physicalNetwork = before.physicalNetwork, portgroupUuid = before.portgroupUuid } = changes;
      // Since then the group has one itself; before, a network unlike that of the group's other ports is a 409.
      if (view.minor >= GROUP_NETWORK_SINCE && physicalNetwork !== before.physicalNetwork && portgroupUuid !== null)
        throw bad('physical_network cannot be changed while the port belongs to a portgroup. Change it on the port group.');
      return ports.update(tx, before, changesOf(changes));
    },
    remove: (tx, port) => ports.remove(tx, port),
  };
}

/** …/ports and …/ports/detail below a node or a port group. */
export function portListsPlugin(deps: Deps, below: 'nodes' | 'portgroups'): FastifyPluginAsyncTypebox {
  const { services, viewOf } = deps;
  const resource = { ...portsResource(deps), filters: [], path: '' };
  return async (app) => {
    for (const path of ['/:id/ports', '/:id/ports/detail'] as const)
      app.get(path, { config: { access: 'reader' }, schema: { params: idPath, querystring: listSchema(resource) } }, async (request) => {
        const asked: Asked = { view: viewOf(request), identity: request.identity };
        if (below === 'portgroups') needVersion(asked.view, 24);
        const where = below === 'nodes' ? await ofNode(request.params.id) : await ofGroup(request.params.id);
        const own = { ...resource, path: `/v1/${below}/${request.params.id}/ports`, list: list(where) };
        return listBody(own, request.query as ListQuery, asked, path.endsWith('/detail')); // by listSchema

        async function ofNode(ref: string) {
          return { nodeUuid: (await nodeOf(services.nodes, ref, asked.view)).uuid };
        }
        async function ofGroup(ref: string) {
          const { portgroups } = services.records;
          const group = await findAs({ noun: 'Portgroup', isNamed: true, find: (name) => portgroups.find(name) }, ref, asked.view);
          return { portgroupUuid: group.uuid };
        }
      });
  };

  function list(where: { readonly nodeUuid?: string; readonly portgroupUuid?: string }): Resource<Port, PortGiven>['list'] {
    return (page) => services.records.ports.list({ ...page, where });
  }
}

/** Which ports a list is about. Ironic takes one of node, port group and shard at a time. */
async function choiceOf(query: ListQuery, { view, identity }: Asked, { nodes, records }: Deps['services']) {
  const { address, portgroup, description_contains: descriptionContains } = query;
  const node = query.node_uuid ?? query.node;
  const shards = wordsOf(query.shard);
  const conductorGroups = query.conductor_groups?.split(',');
  if ([node, portgroup, shards].filter((one) => one !== undefined).length > 1)
    throw fail('api.forbidden', { message: 'Operation not permitted.', hint: 'Filter by one of node, portgroup and shard.' });
  if (conductorGroups !== undefined && (node ?? portgroup ?? address) !== undefined)
    throw bad('Filtering by conductor_groups cannot be combined with node_ident, portgroup_ident, or node address filters.');
  if (query.node_uuid !== undefined && !isUuid(query.node_uuid)) throw bad(`Expected UUID for node_uuid: ${query.node_uuid.slice(0, 255)}`);
  const findGroup = { noun: 'Portgroup', isNamed: true, find: (ref: string) => records.portgroups.find(ref) } as const;
  const where = {
    ...(address === undefined ? {} : { address: macOf(address) }),
    ...(node === undefined ? {} : { nodeUuid: (await nodeOf(nodes, node, view)).uuid }),
    ...(portgroup === undefined ? {} : { portgroupUuid: (await findAs(findGroup, portgroup, view)).uuid }),
  };
  const ofNodes = {
    ...(identity?.project === undefined ? {} : { project: identity.project }),
    ...(shards === undefined ? {} : { shards }),
    ...(conductorGroups === undefined ? {} : { conductorGroups }),
  };
  return { where, ofNodes, ...(descriptionContains === undefined ? {} : { descriptionContains }) };
}

async function createPort(tx: Tx, given: Partial<PortGiven>, { view }: Asked, { nodes, records }: Deps['services']): Promise<Port> {
  const { nodeIdent, nodeUuid, uuid, address, ...rest } = given;
  const ref = nodeIdent ?? nodeUuid;
  if (ref === undefined || address === undefined || ((nodeIdent ?? null) !== null) === (nodeUuid !== undefined))
    throw bad('Schema error for port: exactly one of node_uuid and node_ident is a required property');
  checkLinkVersion(given.localLinkConnection, [], view);
  const node = isLogicalName(ref) ? await nodes.find(ref, tx) : undefined;
  if (node === undefined) throw noNode(ref);
  const own = uuid === undefined || uuid === null ? {} : ownUuid(uuid);
  const input: PortInput = { ...rest, ...own, address, isAnyAddress: true };
  return records.ports.create(tx, node.uuid, input);
}

function changesOf({ nodeUuid, uuid: _uuid, nodeIdent: _ident, ...rest }: Partial<PortGiven>): PortChanges {
  const node = nodeUuid === undefined ? undefined : parseNodeUuid(nodeUuid);
  return { ...rest, isAnyAddress: true, ...(node === undefined ? {} : { nodeUuid: node }) };
}

/** Keys of a link came later than the link. */
const LINK_KEYS_SINCE = [
  ['network_type', 64],
  ['vtep-logical-switch', 90],
] as const;

function checkLinkVersion(link: PortGiven['localLinkConnection'] | undefined, patch: Patch, { minor }: View): void {
  for (const [key, since] of LINK_KEYS_SINCE) {
    const isPatched = patch.some(({ path }) => path === `/local_link_connection/${key}`);
    const isWhole = patch.length === 0 || patch.some(({ path }) => path === '/local_link_connection');
    if (minor < since && (isPatched || (isWhole && link !== undefined && Object.hasOwn(link, key))))
      throw newerField(`local_link_connection/${key}`, since, minor);
  }
}

function ownUuid(text: string): Pick<PortInput, 'uuid'> {
  const uuid = parsePortUuid(text);
  return uuid === undefined ? {} : { uuid };
}

function noNode(ref: string): Error {
  return bad(`Node ${ref.slice(0, 255)} could not be found.`);
}
