// What to answer to a DHCPv6 message (RFC 8415 §16, §18.3). Pure: reads the table, changes nothing; the caller carries out `changes`.
// Every answer and every silence carries its reason.

import { type Ipv6, type Prefix6, prefix6Has } from '../../lib/index.ts';
import { type AddressTable, type Association, candidates, keyOf } from './addresses.ts';
import { kindOf6 } from './client.ts';
import type { Message6 } from './codec.ts';
import { getOption6, getOptions6, type MessageName6, messageName6, STATUS6 } from './options.ts';
import type { IdentityAssociation } from './shapes.ts';

export type Dhcp6Mode = 'off' | 'stateless' | 'full';

export interface Subnet6 {
  /** As it is written in the config. */
  readonly name: string;
  readonly prefix: Prefix6;
  readonly validSeconds: number;
  readonly dnsServers: readonly Ipv6[];
  readonly domainSearch: readonly string[];
}

export interface Situation6 {
  readonly mode: Exclude<Dhcp6Mode, 'off'>;
  readonly serverDuid: Uint8Array;
  readonly secret: Uint8Array;
  /** The client's link, by the relay's link-address or by our own addresses on the interface; null when none is configured for it. */
  readonly subnet: Subnet6 | null;
  /** The message was sent to an address of ours, by a client. */
  readonly isUnicast: boolean;
  readonly table: AddressTable;
  readonly now: number;
  readonly declineMs: number;
}

export interface AddressAnswer {
  readonly address: Ipv6;
  readonly preferredSeconds: number;
  readonly validSeconds: number;
}

/** One association of the answer: addresses, or a status that says why there is none. */
export interface AssociationAnswer {
  readonly type: 'iaNa' | 'iaTa' | 'iaPd';
  readonly iaid: number;
  readonly addresses: readonly AddressAnswer[];
  readonly status?: { readonly code: number; readonly message: string };
}

export type TableChange =
  | { readonly change: 'hold'; readonly address: Ipv6; readonly key: string; readonly until: number }
  | { readonly change: 'release'; readonly address: Ipv6; readonly key: string }
  | { readonly change: 'decline'; readonly address: Ipv6; readonly until: number };

export interface Answer6 {
  readonly kind: 'advertise' | 'reply';
  readonly reason: string;
  readonly associations: readonly AssociationAnswer[];
  readonly changes: readonly TableChange[];
  readonly status?: { readonly code: number; readonly message: string };
  readonly isRapid?: true;
  /** Neither an address nor a boot file: sent only where the boot decision is that there is nothing for it. */
  readonly turnsAway?: true;
  /** DNS servers, and the boot file where the client boots. */
  readonly hasConfiguration: boolean;
}

export type Decision6 = Answer6 | { readonly kind: 'silent'; readonly reason: string; readonly otherServer?: Uint8Array };

const MAX_ASSOCIATIONS = 8;
const MAX_CLAIMS = 8;
const NEEDS_OUR_ID: ReadonlySet<MessageName6> = new Set(['request', 'renew', 'release', 'decline']);
const HAS_NO_SERVER_ID: ReadonlySet<MessageName6> = new Set(['solicit', 'confirm', 'rebind']);
/** Stateless mode answers no question about addresses. */
const ABOUT_ADDRESSES: ReadonlySet<MessageName6> = new Set([...NEEDS_OUR_ID, ...HAS_NO_SERVER_ID]);

export function decide6(message: Message6, situation: Situation6): Decision6 {
  const name = messageName6(message.type);
  if (name === undefined) return silent(`message type ${message.type} is unknown`);
  if (name === 'advertise' || name === 'reply' || name === 'reconfigure') return silent(`${name} is a server's word, not a client's`);
  const refusal = refuse(name, message, situation);
  if (refusal !== undefined) return refusal;
  switch (name) {
    case 'solicit':
      return onSolicit(message, situation);
    case 'request':
      return { ...assign(message, situation), kind: 'reply' };
    case 'renew':
      return { ...assign(message, situation), kind: 'reply' };
    case 'rebind':
      return onRebind(message, situation);
    case 'confirm':
      return onConfirm(message, situation);
    case 'release':
      return onRelease(message, situation);
    case 'decline':
      return onDecline(message, situation);
    case 'informationRequest':
      return { kind: 'reply', reason: 'asks for settings only', associations: [], changes: [], hasConfiguration: true };
  }
}

/** The checks of RFC 8415 §16, in the words of a person. */
function refuse(name: MessageName6, message: Message6, { mode, serverDuid, isUnicast }: Situation6): Decision6 | undefined {
  const serverId = getOption6(message.options, 'serverId');
  if (serverId !== undefined && Buffer.compare(serverId, serverDuid) !== 0)
    return { kind: 'silent', reason: `${name} is meant for another DHCPv6 server`, otherServer: serverId };
  if (mode === 'stateless' && ABOUT_ADDRESSES.has(name) && !isFirmwareSolicit(name, message))
    return silent(`${name}: addresses are another server's affair (mode "stateless")`);
  if (name === 'informationRequest') {
    const isWrong = ['iaNa', 'iaTa', 'iaPd'].some((ia) => getOptions6(message.options, ia as 'iaNa' | 'iaTa' | 'iaPd').length > 0); // of the literals beside
    return isWrong ? silent('an information-request may carry no association (RFC 8415 §16.12)') : undefined;
  }
  if (getOption6(message.options, 'clientId') === undefined) return silent(`${name} without a client identifier`);
  if (NEEDS_OUR_ID.has(name) && serverId === undefined) return silent(`${name} without a server identifier`);
  if (HAS_NO_SERVER_ID.has(name) && serverId !== undefined) return silent(`${name} with a server identifier (RFC 8415 §16)`);
  if (!isUnicast) return undefined;
  if (!NEEDS_OUR_ID.has(name)) return silent(`${name} was sent to one address instead of to all servers`);
  const status = { code: STATUS6.useMulticast, message: 'Send to ff02::1:2' };
  const reason = `${name} was sent to one address: told to use multicast`;
  return { kind: 'reply', reason, status, associations: [], changes: [], hasConfiguration: false };
}

function isFirmwareSolicit(name: MessageName6, message: Message6): boolean {
  return name === 'solicit' && ['pxe', 'http'].includes(kindOf6(message));
}

/**
 * Firmware asks for a minute where nobody advertises anything, and gives up some seconds after an answer of whatever kind without a boot
 * file (EDK2, Dhcp6OnTimerTick and PxeBcSelectDhcp6Offer; 5 to 6 s measured with OVMF). Another server's boot file goes before it.
 */
function advertiseNothing(): Answer6 {
  const reason = 'no address and no boot file';
  return { kind: 'advertise', reason, associations: [], changes: [], hasConfiguration: false, turnsAway: true };
}

function onSolicit(message: Message6, situation: Situation6): Decision6 {
  if (situation.mode === 'stateless') return advertiseNothing();
  if (situation.subnet === null) return silent('no [[dhcp6.subnet]] for its link');
  const answer = assign(message, situation);
  if (getOption6(message.options, 'rapidCommit') !== undefined)
    return { ...answer, kind: 'reply', isRapid: true, reason: `${answer.reason}, at once (rapid commit)` };
  // An advertised address is not remembered: it is the same one when the client comes back for it, and a flood fills no table.
  return { ...answer, kind: 'advertise', changes: [] };
}

/** For SOLICIT, REQUEST and RENEW: the client's own address in each association, and an end to whatever else it believes to have. */
function assign(message: Message6, situation: Situation6): Omit<Answer6, 'kind'> {
  const { subnet } = situation;
  const given = associationsIn(message).map((ia) => giveAddress(message, ia, situation));
  const addresses = given.flatMap(({ answer }) => answer.addresses.filter(({ validSeconds }) => validSeconds > 0));
  const none = subnet === null ? 'no [[dhcp6.subnet]] for its link' : 'no address asked for or none free';
  return {
    reason: addresses.length === 0 ? none : `has ${addresses.map(({ address }) => address).join(', ')} by its DUID`,
    associations: [...given.map(({ answer }) => answer), ...refusedAssociations(message)],
    changes: given.flatMap(({ change }) => change ?? []),
    hasConfiguration: true,
  };
}

function giveAddress(
  message: Message6,
  ia: IdentityAssociation,
  situation: Situation6,
): { readonly answer: AssociationAnswer; readonly change?: TableChange } {
  const { subnet, now } = situation;
  const claimed = claimedIn(ia);
  const own = subnet === null ? undefined : ownAddress(message, ia.iaid, claimed, situation);
  const ended = claimed.filter((address) => address !== own).map((address) => ({ address, preferredSeconds: 0, validSeconds: 0 }));
  const common = { type: 'iaNa', iaid: ia.iaid } as const;
  if (subnet === null || own === undefined) {
    const status = { code: STATUS6.noAddrsAvail, message: 'No address for you on this link' };
    return { answer: { ...common, addresses: [], status } };
  }
  const lifetimes = { preferredSeconds: preferredOf(subnet), validSeconds: subnet.validSeconds };
  const until = now + subnet.validSeconds * 1000;
  const key = keyOf(associationOf(message, ia.iaid));
  return {
    answer: { ...common, addresses: [{ address: own, ...lifetimes }, ...ended] },
    change: { change: 'hold', address: own, key, until },
  };
}

/** The one it holds already if that is one of its candidates, whichever counter it had then; otherwise the first that is free. */
function ownAddress(message: Message6, iaid: number, claimed: readonly Ipv6[], situation: Situation6): Ipv6 | undefined {
  const { subnet, secret, table, now } = situation;
  if (subnet === null) return undefined;
  const association = associationOf(message, iaid);
  const key = keyOf(association);
  let first: Ipv6 | undefined;
  for (const address of candidates(secret, subnet.prefix, association)) {
    if (!table.isFree(address, key, now)) continue;
    if (claimed.length === 0 || claimed.includes(address)) return address;
    first ??= address;
  }
  return first;
}

/** A machine has one association per card; a datagram could hold thousands, each of which costs hashing. The rest is not looked at. */
function associationsIn(message: Message6): IdentityAssociation[] {
  return getOptions6(message.options, 'iaNa').slice(0, MAX_ASSOCIATIONS);
}

function claimedIn(ia: IdentityAssociation): Ipv6[] {
  return getOptions6(ia.options, 'iaAddress')
    .slice(0, MAX_CLAIMS)
    .map(({ address }) => address);
}

function associationOf(message: Message6, iaid: number): Association {
  return { duid: getOption6(message.options, 'clientId') ?? new Uint8Array(0), iaid };
}

/** Stateful clients renew at half of it (RFC 8415 §21.4 recommends 0.5 and 0.8 of the preferred lifetime). */
export function preferredOf({ validSeconds }: Subnet6): number {
  return Math.floor((validSeconds * 3) / 4);
}

/** Temporary addresses and delegated prefixes are not ours to give; silence about them would make the client ask for ever. */
function refusedAssociations(message: Message6): AssociationAnswer[] {
  const temporary = getOptions6(message.options, 'iaTa').map(({ iaid }) => ({
    type: 'iaTa' as const,
    iaid,
    addresses: [],
    status: { code: STATUS6.noAddrsAvail, message: 'No temporary addresses here' },
  }));
  const prefixes = getOptions6(message.options, 'iaPd').map(({ iaid }) => ({
    type: 'iaPd' as const,
    iaid,
    addresses: [],
    status: { code: STATUS6.noPrefixAvail, message: 'No prefixes here' },
  }));
  return [...temporary, ...prefixes];
}

/** REBIND goes to all servers: an address that we could not have given may be another's, and is left alone (RFC 8415 §18.3.5). */
function onRebind(message: Message6, situation: Situation6): Decision6 {
  const { subnet } = situation;
  if (subnet === null) return silent('no [[dhcp6.subnet]] for its link');
  const claimed = claims(message);
  const isForeign = claimed.some(
    ({ iaid, address }) => prefix6Has(subnet.prefix, address) && ownAddress(message, iaid, [address], situation) !== address,
  );
  return isForeign ? silent('rebinds an address of this link that we did not give') : { ...assign(message, situation), kind: 'reply' };
}

function onConfirm(message: Message6, { subnet }: Situation6): Decision6 {
  const addresses = claims(message).map(({ address }) => address);
  if (subnet === null || addresses.length === 0) return silent('confirm: nothing that we could judge');
  const isHere = addresses.every((address) => prefix6Has(subnet.prefix, address));
  const status = isHere
    ? { code: STATUS6.success, message: 'On this link' }
    : { code: STATUS6.notOnLink, message: `Not of ${subnet.name}` };
  const reason = isHere ? `confirmed: of ${subnet.name}` : `not of ${subnet.name}: told to ask anew`;
  return { kind: 'reply', reason, associations: [], changes: [], status, hasConfiguration: false };
}

function onRelease(message: Message6, situation: Situation6): Decision6 {
  const ended = ownClaims(message, situation);
  const changes = ended.mine.map(({ address, key }): TableChange => ({ change: 'release', address, key }));
  return finished(`released ${addressesOf(ended.mine)}`, changes, ended.unknown);
}

function onDecline(message: Message6, situation: Situation6): Decision6 {
  const ended = ownClaims(message, situation);
  const until = situation.now + situation.declineMs;
  const changes = ended.mine.map(({ address }): TableChange => ({ change: 'decline', address, until }));
  return finished(`found somebody else on ${addressesOf(ended.mine)}: gets another one`, changes, ended.unknown);
}

function finished(reason: string, changes: readonly TableChange[], unknown: readonly number[]): Decision6 {
  const status = { code: STATUS6.noBinding, message: 'Not an address of yours' };
  const associations = unknown.map((iaid): AssociationAnswer => ({ type: 'iaNa', iaid, addresses: [], status }));
  return { kind: 'reply', reason, status: { code: STATUS6.success, message: 'Done' }, associations, changes, hasConfiguration: false };
}

interface Claim {
  readonly iaid: number;
  readonly address: Ipv6;
  readonly key: string;
}

function claims(message: Message6): Claim[] {
  return associationsIn(message).flatMap((ia) =>
    claimedIn(ia).map((address) => ({
      iaid: ia.iaid,
      address,
      key: keyOf(associationOf(message, ia.iaid)),
    })),
  );
}

/** Only what its own hash gives: nobody can release or decline another's address. */
function ownClaims(message: Message6, { subnet, secret }: Situation6): { mine: Claim[]; unknown: number[] } {
  const all = claims(message);
  if (subnet === null) return { mine: [], unknown: [...new Set(all.map(({ iaid }) => iaid))] };
  const own = new Map(
    [...new Set(all.map(({ iaid }) => iaid))].map((iaid) => [
      iaid,
      new Set(candidates(secret, subnet.prefix, associationOf(message, iaid))),
    ]),
  );
  const mine = all.filter(({ iaid, address }) => own.get(iaid)?.has(address) === true);
  const unknown = new Set(all.filter((claim) => !mine.includes(claim)).map(({ iaid }) => iaid));
  return { mine, unknown: [...unknown] };
}

function addressesOf(list: readonly Claim[]): string {
  return list.length === 0 ? 'nothing that was its own' : list.map(({ address }) => address).join(', ');
}

function silent(reason: string): Decision6 {
  return { kind: 'silent', reason };
}
