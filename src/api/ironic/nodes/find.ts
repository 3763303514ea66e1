// The node that a path names, by UUID or name, as Ironic looks it up.

import { isUuid, type Node, type NodeVersion } from '../../../nodes/index.ts';
import type { NodeService } from '../../services.ts';
import type { View } from '../fields.ts';
import { notFoundAs } from '../lists.ts';
import { bad } from '../query.ts';
import type { Minor } from '../version.ts';

const NAMES_SINCE: Minor = 5;
/** Before, /v1/nodes/NAME.json meant NAME: a content type at the end of the address. */
const NO_SUFFIX_SINCE: Minor = 91;
const SUFFIX = '.json';
const REFERENCE = /^[a-z0-9._~-]{1,255}$/i;

export function nodeOf(nodes: Pick<NodeService, 'find'>, ref: string, view: Pick<View, 'minor'>): Promise<Node> {
  return named((name) => nodes.find(name), ref, view);
}

/** The same without reading all of it. */
export function versionOf(nodes: Pick<NodeService, 'findVersion'>, ref: string, view: Pick<View, 'minor'>): Promise<NodeVersion> {
  return named((name) => nodes.findVersion(name), ref, view);
}

type Find<Found> = (name: string) => Promise<Found | undefined>;

async function named<Found>(find: Find<Found>, ref: string, { minor }: Pick<View, 'minor'>): Promise<Found> {
  if (!REFERENCE.test(ref)) throw bad(`Expected a logical name or UUID but received ${ref.slice(0, 255)}.`);
  const hasSuffix = minor < NO_SUFFIX_SINCE && ref.endsWith(SUFFIX) && ref.length > SUFFIX.length;
  for (const name of hasSuffix ? [ref, ref.slice(0, -SUFFIX.length)] : [ref]) {
    const found = minor >= NAMES_SINCE || isUuid(name) ? await find(name) : undefined;
    if (found !== undefined) return found;
  }
  throw notFoundAs('Node', ref);
}
