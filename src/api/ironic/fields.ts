// What a field of a reply is: its name, the version it came with, where its value comes from. Each resource has a table of them.

import { isoTime } from '../../lib/index.ts';
import type { Interface, Node } from '../../nodes/index.ts';
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
  readonly conductorOf: (node: Pick<Node, 'uuid' | 'conductorGroup'>) => string | null;
  /** The driver of an interface that the node has chosen, or its hardware type's default. */
  readonly interfaceOf: (node: Node, which: Interface) => string | null;
}

export function links(view: View, collection: string, path: string): readonly { readonly href: string; readonly rel: string }[] {
  return [
    { href: `${view.baseUrl}/v1/${collection}/${path}`, rel: 'self' },
    { href: `${view.baseUrl}/${collection}/${path}`, rel: 'bookmark' },
  ];
}

/** Where the seconds of 2026-11-21T18:00:00.000Z end. */
const SECONDS_END = 19;

/** Ironic writes +00:00 and leaves milliseconds out. */
export function time(ms: number | null): string | null {
  return ms === null ? null : `${isoTime(ms).slice(0, SECONDS_END)}+00:00`;
}

/** Null until the first change, as Ironic has it. */
export function changedTime({ createdAt, updatedAt }: { readonly createdAt: number; readonly updatedAt: number }): string | null {
  return updatedAt === createdAt ? null : time(updatedAt);
}
