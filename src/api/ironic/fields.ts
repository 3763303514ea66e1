// What a field of a reply is: its name, the version it came with, where its value comes from. Each resource has a table of them.

import { isoTime } from '../../lib/index.ts';
import type { Interface, Node, Port } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import type { Minor } from './version.ts';

export interface Field<Model> {
  readonly name: string;
  readonly since: Minor;
  /** Shown in lists when nothing else is asked for. */
  readonly isDefault?: true;
  /** Made of links: given in full replies, and in others only where Ironic does. */
  readonly isLink?: true;
  readonly read: (model: Model, view: View) => unknown;
}

export interface View {
  readonly minor: Minor;
  /** https://host:port, without a slash at the end. */
  readonly baseUrl: string;
  /** For replies with nodes: what is known of them elsewhere. */
  readonly aboutNodes?: AboutNodes;
}

export interface AboutNodes {
  /** Who works on which node now. */
  readonly holders: ReadonlyMap<string, string>;
  /** The appliance that is in charge of the node. */
  readonly conductorOf: (node: Node) => string | null;
  /** The driver of an interface that the node has chosen, or its hardware type's default. */
  readonly interfaceOf: (node: Node, which: Interface) => string | null;
}

const NONE = (): null => null;
const EMPTY = (): Record<string, never> => ({});

export const PORT_FIELDS: readonly Field<Port>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (port) => port.uuid },
  { name: 'address', since: 1, isDefault: true, read: (port) => port.address },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (port, view) => links(view, 'ports', port.uuid) },
  { name: 'created_at', since: 1, read: (port) => time(port.createdAt) },
  { name: 'updated_at', since: 1, read: (port) => time(port.updatedAt) },
  { name: 'extra', since: 1, read: (port) => masked(port.extra) },
  { name: 'internal_info', since: 18, read: EMPTY },
  { name: 'is_smartnic', since: 53, read: () => false },
  { name: 'local_link_connection', since: 19, read: (port) => masked(port.localLinkConnection) },
  { name: 'name', since: 88, read: (port) => port.name },
  { name: 'node_uuid', since: 1, read: (port) => port.nodeUuid },
  { name: 'physical_network', since: 34, read: NONE },
  { name: 'portgroup_uuid', since: 24, read: NONE },
  { name: 'pxe_enabled', since: 19, read: (port) => port.pxeEnabled },
];

export function links(view: View, collection: string, path: string): readonly { readonly href: string; readonly rel: string }[] {
  return [
    { href: `${view.baseUrl}/v1/${collection}/${path}`, rel: 'self' },
    { href: `${view.baseUrl}/${collection}/${path}`, rel: 'bookmark' },
  ];
}

/** Ironic writes +00:00 and leaves milliseconds out. */
export function time(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms).replace(/\.\d{3}Z$/, '+00:00');
}
