// What is kept of a node beside its fields, read only: its history, its inventory, its children; and the shards of all nodes.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { type HistoryEntry, isUuid } from '../../../nodes/index.ts';
import { projectFilter } from '../../project.ts';
import { closed, idPath } from '../../schemas.ts';
import { type Field, links, time, type View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { needVersion, notFoundAs, pageBody } from '../lists.ts';
import { bad, booleanOf, limitOf, PAGE_QUERY } from '../query.ts';
import { defaultFields, fullFields, shown } from '../view.ts';
import { nodeOf } from './find.ts';

const config = { access: 'reader' } as const;
const { fields: _fields, ...historyQuery } = PAGE_QUERY;
const entryPath = Type.Object({ id: idPath.properties.id, entry: idPath.properties.id }, closed);
/** What a list shows of a text; the whole stands in the detail. */
const SHORT_TEXT = 255;

const HISTORY_SINCE = 78;
const HISTORY_FIELDS: readonly Field<HistoryEntry>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (entry) => entry.uuid },
  { name: 'created_at', since: 1, isDefault: true, read: (entry) => time(entry.at) },
  { name: 'severity', since: 1, isDefault: true, read: (entry) => entry.severity.toUpperCase() },
  { name: 'event', since: 1, isDefault: true, read: textOf },
  { name: 'event_type', since: 1, read: (entry) => `provision ${entry.event}` },
  { name: 'conductor', since: 1, read: () => null },
  { name: 'user', since: 1, read: (entry) => entry.actor ?? entry.who },
  { name: 'project', since: 113, read: () => null },
  { name: 'state', since: 115, read: (entry) => entry.to },
  { name: 'target_provision_state', since: 115, read: () => null },
  { name: 'duration_seconds', since: 115, read: () => null },
  {
    name: 'links',
    since: 1,
    isDefault: true,
    read: (entry, view) => links(view, 'nodes', `${entry.nodeUuid}/history/${entry.uuid}`).slice(0, 1),
  },
];

export function nodeRecordsPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const { nodes } = services;
  return async (app) => {
    app.get('/:id/history', { config, schema: { params: idPath, querystring: Type.Object(historyQuery, closed) } }, async (request) => {
      const { params, query } = request;
      const view = viewOf(request);
      needVersion(view, HISTORY_SINCE);
      if (query.sort_key !== undefined && query.sort_key !== 'created_at' && query.sort_key !== 'uuid')
        throw bad(`The sort_key value ${JSON.stringify(query.sort_key)} is an invalid field for sorting`);
      const limit = limitOf(query.limit);
      const isOldestFirst = query.sort_dir !== 'desc';
      const node = await nodeOf(nodes, params.id, view);
      const marker = query.marker === undefined ? undefined : (await nodes.historyEntry(node.uuid, query.marker)).uuid;
      const behind = marker === undefined ? {} : isOldestFirst ? { after: marker } : { before: marker };
      const rows = await nodes.history(node.uuid, { limit, isOldestFirst, ...behind });
      const isDetail = query.detail !== undefined && booleanOf('detail', query.detail);
      const fields = isDetail
        ? fullFields(HISTORY_FIELDS, view)
        : defaultFields(HISTORY_FIELDS, view).map((field) => (field.name === 'event' ? { ...field, read: shortTextOf } : field));
      return pageBody({ collection: 'history', rows, fields, view, path: `/v1/nodes/${params.id}/history`, query, limit });
    });

    app.get('/:id/history/:entry', { config, schema: { params: entryPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, HISTORY_SINCE);
      const node = await nodeOf(nodes, request.params.id, view);
      if (!isUuid(request.params.entry)) throw notFoundAs('Node history record', request.params.entry);
      return shown(await nodes.historyEntry(node.uuid, request.params.entry), fullFields(HISTORY_FIELDS, view), view);
    });

    app.get('/:id/inventory', { config, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, 81);
      const node = await nodeOf(nodes, request.params.id, view);
      const inventory = await nodes.inventory(node.uuid);
      if (inventory === undefined) throw notFoundAs('Node inventory record for node', node.uuid);
      return { inventory: inventory.inventory, plugin_data: inventory.pluginData };
    });

    app.get('/:id/children', { config, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, 83);
      const node = await nodeOf(nodes, request.params.id, view);
      const children = await nodes.list({ filters: { parentNode: node.uuid, ...projectFilter(request.identity) } });
      return { children: children.map((child) => child.uuid), links: childrenLink(view, node.uuid) };
    });
  };
}

export function shardsPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/', { config }, async (request) => {
      needVersion(viewOf(request), 82);
      const shards = await services.nodes.countByShard();
      // As from Ironic: the fullest first, and nodes without a shard under this word.
      return { shards: shards.toSorted((a, b) => b.count - a.count).map(({ name, count }) => ({ name: name ?? 'None', count })) };
    });
  };
}

function textOf(entry: HistoryEntry): string {
  return entry.reason ?? `${entry.from} to ${entry.to} by ${entry.event}`;
}

function shortTextOf(entry: HistoryEntry): string {
  const text = textOf(entry);
  return text.length > SHORT_TEXT ? `${text.slice(0, SHORT_TEXT - 4)}...` : text;
}

/** One link here, not a list of them. */
function childrenLink(view: View, uuid: string): { readonly href: string; readonly rel: string } {
  return { href: `${view.baseUrl}/v1/nodes/?parent_node=${uuid}`, rel: 'children' };
}
