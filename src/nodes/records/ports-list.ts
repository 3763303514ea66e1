// Pages of ports by everything Ironic filters and sorts them by. Reads only; ports are made and changed in ../ports.ts.

import type { PortTable } from '../../store/index.ts';
import type { Reader } from '../list.ts';
import { type Port, portOfRow } from '../model.ts';
import { BASE_SORTABLE } from './keeper.ts';
import { type PageQuery, pageOf, type Source } from './page.ts';

export interface PortPageQuery extends PageQuery {
  readonly where?: {
    readonly nodeUuid?: string;
    readonly address?: string;
    readonly portgroupUuid?: string;
    readonly name?: string;
  };
}

const PORTS: Source = {
  table: 'ports',
  noun: 'Port',
  sortable: {
    ...BASE_SORTABLE,
    address: 'text',
    node_uuid: 'text',
    name: 'text',
    description: 'text',
    vendor: 'text',
    category: 'text',
    physical_network: 'text',
    portgroup_uuid: 'text',
    pxe_enabled: 'number',
    is_smartnic: 'number',
    available_for_dynamic_portgroup: 'number',
  },
};

export async function listPortPage(db: Reader, { where = {}, ...query }: PortPageQuery): Promise<Port[]> {
  const { nodeUuid, address, portgroupUuid, name } = where;
  const equal = { node_uuid: nodeUuid, address, portgroup_uuid: portgroupUuid, name };
  return (await pageOf<PortTable>(db, PORTS, query, equal)).map(portOfRow);
}
