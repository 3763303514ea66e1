// DHCP datagrams to packets and back (RFC 2131 §2, RFC 2132, RFC 3396). Pure. Knows the format, not what a packet means.

import { DecodeError, type Ipv4, ipv4ToNumber, type Mac, macOfBytes, numberToIpv4 } from '../../lib/index.ts';
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
const CHADDR_AT = 28;
const SNAME_AT = CHADDR_AT + CHADDR;
const FILE_AT = SNAME_AT + SNAME;
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
  // A view of Node's own Buffer would be a Buffer too, which costs many times what a plain one does.
  const bytes = new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const [op = 0, htype = 0, hlen = 0, hops = 0] = [bytes[0], bytes[1], bytes[2], bytes[3]];
  if (bytes.length < HEADER - 4) throw new DecodeError(bytes.length, `${bytes.length} bytes where the header alone has ${HEADER - 4}`);
  if (op !== 1 && op !== 2) throw new DecodeError(0, `op ${op} is neither request nor reply`);
  if (hlen > CHADDR) throw new DecodeError(2, `hardware address of ${hlen} bytes`);
  if (bytes.length < HEADER || u32At(bytes, HEADER - 4) !== COOKIE)
    throw new DecodeError(HEADER - 4, 'no magic cookie: BOOTP without options');
  const sname = bytes.subarray(SNAME_AT, SNAME_AT + SNAME);
  const file = bytes.subarray(FILE_AT, FILE_AT + FILE);
  const { options, overload } = readAreas(bytes.subarray(HEADER), file, sname);
  return {
    op,
    htype,
    hlen,
    hops,
    xid: u32At(bytes, 4),
    secs: u16At(bytes, 8),
    flags: u16At(bytes, 10),
    ciaddr: addressOf(u32At(bytes, 12)),
    yiaddr: addressOf(u32At(bytes, 16)),
    siaddr: addressOf(u32At(bytes, 20)),
    giaddr: addressOf(u32At(bytes, 24)),
    chaddr: bytes.subarray(CHADDR_AT, SNAME_AT),
    sname: (overload & OVERLOAD_SNAME) === 0 ? zeroEnded(sname) : '',
    file: (overload & OVERLOAD_FILE) === 0 ? zeroEnded(file) : '',
    options,
  };
}

function u16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 0x100 + (bytes[at + 1] ?? 0);
}

function u32At(bytes: Uint8Array, at: number): number {
  return u16At(bytes, at) * 0x1_0000 + u16At(bytes, at + 2);
}

/** Most address fields of most packets are empty. */
function addressOf(value: number): Ipv4 {
  return value === 0 ? NO_ADDRESS : numberToIpv4(value);
}

interface Gathered {
  readonly options: Map<number, Uint8Array>;
  /** All pieces of the codes that came more than once. */
  readonly split: Map<number, Uint8Array[]>;
}

/** RFC 3396 §5: options, then file, then sname are one long area; the pieces of one code are joined in that order. */
function readAreas(area: Uint8Array, file: Uint8Array, sname: Uint8Array): { options: RawOptions; overload: number } {
  const gathered: Gathered = { options: new Map(), split: new Map() };
  const { options, split } = gathered;
  collect(area, gathered);
  const overload = options.get(OVERLOAD)?.[0] ?? 0;
  if ((overload & OVERLOAD_FILE) !== 0) collect(file, gathered);
  if ((overload & OVERLOAD_SNAME) !== 0) collect(sname, gathered);
  for (const [code, pieces] of split) options.set(code, Buffer.concat(pieces));
  options.delete(OVERLOAD);
  return { options, overload };
}

/** A missing end option is let pass: the datagram's end says the same. A cut-off option is not. */
function collect(area: Uint8Array, { options, split }: Gathered): void {
  let at = 0;
  while (at < area.length) {
    const code = area[at++] ?? END;
    if (code === PAD) continue;
    if (code === END) return;
    const length = area[at++];
    if (length === undefined) throw new DecodeError(at - 1, `length of option ${code}: 1 bytes wanted, 0 left`);
    if (at + length > area.length) throw new DecodeError(at, `option ${code}: ${length} bytes wanted, ${area.length - at} left`);
    const value = area.subarray(at, at + length);
    at += length;
    const before = options.get(code);
    if (before === undefined) options.set(code, value);
    else {
      const list = split.get(code);
      if (list === undefined) split.set(code, [before, value]);
      else list.push(value);
    }
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
  const tail: Option[] = relay === undefined ? [] : [[RELAY_AGENT, relay]];
  const wanted: Option[] = [];
  for (const option of packet.options) if (option[0] !== RELAY_AGENT && option[0] !== OVERLOAD) wanted.push(option);
  const room = maxLength - HEADER - lengthOf(tail) - 1;
  // Nearly every packet: no splitting up, no copies. This is half of what encoding costs under load.
  if (lengthOf(wanted) <= room) return { bytes: write(packet, { main: tail.length === 0 ? wanted : [...wanted, ...tail] }), leftOut: [] };
  const main: Area = { parts: [], left: room - OVERLOAD_LENGTH };
  const file: Area = { parts: [], left: packet.file === '' ? FILE - 1 : 0 };
  const sname: Area = { parts: [], left: packet.sname === '' ? SNAME - 1 : 0 };
  const leftOut = wanted.filter(([code, value]) => !place([main, file, sname], pieces(code, value))).map(([code]) => code);
  const overload = (file.parts.length > 0 ? OVERLOAD_FILE : 0) + (sname.parts.length > 0 ? OVERLOAD_SNAME : 0);
  const marker: Option[] = overload === 0 ? [] : [[OVERLOAD, Uint8Array.of(overload)]];
  return { bytes: write(packet, { main: [...main.parts, ...marker, ...tail], file: file.parts, sname: sname.parts }), leftOut };
}

type Option = readonly [code: number, value: Uint8Array];

interface Area {
  readonly parts: Option[];
  left: number;
}

function pieceCount(value: Uint8Array): number {
  return value.length <= MAX_PIECE ? 1 : Math.ceil(value.length / MAX_PIECE);
}

function lengthOf(options: readonly Option[]): number {
  let sum = 0;
  for (const [, value] of options) sum += value.length + 2 * pieceCount(value);
  return sum;
}

function pieces(code: number, value: Uint8Array): Option[] {
  return Array.from({ length: pieceCount(value) }, (_, index) => [code, value.subarray(index * MAX_PIECE, (index + 1) * MAX_PIECE)]);
}

/** All pieces or none, in order: a later piece never lies in an earlier area. */
function place(areas: readonly Area[], parts: readonly Option[]): boolean {
  const plan: Area[] = [];
  const left = areas.map((area) => area.left);
  let from = 0;
  for (const [, value] of parts) {
    const needed = value.length + 2;
    while (from < areas.length && (left[from] ?? 0) < needed) from += 1;
    const area = areas[from];
    if (area === undefined) return false;
    left[from] = (left[from] ?? 0) - needed;
    plan.push(area);
  }
  parts.forEach((part, index) => {
    const area = plan[index];
    area?.parts.push(part);
    if (area !== undefined) area.left -= part[1].length + 2;
  });
  return true;
}

interface Areas {
  readonly main: readonly Option[];
  readonly file?: readonly Option[];
  readonly sname?: readonly Option[];
}

function write(packet: DhcpPacket, { main, file = [], sname = [] }: Areas): Buffer {
  // Of Node's pool: memory of its own for each answer costs as much as writing it.
  const bytes = Buffer.allocUnsafe(Math.max(MIN_LENGTH, HEADER + lengthOf(main) + 1)).fill(0);
  bytes[0] = packet.op;
  bytes[1] = packet.htype;
  bytes[2] = packet.hlen;
  bytes[3] = packet.hops;
  bytes.writeUInt32BE(packet.xid, 4);
  bytes.writeUInt16BE(packet.secs, 8);
  bytes.writeUInt16BE(packet.flags, 10);
  bytes.writeUInt32BE(ipv4ToNumber(packet.ciaddr), 12);
  bytes.writeUInt32BE(ipv4ToNumber(packet.yiaddr), 16);
  bytes.writeUInt32BE(ipv4ToNumber(packet.siaddr), 20);
  bytes.writeUInt32BE(ipv4ToNumber(packet.giaddr), 24);
  bytes.set(packet.chaddr.length > CHADDR ? packet.chaddr.subarray(0, CHADDR) : packet.chaddr, CHADDR_AT);
  if (sname.length > 0) bytes[writeOptions(bytes, SNAME_AT, sname)] = END;
  else writeName(bytes, packet.sname, SNAME_AT, SNAME);
  if (file.length > 0) bytes[writeOptions(bytes, FILE_AT, file)] = END;
  else writeName(bytes, packet.file, FILE_AT, FILE);
  bytes.writeUInt32BE(COOKIE, HEADER - 4);
  bytes[writeOptions(bytes, HEADER, main)] = END;
  return bytes;
}

/** Returns where it ended. */
function writeOptions(bytes: Buffer, start: number, options: readonly Option[]): number {
  let at = start;
  for (const [code, value] of options) {
    let from = 0;
    do {
      const length = Math.min(value.length - from, MAX_PIECE);
      bytes[at] = code;
      bytes[at + 1] = length;
      bytes.set(length === value.length ? value : value.subarray(from, from + length), at + 2);
      at += 2 + length;
      from += length;
    } while (from < value.length);
  }
  return at;
}

function writeName(bytes: Buffer, name: string, at: number, room: number): void {
  if (name === '') return;
  if (name.length > room) throw new RangeError(`${name.length} bytes do not fit in a field of ${room}`);
  bytes.write(name, at, 'latin1');
}

function zeroEnded(bytes: Uint8Array): string {
  if (bytes[0] === 0) return '';
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

/** The Ethernet address, if the packet has one. Infiniband (htype 32) leaves chaddr empty (RFC 4390). */
export function macOf(packet: DhcpPacket): Mac | undefined {
  return packet.htype === 1 && packet.hlen === 6 ? macOfBytes(packet.chaddr.subarray(0, 6)) : undefined;
}
