// Between a node and what inspection rules see of it: the attributes under the API's names, and back what the rules changed.

import type { Log } from '../lib/index.ts';
import {
  isTraitName,
  type JsonObject,
  type Node,
  type NodeChanges,
  type Nodes,
  type Port,
  type PortInput,
  type Records,
} from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import type { Doc, Subject } from './rules-actions.ts';
import { applyRules, type Rule } from './rules-decide.ts';
import { isRecord } from './rules-format.ts';

const NODE_TEXTS = {
  name: 'name',
  description: 'description',
  driver: 'driver',
  resource_class: 'resourceClass',
  owner: 'owner',
  lessee: 'lessee',
  conductor_group: 'conductorGroup',
  shard: 'shard',
} as const;
const NODE_OBJECTS = {
  properties: 'properties',
  driver_info: 'driverInfo',
  extra: 'extra',
  instance_info: 'instanceInfo',
  network_data: 'networkData',
} as const;
const PORT_TEXTS = {
  name: 'name',
  physical_network: 'physicalNetwork',
  description: 'description',
  category: 'category',
  vendor: 'vendor',
} as const;
const PORT_OBJECTS = { extra: 'extra', local_link_connection: 'localLinkConnection' } as const;
const PORT_FLAGS = { pxe_enabled: 'pxeEnabled', is_smartnic: 'isSmartnic' } as const;

export interface Reported {
  readonly inventory: JsonObject;
  readonly pluginData: JsonObject;
}

export interface RuleRunner {
  /** What of the plugin data is to be kept, and why the inspection failed, if it did: then the rules have changed nothing. */
  run(tx: Tx, node: Node, reported: Reported): Promise<{ readonly pluginData: JsonObject; readonly failure: string | null }>;
}

export interface RuleRunnerOptions {
  readonly nodes: Nodes;
  readonly rules: Pick<Records['rules'], 'list'>;
  readonly log: Log;
}

const BY = { who: 'system', actor: 'inspection rules' } as const;

export function createRuleRunner({ nodes, rules, log }: RuleRunnerOptions): RuleRunner {
  return {
    async run(tx, node, { inventory, pluginData }) {
      const all: readonly Rule[] = await rules.list({ sort: { key: 'priority', descending: true } }, tx);
      if (all.length === 0) return { pluginData, failure: null };
      const ports = await nodes.ports.list({ nodeUuid: node.uuid }, tx);
      const before = subjectOf(node, ports, { inventory, pluginData });
      const outcome = applyRules(all, before);
      if ('failure' in outcome) return { pluginData, failure: outcome.failure };
      const { subject, applied } = outcome;
      for (const { level, text } of subject.said) log.info({ node: node.uuid, level }, `inspection rule: ${text.slice(0, 1000)}`);
      if (applied.length > 0) log.info({ node: node.uuid, rules: applied }, 'inspection rules applied');
      const changes = nodeChanges(before.node, subject.node);
      if (Object.keys(changes).length > 0) await nodes.update(tx, node, changes, BY);
      for (const port of ports) {
        const changed = portChanges(before.ports[port.uuid] ?? {}, subject.ports[port.uuid] ?? {});
        if (Object.keys(changed).length > 0) await nodes.ports.update(tx, port.uuid, changed);
      }
      // Rules make JSON of JSON.
      return { pluginData: subject.pluginData as JsonObject, failure: null };
    },
  };
}

function subjectOf(node: Node, ports: readonly Port[], { inventory, pluginData }: Reported): Subject {
  const seen: Doc = {
    uuid: node.uuid,
    provision_state: node.provisionState,
    traits: node.traits,
    ...pick(node, NODE_TEXTS),
    ...pick(node, NODE_OBJECTS),
  };
  const cards = ports.map((port) => {
    const doc = {
      uuid: port.uuid,
      address: port.address,
      ...pick(port, PORT_TEXTS),
      ...pick(port, PORT_OBJECTS),
      ...pick(port, PORT_FLAGS),
    };
    return [port.uuid, doc] as const;
  });
  return { node: seen, ports: Object.fromEntries(cards), inventory, pluginData, said: [] };
}

function pick<Model>(model: Model, names: Readonly<Record<string, keyof Model>>): Doc {
  return Object.fromEntries(Object.entries(names).map(([name, field]) => [name, model[field]]));
}

function nodeChanges(before: Doc, after: Doc): NodeChanges {
  const { traits, ...rest } = changed(before, after);
  const names = traits === undefined ? {} : { traits: traitsOf(traits) };
  // Each value was checked to be of its field's kind.
  return { ...checkedFields(rest, NODE_TEXTS, NODE_OBJECTS, {}), ...names } as NodeChanges;
}

function portChanges(before: Doc, after: Doc): Omit<PortInput, 'uuid' | 'address'> {
  return checkedFields(changed(before, after), PORT_TEXTS, PORT_OBJECTS, PORT_FLAGS); // as above
}

/** What is gone is null. */
function changed(before: Doc, after: Doc): Record<string, unknown> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries([...names].filter((name) => before[name] !== after[name]).map((name) => [name, after[name] ?? null]));
}

type Names = Readonly<Record<string, string>>;

function checkedFields(given: Readonly<Record<string, unknown>>, texts: Names, objects: Names, flags: Names): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]): [string, unknown] => {
      const [text, object, flag] = [fieldIn(texts, name), fieldIn(objects, name), fieldIn(flags, name)];
      if (text !== undefined && (value === null || typeof value === 'string')) return [text, value];
      if (object !== undefined && (value === null || isRecord(value))) return [object, value ?? {}];
      if (flag !== undefined && isFlag(value)) return [flag, value === true || value === 'True'];
      const known = text !== undefined || object !== undefined || flag !== undefined;
      throw fail('inspect.rule_failed', { message: `inspection rules can not set ${name}${known ? ' to such a value' : ''}` });
    }),
  );
}

function fieldIn(names: Names, name: string): string | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** What was filled in is a text. */
function isFlag(value: unknown): boolean {
  return typeof value === 'boolean' || value === 'True' || value === 'False';
}

function traitsOf(value: unknown): readonly string[] {
  const names = Array.isArray(value) ? value.map(String) : [];
  const wrong = names.find((name) => !isTraitName(name));
  if (wrong !== undefined) throw fail('inspect.rule_failed', { message: `inspection rules can not set the trait ${wrong.slice(0, 80)}` });
  return names.toSorted();
}
