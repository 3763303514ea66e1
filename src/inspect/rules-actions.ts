// The actions of inspection rules (ironic/common/inspection_rules/actions.py), on a copy of what the node is: a rule that fails has changed
// nothing. `api-call` is none of them: a rule would make the appliance call whom it likes. Pure.

import type { Arguments } from './rules-conditions.ts';
import { isRecord, pythonText } from './rules-format.ts';

export type Doc = Readonly<Record<string, unknown>>;

/** Everything that rules may change, under the API's names. */
export interface Subject {
  readonly node: Doc;
  /** By UUID. */
  readonly ports: Readonly<Record<string, Doc>>;
  readonly inventory: Doc;
  readonly pluginData: Doc;
  readonly said: readonly { readonly level: string; readonly text: string }[];
}

type Action = (subject: Subject, args: Arguments) => Subject;

const LEVELS: readonly string[] = ['debug', 'info', 'warning', 'error', 'critical'];
const MAX_DEPTH = 25;
const FORBIDDEN: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** What a rule said on purpose, not a fault of the rule. */
export class RuleFailure extends Error {}

export const ACTIONS: Readonly<Record<string, Action>> = {
  fail: (_, { msg }) => {
    throw new RuleFailure(pythonText(msg));
  },
  log: (subject, { msg, level = 'info' }) => {
    const wanted = pythonText(level).toLowerCase();
    if (!LEVELS.includes(wanted)) throw new TypeError(`Invalid log level: ${wanted.slice(0, 40)}. Choose from ${LEVELS.join(', ')}`);
    return { ...subject, said: [...subject.said, { level: wanted, text: pythonText(msg) }] };
  },
  'set-attribute': onNode((node, { path, value }) => put(node, partsOf(path), () => value)),
  'extend-attribute': onNode((node, args) => put(node, partsOf(args.path), (old) => extended(old, args))),
  'del-attribute': onNode((node, { path }) => without(node, partsOf(path))),
  'set-capability': onNode((node, { name, value }) => withCapability(node, pythonText(name), pythonText(value))),
  'unset-capability': onNode((node, { name }) => withCapability(node, pythonText(name), null)),
  'add-trait': onNode((node, { name }) => ({ ...node, traits: [...new Set([...traitsOf(node), pythonText(name)])] })),
  'remove-trait': onNode((node, { name }) => ({ ...node, traits: traitsOf(node).filter((one) => one !== pythonText(name)) })),
  'set-plugin-data': onData((data, { path, value }) => put(data, dotted(path), () => value)),
  'extend-plugin-data': onData((data, args) => put(data, dotted(args.path), (old) => extended(old, args))),
  'unset-plugin-data': onData((data, { path }) => (has(data, dotted(path)) ? without(data, dotted(path)) : data)),
  'set-port-attribute': onPort((port, { path, value }) => put(port, partsOf(path), () => value)),
  'extend-port-attribute': onPort((port, args) => put(port, partsOf(args.path), (old) => extended(old, args))),
  'del-port-attribute': onPort((port, { path }) => without(port, partsOf(path))),
};

function onNode(change: (node: Doc, args: Arguments) => Doc): Action {
  return (subject, args) => ({ ...subject, node: change(subject.node, args) });
}

function onData(change: (data: Doc, args: Arguments) => Doc): Action {
  return (subject, args) => ({ ...subject, pluginData: change(subject.pluginData, args) });
}

function onPort(change: (port: Doc, args: Arguments) => Doc): Action {
  return (subject, args) => {
    const uuid = pythonText(args.port_id);
    const port = Object.hasOwn(subject.ports, uuid) ? subject.ports[uuid] : undefined;
    if (port === undefined) throw new TypeError(`Port ${uuid.slice(0, 80)} could not be found.`);
    return { ...subject, ports: { ...subject.ports, [uuid]: change(port, args) } };
  };
}

/** /extra/rack, extra/rack or extra.rack. */
function partsOf(path: unknown): string[] {
  const text = pythonText(path).replace(/^\/+|\/+$/g, '');
  return checked(text.includes('/') ? text.split('/') : text.split('.'), text);
}

function dotted(path: unknown): string[] {
  return checked(Array.isArray(path) ? path.map(pythonText) : pythonText(path).split('.'), pythonText(path));
}

function checked(parts: string[], text: string): string[] {
  if (parts.length <= MAX_DEPTH && parts.every((part) => part !== '' && !FORBIDDEN.includes(part))) return parts;
  throw new TypeError(`${text.slice(0, 200)} is no path`);
}

function put(doc: Doc, [first = '', ...rest]: readonly string[], value: (old: unknown) => unknown): Doc {
  const old = Object.hasOwn(doc, first) ? doc[first] : undefined;
  if (rest.length === 0) return { ...doc, [first]: value(old) };
  if (old !== undefined && !isRecord(old)) throw new TypeError(`${first} is no object, so that nothing can be set in it`);
  return { ...doc, [first]: put(old ?? {}, rest, value) };
}

function without(doc: Doc, [first = '', ...rest]: readonly string[]): Doc {
  if (!Object.hasOwn(doc, first)) throw new TypeError(`there is no ${first} to delete`);
  if (rest.length === 0) return Object.fromEntries(Object.entries(doc).filter(([key]) => key !== first));
  const old = doc[first];
  if (!isRecord(old)) throw new TypeError(`${first} is no object, so that there is nothing in it to delete`);
  return { ...doc, [first]: without(old, rest) };
}

function has(doc: Doc, [first = '', ...rest]: readonly string[]): boolean {
  if (!Object.hasOwn(doc, first)) return false;
  const inner = doc[first];
  return rest.length === 0 || (isRecord(inner) && has(inner, rest));
}

function extended(old: unknown, { value, unique }: Arguments): unknown[] {
  if (old !== undefined && old !== null && !Array.isArray(old)) throw new TypeError('Cannot extend what is no list');
  const list: readonly unknown[] = old ?? [];
  const isThere = list.some((one) => JSON.stringify(one) === JSON.stringify(value));
  return unique === true && isThere ? [...list] : [...list, value];
}

function withCapability(node: Doc, name: string, value: string | null): Doc {
  const properties = isRecord(node.properties) ? node.properties : {};
  const text = typeof properties.capabilities === 'string' ? properties.capabilities : '';
  const kept = text.split(',').filter((one) => one !== '' && one.split(':')[0] !== name);
  const capabilities = [...kept, ...(value === null ? [] : [`${name}:${value}`])].join(',');
  return { ...node, properties: { ...properties, capabilities } };
}

function traitsOf(node: Doc): readonly string[] {
  return Array.isArray(node.traits) ? node.traits.map(pythonText) : [];
}
