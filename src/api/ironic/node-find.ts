// The node that a path names, by UUID or name, as Ironic looks it up.

import { isUuid, type Node } from '../../nodes/index.ts';
import type { NodeService } from '../services.ts';
import type { View } from './fields.ts';
import { notFoundAs } from './lists.ts';
import { bad } from './query.ts';
import type { Minor } from './version.ts';

const NAMES_SINCE: Minor = 5;
/** Before, /v1/nodes/NAME.json meant NAME: a content type at the end of the address. */
const NO_SUFFIX_SINCE: Minor = 91;
const SUFFIX = '.json';
const REFERENCE = /^[a-z0-9._~-]{1,255}$/i;

export async function nodeOf(nodes: Pick<NodeService, 'find'>, ref: string, { minor }: Pick<View, 'minor'>): Promise<Node> {
  if (!REFERENCE.test(ref)) throw bad(`Expected a logical name or UUID but received ${ref.slice(0, 255)}.`);
  const hasSuffix = minor < NO_SUFFIX_SINCE && ref.endsWith(SUFFIX) && ref.length > SUFFIX.length;
  for (const name of hasSuffix ? [ref, ref.slice(0, -SUFFIX.length)] : [ref]) {
    const found = minor >= NAMES_SINCE || isUuid(name) ? await nodes.find(name) : undefined;
    if (found !== undefined) return found;
  }
  throw notFoundAs('Node', ref);
}
