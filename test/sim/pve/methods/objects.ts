// Objects of configuration files in /etc/pve: made, listed, changed, removed as their schema says. One way for all that are nothing more.

import { createHash } from 'node:crypto';
import { died } from '../errors.ts';
import { findMethod, methodsOf } from '../schema/index.ts';
import { propertiesOf } from '../schema/verify.ts';
import { assertQuorum, withLock } from '../tasks.ts';
import type { SimObject } from '../world.ts';
import { type Call, listOf, type Methods } from './call.ts';

export interface Kind {
  /** Of the file, for its lock and for refusals: 'jobs.cfg'. */
  readonly file: string;
  /** Of one, for refusals: 'backup job'. */
  readonly title: string;
  /** '/cluster/backup' */
  readonly list: string;
  /** The parameter that names one: `id`. */
  readonly id: string;
  /** Made by POST on the object's own path, as metric servers are. */
  readonly isMadeByName?: boolean;
  /** For those that are made without a name. */
  readonly nameFor?: (call: Call) => string;
  /** What every one has: its type. */
  readonly fixed?: SimObject;
  /** Never said again. */
  readonly secret?: readonly string[];
  /** Throws ApiError where more is wrong than the schema can say. */
  readonly verify?: (call: Call, object: SimObject, id: string) => void;
  readonly shown?: (call: Call, object: SimObject) => SimObject;
  /** That are there from the beginning, by name. */
  readonly builtin?: Readonly<Record<string, SimObject>>;
}

const NOT_PROPERTIES = ['digest', 'delete', 'node', 'lock-token'];

/** All of one kind. */
export function objectsOf({ member: { etc } }: Pick<Call, 'member'>, { list, builtin = {} }: Kind): Map<string, SimObject> {
  const known = etc.objects.get(list) ?? new Map(Object.entries(builtin));
  etc.objects.set(list, known);
  return known;
}

/** What Proxmox VE takes for lists: parts by NUL, as PVE::RESTHandler splits them. */
export function partsOf(value: string): string[] {
  return value.split('\0').filter((part) => part !== '');
}

/** The parameters of a call that are properties, lists as such. */
function propertiesGiven({ world, params }: Call, verb: string, { list, id, isMadeByName = false }: Kind): SimObject {
  const path = verb === 'POST' && !isMadeByName ? list : `${list}/{${id}}`;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  const parameters = findMethod(methodsOf(world.release), verb, filled)?.method.parameters ?? {};
  const pathNames = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const given = Object.entries(params).filter(([name]) => name !== id && !NOT_PROPERTIES.includes(name) && !pathNames.includes(name));
  return Object.fromEntries(given.map(([name, value]) => [name, parameters[name]?.type === 'array' ? partsOf(value) : value]));
}

export function digestOf(objects: ReadonlyMap<string, unknown>): string {
  return createHash('sha1')
    .update(JSON.stringify([...objects]))
    .digest('hex');
}

function assertSame({ params }: Call, objects: ReadonlyMap<string, unknown>): void {
  if (params.digest !== undefined && params.digest !== digestOf(objects))
    throw died('detected modified configuration - file changed by other user? Try again.');
}

export function changeFile<T>({ world, member }: Call, file: string, code: () => T): Promise<T> {
  assertQuorum(world, member);
  return withLock(world, member, file, true, code);
}

export function found(call: Call, kind: Kind): SimObject {
  const id = call.params[kind.id] ?? '';
  const object = objectsOf(call, kind).get(id);
  if (object === undefined) throw died(`no such ${kind.title} '${id}'`);
  return object;
}

function create(call: Call, kind: Kind): Promise<unknown> {
  return changeFile(call, kind.file, () => {
    const objects = objectsOf(call, kind);
    const id = call.params[kind.id] ?? kind.nameFor?.(call) ?? '';
    if (objects.has(id)) throw died(`${kind.title} '${id}' already exists`);
    const object = { ...kind.fixed, ...propertiesGiven(call, 'POST', kind) };
    kind.verify?.(call, object, id);
    objects.set(id, object);
    return null;
  });
}

function update(call: Call, kind: Kind): Promise<unknown> {
  return changeFile(call, kind.file, () => {
    const objects = objectsOf(call, kind);
    assertSame(call, objects);
    const now: Record<string, string | readonly string[]> = { ...found(call, kind), ...propertiesGiven(call, 'PUT', kind) };
    for (const name of (call.params.delete ?? '').split('\0').flatMap(listOf)) delete now[name];
    const id = call.params[kind.id] ?? '';
    if (now.origin === 'builtin') now.origin = 'modified-builtin';
    kind.verify?.(call, now, id);
    objects.set(id, now);
    return null;
  });
}

function remove(call: Call, kind: Kind): Promise<unknown> {
  return changeFile(call, kind.file, () => {
    found(call, kind);
    objectsOf(call, kind).delete(call.params[kind.id] ?? '');
    return null;
  });
}

function shown(call: Call, kind: Kind, id: string, object: SimObject): unknown {
  const more = kind.shown?.(call, object) ?? object;
  const open = Object.entries(more).filter(([name]) => kind.secret?.includes(name) !== true);
  return { [kind.id]: id, ...Object.fromEntries(open), digest: digestOf(objectsOf(call, kind)) };
}

/** What the API has for a kind. */
export function methodsFor(kind: Kind): Methods {
  const one = `${kind.list}/{${kind.id}}`;
  return {
    [`GET ${kind.list}`]: (call: Call) => [...objectsOf(call, kind)].map(([id, object]) => shown(call, kind, id, object)),
    [`POST ${kind.isMadeByName === true ? one : kind.list}`]: (call: Call) => create(call, kind),
    [`GET ${one}`]: (call: Call) => shown(call, kind, call.params[kind.id] ?? '', found(call, kind)),
    [`PUT ${one}`]: (call: Call) => update(call, kind),
    [`DELETE ${one}`]: (call: Call) => remove(call, kind),
  };
}

/** `keep-last=3,keep-daily=7` is said as an object. */
export function asObject(object: SimObject, names: readonly string[]): SimObject {
  const known = names.filter((name) => typeof object[name] === 'string');
  // The answer's form, not the file's: parts of properties.
  return { ...object, ...Object.fromEntries(known.map((name) => [name, propertiesOf({}, String(object[name]))])) } as SimObject;
}
