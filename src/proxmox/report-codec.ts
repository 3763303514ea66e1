// The network cards in a system report of Proxmox VE: no other call of its API names hardware addresses. Pure.
// It is what `ip -details -statistics address` prints (iproute2, ip/ipaddress.c).

import { type Mac, parseMac } from '../lib/index.ts';

export interface Card {
  readonly name: string;
  readonly mac: Mac;
}

const BEGIN = /^# ip -details -statistics address\s*$/;
const END = /^(?:# |==== )/;
const LINK = /^\d+: ([^:@\s]{1,15})(?:@[^:\s]+)?: </;
/** permaddr: a member of a bond wears the bond's address, and boots with its own. */
const ADDRESS = /^\s+link\/ether ([0-9a-f:]{17})(?:.*? permaddr ([0-9a-f:]{17}))?/;
/** Since iproute2 5.14: cards that sit on a bus. Bridges, bonds, VLANs and the guests' taps sit on none. */
const BUS = /\bparentbus (\S+)/;
const MAX_CARDS = 64;

/** `named`: the interfaces that the API calls physical, for reports without buses. */
export function cardsIn(report: string, named: readonly string[]): readonly Card[] {
  const links = linksIn(report);
  const isTold = links.some((link) => link.isOnBus);
  const cards = links.flatMap(({ name, mac, isOnBus }) =>
    mac !== undefined && (isTold ? isOnBus : named.includes(name)) ? [{ name, mac }] : [],
  );
  return [...new Map(cards.map((card) => [card.mac, card])).values()].slice(0, MAX_CARDS);
}

interface Link {
  readonly name: string;
  mac: Mac | undefined;
  isOnBus: boolean;
}

function linksIn(report: string): readonly Link[] {
  const lines = report.split('\n');
  const begin = lines.findIndex((line) => BEGIN.test(line));
  if (begin < 0) return [];
  const links: Link[] = [];
  for (const line of lines.slice(begin + 1)) {
    if (END.test(line)) break;
    const name = LINK.exec(line)?.[1];
    if (name !== undefined) links.push({ name, mac: undefined, isOnBus: false });
    const link = links.at(-1);
    if (link === undefined) continue;
    const address = ADDRESS.exec(line);
    if (address !== null) link.mac = parseMac(address[2] ?? address[1] ?? '');
    if (BUS.test(line)) link.isOnBus = true;
  }
  return links;
}
