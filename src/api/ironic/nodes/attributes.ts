// What clients may set on a node, in Ironic's names, and how it gets into the fields of our model. Data and pure functions.

import { Type } from 'typebox';
import { INTERFACES, type Interface, type JsonObject, type Node, type NodeChanges, type NodeFields } from '../../../nodes/index.ts';
import { SECRET_MASK } from '../../mask.ts';
import { nullable } from '../../schemas.ts';
import { type Attribute, flag, jsonObject, type Kind, maybeFlag, maybeText, maybeUuid, requiredText } from '../attributes.ts';
import { type Document, isPlain } from '../json-patch.ts';
import { bad } from '../query.ts';
import type { Minor } from '../version.ts';
import { NODE_FIELDS } from './fields.ts';

type Chosen = { readonly [which in Interface as `${which}Interface`]: string | null };
type Settable = Pick<
  NodeFields,
  | 'name'
  | 'description'
  | 'driver'
  | 'resourceClass'
  | 'instanceUuid'
  | 'instanceName'
  | 'owner'
  | 'lessee'
  | 'maintenance'
  | 'protected'
  | 'protectedReason'
  | 'retired'
  | 'retiredReason'
  | 'automatedClean'
  | 'disablePowerOff'
  | 'consoleEnabled'
  | 'bootMode'
  | 'secureBoot'
  | 'conductorGroup'
  | 'shard'
  | 'parentNode'
  | 'chassisUuid'
  | 'networkData'
>;
type Objects = { readonly [F in 'properties' | 'driverInfo' | 'instanceInfo' | 'extra']: JsonObject };
/** What a request may give; the interfaces one by one. */
export type NodeGiven = Settable & Objects & Chosen & { readonly uuid: string | null };

/** Compared without regard to case, and stored in small letters, as by Ironic. */
const groupName: Kind<string> = {
  schema: nullable(Type.String({ maxLength: 255 })),
  read: (value, name) => {
    const group = maybeText().read(value, name) ?? '';
    if (!/^[a-zA-Z0-9_.-]*$/.test(group)) throw bad(`Invalid ${name}: letters, digits and - . _ only`);
    return group.toLowerCase();
  },
};

const instanceName: Kind<string | null> = {
  ...maybeText(),
  read: (value, name) => {
    if (value === '') throw bad(`${name} is empty`);
    return maybeText().read(value, name);
  },
};

const NETWORK_PARTS = ['links', 'networks', 'services'] as const;
/** The outline of OpenStack's network_data.json; what stands in the lists goes to the machine as it is. */
const networkData: Kind<JsonObject> = {
  ...jsonObject,
  read: (value, name) => {
    const data = jsonObject.read(value, name);
    if (Object.keys(data).length === 0) return data;
    for (const part of NETWORK_PARTS) {
      if (!Array.isArray(data[part])) throw bad(`Invalid ${name}: '${part}' is a required property, a list`);
    }
    return data;
  },
};

type NodeAttribute = Attribute<NodeGiven>;

const PLAIN: readonly NodeAttribute[] = [
  { name: 'uuid', since: 1, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'driver', since: 1, field: 'driver', kind: requiredText(), isRequired: true },
  { name: 'name', since: 5, field: 'name', kind: maybeText() },
  { name: 'automated_clean', since: 47, field: 'automatedClean', kind: maybeFlag },
  { name: 'boot_mode', since: 75, field: 'bootMode', kind: maybeText(), only: 'create' },
  { name: 'chassis_uuid', since: 1, field: 'chassisUuid', kind: maybeUuid },
  { name: 'conductor_group', since: 46, field: 'conductorGroup', kind: groupName },
  { name: 'console_enabled', since: 1, field: 'consoleEnabled', kind: flag(), only: 'create' },
  { name: 'description', since: 51, field: 'description', kind: maybeText(4096) },
  { name: 'disable_power_off', since: 95, field: 'disablePowerOff', kind: flag() },
  { name: 'driver_info', since: 1, field: 'driverInfo', kind: jsonObject },
  { name: 'extra', since: 1, field: 'extra', kind: jsonObject },
  { name: 'instance_info', since: 1, field: 'instanceInfo', kind: jsonObject },
  { name: 'instance_name', since: 104, field: 'instanceName', kind: instanceName },
  { name: 'instance_uuid', since: 1, field: 'instanceUuid', kind: maybeUuid },
  { name: 'lessee', since: 65, field: 'lessee', kind: maybeText() },
  { name: 'maintenance', since: 1, field: 'maintenance', kind: flag() },
  { name: 'network_data', since: 66, field: 'networkData', kind: networkData },
  { name: 'owner', since: 50, field: 'owner', kind: maybeText() },
  { name: 'parent_node', since: 83, field: 'parentNode', kind: maybeText() },
  { name: 'properties', since: 1, field: 'properties', kind: jsonObject },
  { name: 'protected', since: 48, field: 'protected', kind: flag(), only: 'patch' },
  { name: 'protected_reason', since: 48, field: 'protectedReason', kind: maybeText(4096), only: 'patch' },
  { name: 'resource_class', since: 21, field: 'resourceClass', kind: maybeText(80) },
  { name: 'retired', since: 61, field: 'retired', kind: flag() },
  { name: 'retired_reason', since: 61, field: 'retiredReason', kind: maybeText(4096) },
  { name: 'secure_boot', since: 75, field: 'secureBoot', kind: maybeFlag, only: 'create' },
  { name: 'shard', since: 82, field: 'shard', kind: maybeText() },
];

export const NODE_ATTRIBUTES: readonly NodeAttribute[] = [
  ...PLAIN,
  ...INTERFACES.map((which): NodeAttribute => {
    const name = `${which}_interface`;
    return { name, since: sinceOf(name), field: `${which}Interface`, kind: maybeText() };
  }),
];

function sinceOf(name: string): Minor {
  return NODE_FIELDS.find((field) => field.name === name)?.since ?? 1;
}

/** The node as a patch sees it: every attribute, secrets as opaque values. */
export function nodeDocument(node: Node): Document {
  const chosen = Object.fromEntries(INTERFACES.map((which) => [`${which}Interface`, node.interfaces[which] ?? null]));
  const fields: Readonly<Record<string, unknown>> = { ...node, ...chosen };
  return Object.fromEntries(NODE_ATTRIBUTES.map(({ name, field }) => [name, fields[field] ?? null]));
}

/** Attributes as fields: the interfaces that were named are put over those that were chosen before. */
export function fieldsOf(given: Partial<NodeGiven>, before: NodeFields['interfaces'] = {}): NodeChanges {
  const isInterface = ([field]: readonly [string, unknown]): boolean => field.endsWith('Interface');
  const entries = Object.entries(given).filter(([field]) => field !== 'uuid');
  const named = entries.filter(isInterface).map(([field, driver]) => [field.slice(0, -'Interface'.length), driver] as const);
  const rest = Object.fromEntries(entries.filter((entry) => !isInterface(entry)));
  if (named.length === 0) return rest;
  const chosen = Object.entries({ ...before, ...Object.fromEntries(named) }).filter(([, driver]) => driver !== null && driver !== '');
  return { ...rest, interfaces: Object.fromEntries(chosen) };
}

const WITH_SECRETS = ['driverInfo', 'instanceInfo', 'extra', 'properties'] as const;

/** A client that sends back what it was shown sends asterisks for each secret: those keep what is stored. */
export function withStoredSecrets(given: Partial<NodeGiven>, node: Node): Partial<NodeGiven> {
  const kept = WITH_SECRETS.flatMap((field) => (given[field] === undefined ? [] : [[field, unmasked(given[field], node[field])] as const]));
  return { ...given, ...Object.fromEntries(kept) };
}

function unmasked(value: unknown, stored: unknown): unknown {
  if (value === SECRET_MASK) return stored ?? value;
  if (Array.isArray(value)) return value.map((inner: unknown, index) => unmasked(inner, Array.isArray(stored) ? stored[index] : undefined));
  if (!isPlain(value)) return value;
  const before: Document = isPlain(stored) ? stored : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, unmasked(inner, Object.hasOwn(before, key) ? before[key] : undefined)]),
  );
}
