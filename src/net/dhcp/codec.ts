// DHCP datagrams to packets and back (RFC 2131 §2, RFC 2132, RFC 3396). Pure. Knows the format, not what a packet means.

import { ByteReader, ByteWriter, DecodeError, type Ipv4, ipv4ToNumber, type Mac, macOfBytes, numberToIpv4 } from '../../lib/index.ts';
import { OPTIONS, type RawOptions } from './options.ts';

export interface DhcpPacket {
  /** 1: from a client, 2: from a server. */
  readonly op: 1 | 2;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** All 16 bytes; hlen says how many count. */
  readonly chaddr: Uint8Array;
  readonly sname: string;
  readonly file: string;
  /** In the order of the datagram, joined by RFC 3396; without pad, end and overload. */
  readonly options: RawOptions;
}

export const BROADCAST_FLAG = 0x8000;
export const NO_ADDRESS = numberToIpv4(0);
const COOKIE = 0x63825363;
const PAD = 0;
const END = 255;
const CHADDR = 16;
const SNAME = 64;
const FILE = 128;
const HEADER = 240;
/** RFC 951's smallest: some BIOS ROMs and relays drop anything shorter. */
const MIN_LENGTH = 300;
const MAX_PIECE = 255;
const OVERLOAD_FILE = 1;
const OVERLOAD_SNAME = 2;
const OVERLOAD_LENGTH = 3;
const RELAY_AGENT = OPTIONS.relayAgent.code;
const OVERLOAD = OPTIONS.overload.code;

/** Throws DecodeError and nothing else. The packet's byte fields are views of the datagram. */
export function decode(datagram: Uint8Array): DhcpPacket {
  const reader = new ByteReader(datagram);
  const op = reader.u8('op');
  if (op !== 1 && op !== 2) throw new DecodeError(0, `op ${op} is neither request nor reply`);
  const htype = reader.u8('htype');
  const hlen = reader.u8('hlen');
  if (hlen > CHADDR) throw new DecodeError(2, `hardware address of ${hlen} bytes`);
  const head = {
    op,
    htype,
    hlen,
    hops: reader.u8('hops'),
    xid: reader.u32('xid'),
    secs: reader.u16('secs'),
    flags: reader.u16('flags'),
  } as const;
  const address = (what: string): Ipv4 => numberToIpv4(reader.u32(what));
  const addresses = { ciaddr: address('ciaddr'), yiaddr: address('yiaddr'), siaddr: address('siaddr'), giaddr: address('giaddr') };
  const chaddr = reader.take(CHADDR, 'chaddr');
  const sname = reader.take(SNAME, 'sname');
  const file = reader.take(FILE, 'file');
  if (reader.left < 4 || reader.u32('cookie') !== COOKIE) throw new DecodeError(HEADER - 4, 'no magic cookie: BOOTP without options');
  const { options, overload } = readAreas(reader.rest(), file, sname);
  return {
    ...head,
    ...addresses,
    chaddr,
    sname: (overload & OVERLOAD_SNAME) === 0 ? zeroEnded(sname) : '',
    file: (overload & OVERLOAD_FILE) === 0 ? zeroEnded(file) : '',
    options,
  };
}

/** RFC 3396 §5: options, then file, then sname are one long area; the pieces of one code are joined in that order. */
function readAreas(area: Uint8Array, file: Uint8Array, sname: Uint8Array): { options: RawOptions; overload: number } {
  const pieces = new Map<number, Uint8Array[]>();
  collect(area, pieces);
  const overload = pieces.get(OVERLOAD)?.[0]?.[0] ?? 0;
  if ((overload & OVERLOAD_FILE) !== 0) collect(file, pieces);
  if ((overload & OVERLOAD_SNAME) !== 0) collect(sname, pieces);
  pieces.delete(OVERLOAD);
  const options = new Map<number, Uint8Array>();
  for (const [code, list] of pieces) options.set(code, list.length === 1 && list[0] !== undefined ? list[0] : Buffer.concat(list));
  return { options, overload };
}

/** A missing end option is let pass: the datagram's end says the same. A cut-off option is not. */
function collect(area: Uint8Array, pieces: Map<number, Uint8Array[]>): void {
  const reader = new ByteReader(area);
  while (reader.left > 0) {
    const code = reader.u8('option code');
    if (code === PAD) continue;
    if (code === END) return;
    const value = reader.take(reader.u8(`length of option ${code}`), `option ${code}`);
    const list = pieces.get(code);
    if (list === undefined) pieces.set(code, [value]);
    else list.push(value);
  }
}

export function encode(packet: DhcpPacket): Buffer {
  return encodeWithin(packet, Number.POSITIVE_INFINITY).bytes;
}

/**
 * At most `maxLength` bytes: what does not fit in the options field moves into an unused file and sname (option 52). What fits nowhere is
 * left out and named, so that the caller can say so; put what matters first. Option 82 goes last and is never left out (RFC 3046 §2.1).
 */
export function encodeWithin(packet: DhcpPacket, maxLength: number): { bytes: Buffer; leftOut: number[] } {
  const relay = packet.options.get(RELAY_AGENT);
  const tail = relay === undefined ? Buffer.alloc(0) : Buffer.concat(pieces(RELAY_AGENT, relay));
  const room = maxLength - HEADER - tail.length - 1;
  const wanted = [...packet.options].filter(([code]) => code !== RELAY_AGENT && code !== OVERLOAD);
  const whole = wanted.reduce((sum, [, value]) => sum + value.length + 2 * pieceCount(value), 0);
  const areas: Area[] = [{ parts: [], left: whole <= room ? whole : room - OVERLOAD_LENGTH }];
  if (whole > room) {
    areas.push({ parts: [], left: packet.file === '' ? FILE - 1 : 0 }, { parts: [], left: packet.sname === '' ? SNAME - 1 : 0 });
  }
  const leftOut = wanted.filter(([code, value]) => !place(areas, pieces(code, value))).map(([code]) => code);
  return { bytes: write(packet, areas, tail), leftOut };
}

interface Area {
  parts: Buffer[];
  left: number;
}

function pieceCount(value: Uint8Array): number {
  return Math.max(1, Math.ceil(value.length / MAX_PIECE));
}

function pieces(code: number, value: Uint8Array): Buffer[] {
  return Array.from({ length: pieceCount(value) }, (_, index) => {
    const part = value.subarray(index * MAX_PIECE, (index + 1) * MAX_PIECE);
    return Buffer.concat([Uint8Array.of(code, part.length), part]);
  });
}

/** All pieces or none, in order: a later piece never lies in an earlier area. */
function place(areas: readonly Area[], parts: readonly Buffer[]): boolean {
  const plan: Area[] = [];
  const left = areas.map((area) => area.left);
  let from = 0;
  for (const part of parts) {
    while (from < areas.length && (left[from] ?? 0) < part.length) from += 1;
    const area = areas[from];
    if (area === undefined) return false;
    left[from] = (left[from] ?? 0) - part.length;
    plan.push(area);
  }
  parts.forEach((part, index) => {
    const area = plan[index];
    area?.parts.push(part);
    if (area !== undefined) area.left -= part.length;
  });
  return true;
}

function write(packet: DhcpPacket, [main, file, sname]: readonly Area[], tail: Buffer): Buffer {
  const inFile = (file?.parts.length ?? 0) > 0;
  const inSname = (sname?.parts.length ?? 0) > 0;
  const overload = (inFile ? OVERLOAD_FILE : 0) + (inSname ? OVERLOAD_SNAME : 0);
  const writer = new ByteWriter(MIN_LENGTH).u8(packet.op).u8(packet.htype).u8(packet.hlen).u8(packet.hops);
  writer.u32(packet.xid).u16(packet.secs).u16(packet.flags);
  for (const address of [packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr]) writer.u32(ipv4ToNumber(address));
  writer.padded(packet.chaddr, CHADDR);
  writer.padded(inSname ? closed(sname) : Buffer.from(packet.sname, 'latin1'), SNAME);
  writer.padded(inFile ? closed(file) : Buffer.from(packet.file, 'latin1'), FILE);
  writer.u32(COOKIE);
  for (const part of main?.parts ?? []) writer.put(part);
  if (overload !== 0) writer.u8(OVERLOAD).u8(1).u8(overload);
  writer.put(tail).u8(END);
  return writer.length < MIN_LENGTH ? writer.padded(new Uint8Array(0), MIN_LENGTH - writer.length).done() : writer.done();
}

function closed(area: Area | undefined): Buffer {
  return Buffer.concat([...(area?.parts ?? []), Uint8Array.of(END)]);
}

function zeroEnded(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

/** The Ethernet address, if the packet has one. Infiniband (htype 32) leaves chaddr empty (RFC 4390). */
export function macOf(packet: DhcpPacket): Mac | undefined {
  return packet.htype === 1 && packet.hlen === 6 ? macOfBytes(packet.chaddr.subarray(0, 6)) : undefined;
}
