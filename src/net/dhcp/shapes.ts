// How the bytes of one option read as a value, and back: one entry per shape. Pure; knows no option numbers.

import { ByteReader, ByteWriter, DecodeError, type Ipv4, ipv4ToNumber, numberToIpv4 } from '../../lib/index.ts';

export interface Shape<T> {
  read(bytes: Uint8Array): T;
  write(value: T): Uint8Array;
}

export interface StaticRoute {
  readonly destination: Ipv4;
  readonly prefix: number;
  readonly router: Ipv4;
}

export interface ClientUuid {
  readonly type: number;
  /** Lower case, as dmidecode and /sys/class/dmi print it. */
  readonly uuid: string;
}

const MAX_LABEL = 63;
const MAX_DOMAIN = 253;
const HEX_GROUPS = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/;

export const SHAPES = {
  bytes: { read: (bytes) => bytes, write: (value) => value } satisfies Shape<Uint8Array>,
  flag: { read: (bytes) => fixed(bytes, 1).u8('flag') !== 0, write: (value) => Uint8Array.of(value ? 1 : 0) } satisfies Shape<boolean>,
  u8: { read: (bytes) => numberIn(bytes, 1), write: (value) => Uint8Array.of(value) } satisfies Shape<number>,
  u16: {
    read: (bytes) => numberIn(bytes, 2),
    write: (value) => Uint8Array.of((value >>> 8) & 255, value & 255),
  } satisfies Shape<number>,
  u32: { read: (bytes) => numberIn(bytes, 4), write: u32Bytes } satisfies Shape<number>,
  u16s: { read: readU16s, write: writeU16s } satisfies Shape<number[]>,
  ip: { read: (bytes) => numberToIpv4(numberIn(bytes, 4)), write: (value) => u32Bytes(ipv4ToNumber(value)) } satisfies Shape<Ipv4>,
  ips: { read: readIps, write: writeIps } satisfies Shape<Ipv4[]>,
  text: { read: readText, write: (value) => Buffer.from(value, 'latin1') } satisfies Shape<string>,
  url: { read: readUrl, write: (value) => Buffer.from(value, 'utf8') } satisfies Shape<string>,
  domains: { read: readDomains, write: writeDomains } satisfies Shape<string[]>,
  routes: { read: readRoutes, write: writeRoutes } satisfies Shape<StaticRoute[]>,
  nested: { read: readNested, write: writeNested } satisfies Shape<ReadonlyMap<number, Uint8Array>>,
  uuid: { read: readUuid, write: writeUuid } satisfies Shape<ClientUuid>,
  userClass: { read: readUserClass, write: writeUserClass } satisfies Shape<string[]>,
};

function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export type ShapeName = keyof typeof SHAPES;
export type ShapeValue<S extends ShapeName> = ReturnType<(typeof SHAPES)[S]['read']>;

/** Without a reader: a handful of these are read of each packet. */
function numberIn(bytes: Uint8Array, length: number): number {
  if (bytes.length !== length) throw new DecodeError(0, `option of ${bytes.length} bytes where ${length} are due`);
  let value = 0;
  for (let at = 0; at < length; at += 1) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

function fixed(bytes: Uint8Array, length: number): ByteReader {
  if (bytes.length !== length) throw new DecodeError(0, `option of ${bytes.length} bytes where ${length} are due`);
  return new ByteReader(bytes);
}

function wholes(bytes: Uint8Array, size: number): ByteReader {
  if (bytes.length === 0 || bytes.length % size !== 0) throw new DecodeError(0, `option of ${bytes.length} bytes is no list of ${size}`);
  return new ByteReader(bytes);
}

function readIp(reader: ByteReader): Ipv4 {
  return numberToIpv4(reader.u32('address'));
}

function readIps(bytes: Uint8Array): Ipv4[] {
  const reader = wholes(bytes, 4);
  const list: Ipv4[] = [];
  while (reader.left > 0) list.push(readIp(reader));
  return list;
}

function writeIps(list: readonly Ipv4[]): Uint8Array {
  const writer = new ByteWriter(list.length * 4);
  for (const address of list) writer.u32(ipv4ToNumber(address));
  return writer.done();
}

function readU16s(bytes: Uint8Array): number[] {
  const reader = wholes(bytes, 2);
  const list: number[] = [];
  while (reader.left > 0) list.push(reader.u16('number'));
  return list;
}

function writeU16s(list: readonly number[]): Uint8Array {
  const writer = new ByteWriter(list.length * 2);
  for (const value of list) writer.u16(value);
  return writer.done();
}

/** Some firmware counts a closing NUL into the length (RFC 2132 §2 forbids it, and tells receivers to expect it). */
function readText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1').replace(/\0+$/, '');
}

function readUrl(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8').replace(/\0+$/, '');
}

/** RFC 3397: DNS names with RFC 1035 compression. A pointer may only point backwards, so that reading always ends. */
function readDomains(bytes: Uint8Array): string[] {
  const names: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { name, next } = readDomain(bytes, at);
    names.push(name);
    at = next;
  }
  return names;
}

function readDomain(bytes: Uint8Array, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let length = 0;
  let next: number | undefined;
  let floor = start;
  let at = start;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw new DecodeError(at, 'domain name is cut off');
    if (size === 0) break;
    if (size >= 0xc0) {
      const target = (size & 0x3f) * 256 + (bytes[at + 1] ?? Number.POSITIVE_INFINITY);
      if (target >= floor) throw new DecodeError(at, 'domain name points forward or out of the option');
      next ??= at + 2;
      floor = target;
      at = target;
      continue;
    }
    if (size > MAX_LABEL || at + 1 + size > bytes.length) throw new DecodeError(at, 'label is cut off or too long');
    labels.push(Buffer.from(bytes.subarray(at + 1, at + 1 + size)).toString('latin1'));
    length += size + 1;
    if (length > MAX_DOMAIN + 1) throw new DecodeError(at, 'domain name is too long');
    at += size + 1;
  }
  return { name: labels.join('.'), next: next ?? at + 1 };
}

/** Written without compression: every client reads that. */
function writeDomains(names: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  for (const name of names) {
    for (const label of name === '' ? [] : name.split('.')) {
      const bytes = Buffer.from(label, 'latin1');
      if (bytes.length === 0 || bytes.length > MAX_LABEL) throw new RangeError(`"${name}" is no domain name`);
      writer.u8(bytes.length).put(bytes);
    }
    writer.u8(0);
  }
  return writer.done();
}

/** RFC 3442: only the significant octets of each destination are sent. */
function readRoutes(bytes: Uint8Array): StaticRoute[] {
  const reader = new ByteReader(bytes);
  const routes: StaticRoute[] = [];
  while (reader.left > 0) {
    const prefix = reader.u8('prefix');
    if (prefix > 32) throw new DecodeError(reader.offset - 1, `prefix length ${prefix}`);
    const octets = new Uint8Array(4);
    octets.set(reader.take(Math.ceil(prefix / 8), 'destination'));
    routes.push({ destination: readIp(new ByteReader(octets)), prefix, router: readIp(reader) });
  }
  return routes;
}

function writeRoutes(routes: readonly StaticRoute[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { destination, prefix, router } of routes) {
    writer
      .u8(prefix)
      .put(writeIps([destination]).subarray(0, Math.ceil(prefix / 8)))
      .u32(ipv4ToNumber(router));
  }
  return writer.done();
}

/** Sub-options of 43 (RFC 2132 §8.4), 82 (RFC 3046) and 175 (iPXE). Pad and end are honoured in each. */
function readNested(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const reader = new ByteReader(bytes);
  const found = new Map<number, Uint8Array>();
  while (reader.left > 0) {
    const code = reader.u8('sub-option');
    if (code === 0) continue;
    if (code === 255) break;
    found.set(code, reader.take(reader.u8('sub-option length'), `sub-option ${code}`));
  }
  return found;
}

function writeNested(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const writer = new ByteWriter();
  for (const [code, value] of options) {
    if (code < 1 || code > 254 || value.length > 255) throw new RangeError(`sub-option ${code} of ${value.length} bytes`);
    writer.u8(code).u8(value.length).put(value);
  }
  return writer.done();
}

/**
 * RFC 4578 §2.3: a type byte (0) and 16 bytes. Their order is EFI's, the first three fields little-endian: EDK2 copies the SMBIOS
 * bytes as they are, and iPXE turns its own network-order UUID back before it sends it. Measured (Nov 2026) with QEMU's
 * -uuid 01020304-0506-0708-090a-0b0c0d0e0f10: iPXE's ROM and OVMF both send 00 04030201 0605 0807 090a 0b0c0d0e0f10.
 */
function readUuid(bytes: Uint8Array): ClientUuid {
  const reader = fixed(bytes, 17);
  const type = reader.u8('type');
  const hex = Buffer.from(swapFields(reader.rest())).toString('hex');
  return { type, uuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
}

function writeUuid(value: ClientUuid): Uint8Array {
  if (!HEX_GROUPS.test(value.uuid)) throw new RangeError(`"${value.uuid}" is no UUID`);
  const bytes = swapFields(Buffer.from(value.uuid.replaceAll('-', ''), 'hex'));
  return Buffer.concat([Uint8Array.of(value.type), bytes]);
}

function swapFields(bytes: Uint8Array): Uint8Array {
  const field = (from: number, to: number): Uint8Array => Uint8Array.from(bytes.subarray(from, to)).reverse();
  return Buffer.concat([field(0, 4), field(4, 6), field(6, 8), bytes.subarray(8)]);
}

/**
 * RFC 3004 wants each class behind a length byte; iPXE sends the bare word. Bytes that are no exact list of lengths are one raw class:
 * "iPXE" begins with 'i' = 105, which never fits its own four bytes.
 */
function readUserClass(bytes: Uint8Array): string[] {
  const classes: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const size = bytes[at] ?? 0;
    if (size === 0 || at + 1 + size > bytes.length) return [readText(bytes)];
    classes.push(Buffer.from(bytes.subarray(at + 1, at + 1 + size)).toString('latin1'));
    at += 1 + size;
  }
  return classes;
}

function writeUserClass(classes: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  for (const name of classes) writer.u8(name.length).put(Buffer.from(name, 'latin1'));
  return writer.done();
}
