// Two nodes that turn out to be one machine, discovered twice: may they become one? Pure. Only what nobody has touched or said yes to.

import type { Node } from '../nodes/index.ts';
import { DISCOVERED_DRIVER } from './discovered.ts';

export interface Double {
  readonly node: Node;
  readonly macs: readonly string[];
  /** Somebody said yes to it, or no. */
  readonly isSettled: boolean;
}

export interface Seen {
  readonly macs: readonly string[];
  readonly smbiosUuid: string | null;
  readonly smbiosSerial: string | null;
}

export type Merging = { readonly into: Node; readonly from: readonly Node[] } | { readonly refusal: string };

export function decideMerging(doubles: readonly Double[], seen: Seen): Merging {
  for (const { node, macs, isSettled } of doubles) {
    const who = node.name ?? node.uuid;
    const isUntouched = node.provisionState === 'enroll' && node.driver === DISCOVERED_DRIVER && !node.ignored && !node.protected;
    if (!isUntouched) return { refusal: `${who} is no machine that was merely discovered` };
    if (isSettled) return { refusal: `a person or rule has decided about ${who}` };
    // A port that is elsewhere now: an adapter that went from machine to machine.
    const elsewhere = macs.find((mac) => !seen.macs.includes(mac));
    if (elsewhere !== undefined) return { refusal: `${who} has the port ${elsewhere}, which this machine does not report` };
  }
  if (differ([seen.smbiosUuid, ...doubles.map(({ node }) => node.smbiosUuid)])) return { refusal: 'their SMBIOS UUIDs differ' };
  if (differ([seen.smbiosSerial, ...doubles.map(({ node }) => node.smbiosSerial)])) return { refusal: 'their serial numbers differ' };
  const named = doubles.filter(({ node }) => node.name !== null);
  if (named.length > 1) return { refusal: 'more than one of them has been given a name' };
  const byAge = doubles.map(({ node }) => node).toSorted((a, b) => a.createdAt - b.createdAt || (a.uuid < b.uuid ? -1 : 1));
  const into = named[0]?.node ?? byAge[0];
  if (into === undefined) return { refusal: 'there is nothing to merge' };
  return { into, from: byAge.filter((node) => node !== into) };
}

function differ(values: readonly (string | null)[]): boolean {
  return new Set(values.filter((value) => value !== null)).size > 1;
}
