// DHCPv6 datagrams to packets and back (RFC 8415 §8, §9), relays' wrapping included. Pure. Knows the format, not what a packet means.

import { ByteReader, ByteWriter, bytesToIpv6, DecodeError, type Ipv6, ipv6ToBytes } from '../../lib/index.ts';
import { getOption6, OPTIONS6, option6, RELAY_FORWARD, RELAY_REPLY } from './options.ts';
import { type Options6, readOptions, writeOptions } from './shapes.ts';

export interface Message6 {
  readonly type: number;
  /** 24 bits. */
  readonly transactionId: number;
  readonly options: Options6;
}

export interface Relay6 {
  readonly type: typeof RELAY_FORWARD | typeof RELAY_REPLY;
  readonly hops: number;
  readonly linkAddress: Ipv6;
  readonly peerAddress: Ipv6;
  readonly options: Options6;
}

export type Packet6 = Message6 | Relay6;

/** A client's message with the relays it came through, outermost first. */
export interface Received6 {
  readonly message: Message6;
  readonly relays: readonly Relay6[];
}

/** RFC 8415 §7.6, HOP_COUNT_LIMIT: a message came through at most so many relays. */
export const MAX_RELAYS = 8;
/** RFC 8415 §19.3, RFC 8357 §5.2. */
const RETURNED_TO_RELAYS: ReadonlySet<number> = new Set([OPTIONS6.interfaceId.code, OPTIONS6.relaySourcePort.code]);
const MAX_TRANSACTION = 0xffffff;

export function isRelay6(packet: Packet6): packet is Relay6 {
  return packet.type === RELAY_FORWARD || packet.type === RELAY_REPLY;
}

/** Throws DecodeError and nothing else. Byte fields are views of the datagram. */
export function decode6(datagram: Uint8Array): Packet6 {
  const reader = new ByteReader(datagram);
  const type = reader.u8('message type');
  if (type !== RELAY_FORWARD && type !== RELAY_REPLY) {
    const transactionId = (reader.u8('transaction id') << 16) | reader.u16('transaction id');
    return { type, transactionId, options: readOptions(reader) };
  }
  const hops = reader.u8('hop count');
  const address = (what: string): Ipv6 => bytesToIpv6(reader.take(16, what));
  return { type, hops, linkAddress: address('link-address'), peerAddress: address('peer-address'), options: readOptions(reader) };
}

export function encode6(packet: Packet6): Buffer {
  if (isRelay6(packet)) {
    const head = new ByteWriter(512).u8(packet.type).u8(packet.hops);
    return writeOptions(head.put(ipv6ToBytes(packet.linkAddress)).put(ipv6ToBytes(packet.peerAddress)), packet.options).done();
  }
  const id = packet.transactionId & MAX_TRANSACTION;
  return writeOptions(
    new ByteWriter(512)
      .u8(packet.type)
      .u8(id >> 16)
      .u16(id & 0xffff),
    packet.options,
  ).done();
}

/** Takes the relays' wrapping off (RFC 8415 §19). Throws DecodeError when there is no message inside, or too many relays around it. */
export function unwrap6(packet: Packet6): Received6 {
  const relays: Relay6[] = [];
  let inner = packet;
  while (isRelay6(inner)) {
    if (inner.type === RELAY_REPLY) throw new DecodeError(0, 'a relay-reply: those go to relays');
    if (relays.length >= MAX_RELAYS) throw new DecodeError(0, `wrapped by more than ${MAX_RELAYS} relays`);
    relays.push(inner);
    const carried = getOption6(inner.options, 'relayMessage');
    if (carried === undefined) throw new DecodeError(0, 'a relay-forward without a message in it');
    inner = decode6(carried);
  }
  return { message: inner, relays };
}

/** Wraps an answer for the way back: each relay finds its own addresses and its interface-id again (RFC 8415 §19.3). */
export function wrap6(answer: Message6, relays: readonly Relay6[]): Packet6 {
  return relays.toReversed().reduce<Packet6>((inner, { hops, linkAddress, peerAddress, options }) => {
    const returned = options.filter(({ code }) => RETURNED_TO_RELAYS.has(code));
    return {
      type: RELAY_REPLY,
      hops,
      linkAddress,
      peerAddress,
      options: [...returned, option6('relayMessage', encode6(inner))],
    };
  }, answer);
}
