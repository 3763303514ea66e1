// /v1/ports: the network cards of all nodes. Reading only.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { parseMac } from '../../lib/index.ts';
import { type Port, type PortQuery, parsePortUuid } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import { closed, idPath } from '../schemas.ts';
import { PORT_FIELDS, type View } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { bad, detailOf, fieldNames, limitOf, nextLink, PAGE_QUERY } from './query.ts';
import { chosenFields, defaultFields, fullFields, type Shown, shown } from './view.ts';

const { sort_key: _sortKey, sort_dir: _sortDirection, ...page } = PAGE_QUERY;
const word = Type.Optional(Type.String({ maxLength: 255 }));
const listQuery = Type.Object({ ...page, address: word, node: word, node_uuid: word }, closed);
type ListQuery = Static<typeof listQuery>;
const oneQuery = Type.Object({ fields: PAGE_QUERY.fields }, closed);

export function portsPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const { nodes, ports } = services;
  const config = { access: 'reader' } as const;

  async function list(query: ListQuery, view: View, path: string, fields: Shown<Port>): Promise<Record<string, unknown>> {
    const limit = limitOf(query.limit);
    const wanted = await filtersOf(query);
    const found = wanted === undefined ? [] : await ports.list({ ...wanted, limit });
    return {
      ports: found.map((port) => shown(port, fields, view)),
      ...nextLink({ baseUrl: view.baseUrl, path, query, limit, page: found }),
    };
  }

  /** Undefined: nothing can match. */
  async function filtersOf({ address, marker, node, node_uuid: nodeUuid }: ListQuery): Promise<Omit<PortQuery, 'limit'> | undefined> {
    const mac = address === undefined ? undefined : parseMac(address);
    if (address !== undefined && mac === undefined) throw bad(`Expected a MAC address but received ${address}.`);
    const owner = node ?? nodeUuid;
    const found = owner === undefined ? undefined : await nodes.find(owner);
    if (owner !== undefined && found === undefined) return undefined;
    return {
      ...(mac === undefined ? {} : { address: mac }),
      ...(found === undefined ? {} : { nodeUuid: found.uuid }),
      ...(marker === undefined ? {} : { marker }),
    };
  }

  return async (app) => {
    app.get('/', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      const { isFull, names } = detailOf(request.query, view);
      const fields = isFull
        ? fullFields(PORT_FIELDS, view)
        : names === undefined
          ? defaultFields(PORT_FIELDS, view)
          : chosenFields(PORT_FIELDS, names, view);
      return list(request.query, view, '/v1/ports', fields);
    });

    app.get('/detail', { config, schema: { querystring: listQuery } }, async (request) => {
      const view = viewOf(request);
      if (fieldNames(request.query.fields) !== undefined) throw bad("Can't fetch a subset of fields with 'detail' set.");
      return list(request.query, view, '/v1/ports/detail', fullFields(PORT_FIELDS, view));
    });

    app.get('/:id', { config, schema: { params: idPath, querystring: oneQuery } }, async (request) => {
      const view = viewOf(request);
      const { names } = detailOf(request.query, view);
      const fields = names === undefined ? fullFields(PORT_FIELDS, view) : chosenFields(PORT_FIELDS, names, view);
      const uuid = parsePortUuid(request.params.id);
      if (uuid === undefined) throw fail('api.not_found', { message: `Port ${request.params.id} could not be found.` });
      return shown(await ports.get(uuid), fields, view);
    });
  };
}
