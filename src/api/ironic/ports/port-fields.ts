// Which fields a port and a port group have, since which version, and what clients may give of them. Data: a new field is a row here.

import type { Mac } from '../../../lib/index.ts';
import type { JsonObject, Port, Portgroup } from '../../../nodes/index.ts';
import { DEFAULT_BOND_MODE } from '../../../nodes/index.ts';
import { masked } from '../../mask.ts';
import { type Attribute, flag, jsonObject, maybeText, maybeUuid } from '../attributes.ts';
import { changedTime, type Field, links, time, type View } from '../fields.ts';
import { localLink, mac, maybeMac, maybeName, requiredNonEmpty, requiredUuid, strictFlag } from '../resource-kinds.ts';

export const PORT_FIELDS: readonly Field<Port>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (port) => port.uuid },
  { name: 'address', since: 1, isDefault: true, read: (port) => port.address },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (port, view) => links(view, 'ports', port.uuid) },
  { name: 'created_at', since: 1, read: (port) => time(port.createdAt) },
  { name: 'updated_at', since: 1, read: changedTime },
  { name: 'available_for_dynamic_portgroup', since: 111, read: (port) => port.availableForDynamicPortgroup },
  { name: 'category', since: 101, read: (port) => port.category },
  { name: 'description', since: 97, read: (port) => port.description },
  { name: 'extra', since: 1, read: (port) => masked(port.extra) },
  { name: 'internal_info', since: 18, read: (port) => masked(port.internalInfo) },
  { name: 'is_smartnic', since: 53, read: (port) => port.isSmartnic },
  { name: 'local_link_connection', since: 19, read: (port, view) => linkFor(port.localLinkConnection, view) },
  { name: 'name', since: 88, read: (port) => port.name },
  { name: 'node_uuid', since: 1, read: (port) => port.nodeUuid },
  { name: 'physical_network', since: 34, read: (port) => port.physicalNetwork },
  { name: 'portgroup_uuid', since: 24, read: (port) => port.portgroupUuid },
  { name: 'pxe_enabled', since: 19, read: (port) => port.pxeEnabled },
  { name: 'vendor', since: 100, read: (port) => port.vendor },
];

export interface PortGiven {
  readonly uuid: string | null;
  readonly nodeUuid: string;
  readonly nodeIdent: string | null;
  readonly address: Mac;
  readonly name: string | null;
  readonly pxeEnabled: boolean;
  readonly localLinkConnection: JsonObject;
  readonly extra: JsonObject;
  readonly portgroupUuid: string | null;
  readonly physicalNetwork: string | null;
  readonly isSmartnic: boolean;
  readonly description: string | null;
  readonly vendor: string | null;
  readonly category: string | null;
  readonly availableForDynamicPortgroup: boolean;
}

export const PORT_ATTRIBUTES: readonly Attribute<PortGiven>[] = [
  { name: 'uuid', since: 1, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'address', since: 1, field: 'address', kind: mac, isRequired: true },
  { name: 'extra', since: 1, field: 'extra', kind: jsonObject },
  { name: 'node_uuid', since: 1, field: 'nodeUuid', kind: requiredUuid },
  { name: 'node_ident', since: 94, field: 'nodeIdent', kind: maybeText(), only: 'create' },
  { name: 'local_link_connection', since: 19, field: 'localLinkConnection', kind: localLink },
  { name: 'pxe_enabled', since: 19, field: 'pxeEnabled', kind: flag(true) },
  { name: 'portgroup_uuid', since: 24, field: 'portgroupUuid', kind: maybeUuid },
  { name: 'physical_network', since: 34, field: 'physicalNetwork', kind: maybeText(64) },
  { name: 'is_smartnic', since: 53, field: 'isSmartnic', kind: flag(false) },
  { name: 'name', since: 88, field: 'name', kind: maybeName },
  { name: 'description', since: 97, field: 'description', kind: maybeText(255) },
  { name: 'vendor', since: 100, field: 'vendor', kind: maybeText(32) },
  { name: 'category', since: 101, field: 'category', kind: maybeText(80) },
  { name: 'available_for_dynamic_portgroup', since: 111, field: 'availableForDynamicPortgroup', kind: strictFlag(true) },
];

export const PORTGROUP_FIELDS: readonly Field<Portgroup>[] = [
  { name: 'uuid', since: 1, isDefault: true, read: (group) => group.uuid },
  { name: 'address', since: 1, isDefault: true, read: (group) => group.address },
  { name: 'name', since: 1, isDefault: true, read: (group) => group.name },
  { name: 'links', since: 1, isDefault: true, isLink: true, read: (group, view) => links(view, 'portgroups', group.uuid) },
  { name: 'created_at', since: 1, read: (group) => time(group.createdAt) },
  { name: 'updated_at', since: 1, read: changedTime },
  { name: 'category', since: 103, read: (group) => group.category },
  // Read only, as in Ironic.
  { name: 'dynamic_portgroup', since: 111, read: (group) => group.dynamicPortgroup },
  { name: 'extra', since: 1, read: (group) => masked(group.extra) },
  { name: 'internal_info', since: 1, read: (group) => masked(group.internalInfo) },
  { name: 'mode', since: 26, read: (group) => group.mode },
  { name: 'node_uuid', since: 1, read: (group) => group.nodeUuid },
  { name: 'physical_network', since: 102, read: (group) => group.physicalNetwork },
  { name: 'properties', since: 26, read: (group) => masked(group.properties) },
  { name: 'standalone_ports_supported', since: 1, read: (group) => group.standalonePortsSupported },
  { name: 'ports', since: 1, isLink: true, read: (group, view) => links(view, 'portgroups', `${group.uuid}/ports`) },
];

export interface PortgroupGiven {
  readonly uuid: string | null;
  readonly nodeUuid: string;
  readonly name: string | null;
  readonly address: Mac | null;
  readonly mode: string;
  readonly properties: JsonObject;
  readonly standalonePortsSupported: boolean;
  readonly physicalNetwork: string | null;
  readonly category: string | null;
  readonly extra: JsonObject;
}

export const PORTGROUP_ATTRIBUTES: readonly Attribute<PortgroupGiven>[] = [
  { name: 'uuid', since: 1, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'node_uuid', since: 1, field: 'nodeUuid', kind: requiredUuid, isRequired: true },
  { name: 'address', since: 1, field: 'address', kind: maybeMac },
  { name: 'name', since: 1, field: 'name', kind: maybeName },
  { name: 'extra', since: 1, field: 'extra', kind: jsonObject },
  { name: 'standalone_ports_supported', since: 1, field: 'standalonePortsSupported', kind: flag(true) },
  { name: 'mode', since: 26, field: 'mode', kind: requiredNonEmpty(255, DEFAULT_BOND_MODE) },
  { name: 'properties', since: 26, field: 'properties', kind: jsonObject },
  { name: 'physical_network', since: 102, field: 'physicalNetwork', kind: maybeText(64) },
  { name: 'category', since: 103, field: 'category', kind: maybeText(80) },
];

/** The tunnel's end came with 1.90; clients that do not know it get an empty link, as from Ironic. */
function linkFor(link: JsonObject, { minor }: View): JsonObject {
  return minor < 90 && Object.keys(link).some((key) => key.startsWith('vtep-')) ? {} : link;
}
