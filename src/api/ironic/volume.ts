// /v1/volume/connectors and /v1/volume/targets, and both below a node. Stored for clients that keep them here.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { JsonObject, VolumeConnector, VolumeTarget } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import { idPath } from '../schemas.ts';
import { type Attribute, jsonObject, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time, type View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { needVersion } from './lists.ts';
import { nodeOf } from './nodes/find.ts';
import { type Asked, type ListQuery, listBody, listSchema, type Resource, resourcePlugin } from './resource.ts';
import { integer, requiredNonEmpty, requiredUuid } from './resource-kinds.ts';

const SINCE = 32;
type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

const CONNECTOR_FIELDS: readonly Field<VolumeConnector>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: (connector) => connector.uuid },
  { name: 'node_uuid', since: SINCE, isDefault: true, read: (connector) => connector.nodeUuid },
  { name: 'type', since: SINCE, isDefault: true, read: (connector) => connector.type },
  { name: 'connector_id', since: SINCE, isDefault: true, read: (connector) => connector.connectorId },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'volume/connectors', uuid) },
  { name: 'created_at', since: SINCE, read: (connector) => time(connector.createdAt) },
  { name: 'updated_at', since: SINCE, read: changedTime },
  { name: 'extra', since: SINCE, read: (connector) => masked(connector.extra) },
];

interface ConnectorGiven {
  readonly uuid: string | null;
  readonly nodeUuid: string;
  readonly type: string;
  readonly connectorId: string;
  readonly extra: JsonObject;
}

const CONNECTOR_ATTRIBUTES: readonly Attribute<ConnectorGiven>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'node_uuid', since: SINCE, field: 'nodeUuid', kind: requiredUuid, isRequired: true },
  { name: 'type', since: SINCE, field: 'type', kind: requiredNonEmpty(32), isRequired: true },
  { name: 'connector_id', since: SINCE, field: 'connectorId', kind: requiredNonEmpty(255), isRequired: true },
  { name: 'extra', since: SINCE, field: 'extra', kind: jsonObject },
];

const TARGET_FIELDS: readonly Field<VolumeTarget>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: (target) => target.uuid },
  { name: 'node_uuid', since: SINCE, isDefault: true, read: (target) => target.nodeUuid },
  { name: 'volume_type', since: SINCE, isDefault: true, read: (target) => target.volumeType },
  { name: 'boot_index', since: SINCE, isDefault: true, read: (target) => target.bootIndex },
  { name: 'volume_id', since: SINCE, isDefault: true, read: (target) => target.volumeId },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'volume/targets', uuid) },
  { name: 'created_at', since: SINCE, read: (target) => time(target.createdAt) },
  { name: 'updated_at', since: SINCE, read: changedTime },
  { name: 'extra', since: SINCE, read: (target) => masked(target.extra) },
  { name: 'properties', since: SINCE, read: (target) => masked(target.properties) },
];

interface TargetGiven {
  readonly uuid: string | null;
  readonly nodeUuid: string;
  readonly volumeType: string;
  readonly volumeId: string;
  readonly bootIndex: number;
  readonly properties: JsonObject;
  readonly extra: JsonObject;
}

const TARGET_ATTRIBUTES: readonly Attribute<TargetGiven>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'node_uuid', since: SINCE, field: 'nodeUuid', kind: requiredUuid, isRequired: true },
  { name: 'volume_type', since: SINCE, field: 'volumeType', kind: requiredNonEmpty(64), isRequired: true },
  { name: 'volume_id', since: SINCE, field: 'volumeId', kind: requiredNonEmpty(255), isRequired: true },
  { name: 'boot_index', since: SINCE, field: 'bootIndex', kind: integer, isRequired: true },
  { name: 'properties', since: SINCE, field: 'properties', kind: jsonObject },
  { name: 'extra', since: SINCE, field: 'extra', kind: jsonObject },
];

const COMMON = { since: SINCE, writers: 'operator', filters: [['node', SINCE]], hasEarlyDetail: true } as const;

export function volumePlugin(deps: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/', { config: { access: 'reader' } }, async (request) => rootOf(deps.viewOf(request), 'volume', ''));
    app.register(resourcePlugin(deps, connectorsOf(deps)), { prefix: '/connectors' });
    app.register(resourcePlugin(deps, targetsOf(deps)), { prefix: '/targets' });
  };
}

/** Below a node. */
export function nodeVolumePlugin(deps: Deps): FastifyPluginAsyncTypebox {
  const { services, viewOf } = deps;
  const config = { access: 'reader' } as const;
  return async (app) => {
    app.get('/:id/volume', { config, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      await nodeOf(services.nodes, request.params.id, view);
      return rootOf(view, 'nodes', `${request.params.id}/volume/`);
    });
    belowNode('connectors', connectorsOf(deps));
    belowNode('targets', targetsOf(deps));

    function belowNode<M extends { readonly uuid: string }, Given>(what: string, resource: Resource<M, Given>): void {
      const bare = { ...resource, filters: [] };
      app.get(`/:id/volume/${what}`, { config, schema: { params: idPath, querystring: listSchema(bare) } }, async (request) => {
        const asked: Asked = { view: viewOf(request), identity: request.identity };
        needVersion(asked.view, SINCE);
        const node = await nodeOf(services.nodes, request.params.id, asked.view);
        const list: typeof resource.list = (page, query) => resource.list(page, { ...query, node: node.uuid }, asked);
        const own = { ...bare, path: `/v1/nodes/${request.params.id}/volume/${what}`, list };
        return listBody(own, request.query as ListQuery, asked, false); // by listSchema
      });
    }
  };
}

function connectorsOf({ services }: Deps): Resource<VolumeConnector, ConnectorGiven> {
  const { connectors } = services.records;
  return {
    ...COMMON,
    collection: 'connectors',
    path: '/v1/volume/connectors',
    noun: 'Volume connector',
    nodeOf: ({ nodeUuid }) => nodeUuid,
    fields: CONNECTOR_FIELDS,
    attributes: CONNECTOR_ATTRIBUTES,
    list: async (page, query, asked) => connectors.list({ ...page, ...(await ofNode(query, asked, services)) }),
    find: (ref, tx) => connectors.find(ref, tx),
    create: (tx, { uuid, nodeUuid = '', type = '', connectorId = '', extra = {} }) =>
      connectors.create(tx, { nodeUuid, type, connectorId, extra }, uuid ?? undefined),
    update: (tx, before, changes) => connectors.update(tx, before, changes),
    remove: (tx, one) => connectors.remove(tx, one),
  };
}

function targetsOf({ services }: Deps): Resource<VolumeTarget, TargetGiven> {
  const { targets } = services.records;
  return {
    ...COMMON,
    collection: 'targets',
    path: '/v1/volume/targets',
    noun: 'Volume target',
    nodeOf: ({ nodeUuid }) => nodeUuid,
    fields: TARGET_FIELDS,
    attributes: TARGET_ATTRIBUTES,
    list: async (page, query, asked) => targets.list({ ...page, ...(await ofNode(query, asked, services)) }),
    find: (ref, tx) => targets.find(ref, tx),
    create: (tx, { uuid, nodeUuid = '', volumeType = '', volumeId = '', bootIndex = 0, properties = {}, extra = {} }) =>
      targets.create(tx, { nodeUuid, volumeType, volumeId, bootIndex, properties, extra }, uuid ?? undefined),
    update: (tx, before, changes) => targets.update(tx, before, changes),
    remove: (tx, one) => targets.remove(tx, one),
  };
}

async function ofNode({ node }: ListQuery, { view }: Asked, { nodes }: Deps['services']) {
  return node === undefined ? {} : { where: { nodeUuid: (await nodeOf(nodes, node, view)).uuid } };
}

function rootOf(view: View, collection: string, path: string): Record<string, unknown> {
  needVersion(view, SINCE);
  return {
    links: links(view, collection, path),
    connectors: links(view, collection, `${path}connectors`),
    targets: links(view, collection, `${path}targets`),
  };
}
