// Making, changing and removing a node on behalf of a request: Ironic's rules that need more than the node itself.

import { isDeepStrictEqual } from 'node:util';
import { type By, INTERFACES, type Node, type NodeChanges, type NodeInput, parseNodeUuid } from '../../../nodes/index.ts';
import { fail } from '../../errors.ts';
import { OWNERS_EXTRA, type Relation } from '../../project-policy.ts';
import type { ApiServices } from '../../services.ts';
import { readBody, readPatch } from '../attributes.ts';
import type { View } from '../fields.ts';
import type { Patch } from '../json-patch.ts';
import { bad } from '../query.ts';
import type { Minor } from '../version.ts';
import { newerField } from '../view.ts';
import { checkHardware } from './about.ts';
import { fieldsOf, NODE_ATTRIBUTES, type NodeGiven, nodeDocument, withStoredSecrets } from './attributes.ts';
import { nodeOf } from './find.ts';
import { needUnlocked } from './locked.ts';

type Services = Pick<ApiServices, 'transaction' | 'nodes' | 'hardware' | 'lifecycle' | 'conductorOf'>;

/** Before, a new node was available at once. */
const ENROLL_SINCE: Minor = 11;
/** Before, a chassis once given could not be taken away. */
const CHASSIS_GOES_SINCE: Minor = 25;
/** Before, a name had to be a host name. */
const FREE_NAMES_SINCE: Minor = 10;
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9_-]{0,62}[a-z0-9])*\.?$/;

export async function createNode(services: Services, body: unknown, view: View, by: By): Promise<Node> {
  const given = readBody(NODE_ATTRIBUTES, body, view.minor);
  const uuid = typeof given.uuid === 'string' ? parseNodeUuid(given.uuid) : undefined;
  const fields = await withParent(services, checked(given, view), fieldsOf(given));
  const { driver } = fields;
  if (driver === undefined) throw bad("'driver' is a required property");
  checkHardware(services, { driver, interfaces: fields.interfaces ?? {} });
  const input: NodeInput = {
    ...withoutUndefined(fields),
    driver,
    ...(uuid === undefined ? {} : { uuid }),
    ...(view.minor < ENROLL_SINCE ? { firstState: 'available' } : {}),
  };
  return services.transaction((tx) => services.nodes.create(tx, input, by));
}

export interface PatchRequest {
  readonly ref: string;
  readonly patch: Patch;
  readonly resetInterfaces: boolean;
  /** What the project of whoever asks is to the node; null: it is asked for no project. */
  readonly relation: Relation | null;
}

export async function patchNode(services: Services, request: PatchRequest, view: View, by: By): Promise<Node> {
  const { ref, patch, resetInterfaces, relation } = request;
  if (resetInterfaces && !patch.some(({ op, path }) => op !== 'remove' && path === '/driver'))
    throw bad("The reset_interfaces parameter can only be used when changing the node's driver.");
  return services.transaction(async (tx) => {
    const node = await nodeOf({ find: (name) => services.nodes.find(name, tx) }, ref, view);
    const given = withStoredSecrets(readPatch(NODE_ATTRIBUTES, nodeDocument(node), patch, view.minor), node);
    if (given.chassisUuid === null && view.minor < CHASSIS_GOES_SINCE) throw newerField('chassis_uuid', CHASSIS_GOES_SINCE, view.minor);
    const isReset = resetInterfaces && given.driver !== undefined;
    const changes = await withParent(services, checked(given, view), changesOf(given, node, isReset));
    if (relation === 'lessee') keepOwnersExtra(node, changes);
    if (Object.keys(changes).length === 0) return node;
    if (changes.driver !== undefined || changes.interfaces !== undefined)
      checkHardware(services, { driver: changes.driver ?? node.driver, interfaces: keptInterfaces(services, node, changes, isReset) });
    await needUnlocked(services, tx, node.uuid);
    return services.nodes.update(tx, node, changes, by);
  });
}

/** On the result, since one key can be reached in many ways: by its path, or by a new `extra` as a whole. */
function keepOwnersExtra(node: Node, { extra }: NodeChanges): void {
  if (extra === undefined) return;
  const key = OWNERS_EXTRA.find((one) => !isDeepStrictEqual(node.extra[one], extra[one]));
  if (key !== undefined)
    throw fail('api.forbidden', {
      message: `extra.${key} says what the appliance does with the node, and a lessee may not change it`,
      hint: 'Ask the owner of the node or an operator.',
    });
}

export async function removeNode(services: Services, ref: string, view: View, by: By): Promise<void> {
  await services.transaction(async (tx) => {
    const node = await nodeOf({ find: (name) => services.nodes.find(name, tx) }, ref, view);
    await needUnlocked(services, tx, node.uuid);
    await services.nodes.remove(tx, node, by);
  });
}

function changesOf(given: Partial<NodeGiven>, node: Node, isReset: boolean): NodeChanges {
  const changes = fieldsOf(given, isReset ? {} : node.interfaces);
  const display = changes.instanceInfo?.display_name;
  // For clients from before there was the field.
  const isNamed = typeof display === 'string' && display !== '' && node.instanceName === null && changes.instanceName === undefined;
  return {
    ...changes,
    ...(isReset && changes.interfaces === undefined ? { interfaces: {} } : {}),
    ...(isNamed ? { instanceName: display.slice(0, 255) } : {}),
  };
}

/** Without reset_interfaces a node takes its interfaces along to another driver, also those that are the old driver's defaults. */
function keptInterfaces(
  { hardware }: Services,
  node: Node,
  { driver, interfaces = node.interfaces }: NodeChanges,
  isReset: boolean,
): Node['interfaces'] {
  const before = hardware?.hardwareTypes.find((type) => type.name === node.driver);
  if (isReset || before === undefined || driver === undefined || driver === node.driver) return interfaces;
  const defaults = INTERFACES.flatMap((which) => before.supports[which].slice(0, 1).map((name): [string, string] => [which, name]));
  return { ...Object.fromEntries(defaults), ...interfaces };
}

function checked(given: Partial<NodeGiven>, { minor }: View): Partial<NodeGiven> {
  const { name } = given;
  if (typeof name === 'string' && minor < FREE_NAMES_SINCE && !HOST_NAME.test(name))
    throw bad(`Cannot create node with invalid name '${name}'`);
  return given;
}

/** A parent is named by UUID or name, and stored by UUID. */
async function withParent({ nodes }: Services, { parentNode }: Partial<NodeGiven>, fields: NodeChanges): Promise<NodeChanges> {
  if (typeof parentNode !== 'string') return fields;
  const parent = await nodes.find(parentNode);
  if (parent === undefined) throw bad(`Node ${parentNode} could not be found.`);
  return { ...fields, parentNode: parent.uuid };
}

function withoutUndefined(fields: NodeChanges): Omit<NodeInput, 'driver'> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
