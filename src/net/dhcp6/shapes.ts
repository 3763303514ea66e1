// How the bytes of one DHCPv6 option read as a value, and back: one entry per shape (RFC 8415 §21, RFC 3646, RFC 5970, RFC 6939).
// Pure; knows no policy.

import { ByteReader, ByteWriter, bytesToIpv6, DecodeError, type Ipv6, ipv6ToBytes } from '../../lib/index.ts';

export interface Option6 {
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** In the order of the datagram; a code may come more than once (RFC 8415 §21.1). */
export type Options6 = readonly Option6[];

/** IA_NA and IA_PD (§21.4, §21.21). */
export interface IdentityAssociation {
  readonly iaid: number;
  readonly renewSeconds: number;
  readonly rebindSeconds: number;
  readonly options: Options6;
}

export interface TemporaryAssociation {
  readonly iaid: number;
  readonly options: Options6;
}

export interface AssociatedAddress {
  readonly address: Ipv6;
  readonly preferredSeconds: number;
  readonly validSeconds: number;
  readonly options: Options6;
}

export interface StatusCode {
  readonly code: number;
  readonly message: string;
}

export interface VendorClass {
  readonly enterprise: number;
  readonly classes: readonly Uint8Array[];
}

export interface VendorOptions {
  readonly enterprise: number;
  readonly options: Options6;
}

export interface LinkLayerAddress {
  readonly type: number;
  readonly address: Uint8Array;
}

export interface Shape6<T> {
  read(bytes: Uint8Array): T;
  write(value: T): Uint8Array;
}

const MAX_LABEL = 63;
const MAX_DOMAIN = 253;
/** Far beyond what a datagram of clients or relays carries; a bound all the same. */
const MAX_OPTIONS = 512;

export const SHAPES6 = {
  bytes: { read: (bytes) => bytes, write: (value) => value } satisfies Shape6<Uint8Array>,
  flag: { read: readFlag, write: () => new Uint8Array(0) } satisfies Shape6<true>,
  u8: { read: (bytes) => exactly(bytes, 1).u8('number'), write: (value) => Uint8Array.of(value) } satisfies Shape6<number>,
  u16: { read: (bytes) => exactly(bytes, 2).u16('number'), write: (value) => new ByteWriter(2).u16(value).done() } satisfies Shape6<number>,
  u32: { read: (bytes) => exactly(bytes, 4).u32('number'), write: (value) => new ByteWriter(4).u32(value).done() } satisfies Shape6<number>,
  u16s: { read: readU16s, write: writeU16s } satisfies Shape6<number[]>,
  duid: { read: readDuid, write: (value) => value } satisfies Shape6<Uint8Array>,
  ips: { read: readIps, write: (value) => Buffer.concat(value.map(ipv6ToBytes)) } satisfies Shape6<Ipv6[]>,
  association: { read: readAssociation, write: writeAssociation } satisfies Shape6<IdentityAssociation>,
  temporary: { read: readTemporary, write: writeTemporary } satisfies Shape6<TemporaryAssociation>,
  address: { read: readAddress, write: writeAddress } satisfies Shape6<AssociatedAddress>,
  status: { read: readStatus, write: writeStatus } satisfies Shape6<StatusCode>,
  pieces: { read: (bytes) => readPieces(new ByteReader(bytes)), write: writePieces } satisfies Shape6<readonly Uint8Array[]>,
  vendorClass: { read: readVendorClass, write: writeVendorClass } satisfies Shape6<VendorClass>,
  vendorOptions: { read: readVendorOptions, write: writeVendorOptions } satisfies Shape6<VendorOptions>,
  domains: { read: readDomains, write: writeDomains } satisfies Shape6<string[]>,
  text: { read: (bytes) => Buffer.from(bytes).toString('utf8'), write: (value) => Buffer.from(value, 'utf8') } satisfies Shape6<string>,
  linkLayer: { read: readLinkLayer, write: writeLinkLayer } satisfies Shape6<LinkLayerAddress>,
} as const;

export type ShapeName6 = keyof typeof SHAPES6;
export type ShapeValue6<S extends ShapeName6> = ReturnType<(typeof SHAPES6)[S]['read']>;

export function readOptions(reader: ByteReader): Option6[] {
  const options: Option6[] = [];
  while (reader.left > 0) {
    if (options.length >= MAX_OPTIONS) throw new DecodeError(reader.offset, `more than ${MAX_OPTIONS} options`);
    const code = reader.u16('option code');
    options.push({ code, bytes: reader.take(reader.u16(`length of option ${code}`), `option ${code}`) });
  }
  return options;
}

export function writeOptions(writer: ByteWriter, options: Options6): ByteWriter {
  for (const { code, bytes } of options) writer.u16(code).u16(bytes.length).put(bytes);
  return writer;
}

function exactly(bytes: Uint8Array, length: number): ByteReader {
  if (bytes.length !== length) throw new DecodeError(0, `${bytes.length} bytes where ${length} belong`);
  return new ByteReader(bytes);
}

/** There or not: it carries nothing. */
function readFlag(bytes: Uint8Array): true {
  exactly(bytes, 0);
  return true;
}

function readU16s(bytes: Uint8Array): number[] {
  if (bytes.length % 2 !== 0) throw new DecodeError(bytes.length, 'an odd number of bytes for 16-bit numbers');
  const reader = new ByteReader(bytes);
  return Array.from({ length: bytes.length / 2 }, () => reader.u16('number'));
}

function writeU16s(values: readonly number[]): Uint8Array {
  return values.reduce((writer, value) => writer.u16(value), new ByteWriter(Math.max(2, 2 * values.length))).done();
}

/** RFC 8415 §11.1: a type of two bytes and at most 128 more. */
function readDuid(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 3 || bytes.length > 130) throw new DecodeError(0, `a DUID of ${bytes.length} bytes`);
  return bytes;
}

function readIps(bytes: Uint8Array): Ipv6[] {
  if (bytes.length % 16 !== 0) throw new DecodeError(bytes.length, 'not a whole number of IPv6 addresses');
  const reader = new ByteReader(bytes);
  return Array.from({ length: bytes.length / 16 }, () => bytesToIpv6(reader.take(16, 'address')));
}

function readAssociation(bytes: Uint8Array): IdentityAssociation {
  const reader = new ByteReader(bytes);
  const [iaid, renewSeconds, rebindSeconds] = [reader.u32('IAID'), reader.u32('T1'), reader.u32('T2')];
  return { iaid, renewSeconds, rebindSeconds, options: readOptions(reader) };
}

function writeAssociation({ iaid, renewSeconds, rebindSeconds, options }: IdentityAssociation): Uint8Array {
  return writeOptions(new ByteWriter(64).u32(iaid).u32(renewSeconds).u32(rebindSeconds), options).done();
}

function readTemporary(bytes: Uint8Array): TemporaryAssociation {
  const reader = new ByteReader(bytes);
  return { iaid: reader.u32('IAID'), options: readOptions(reader) };
}

function writeTemporary({ iaid, options }: TemporaryAssociation): Uint8Array {
  return writeOptions(new ByteWriter(64).u32(iaid), options).done();
}

function readAddress(bytes: Uint8Array): AssociatedAddress {
  const reader = new ByteReader(bytes);
  const address = bytesToIpv6(reader.take(16, 'address'));
  const [preferredSeconds, validSeconds] = [reader.u32('preferred lifetime'), reader.u32('valid lifetime')];
  return { address, preferredSeconds, validSeconds, options: readOptions(reader) };
}

function writeAddress({ address, preferredSeconds, validSeconds, options }: AssociatedAddress): Uint8Array {
  return writeOptions(new ByteWriter(32).put(ipv6ToBytes(address)).u32(preferredSeconds).u32(validSeconds), options).done();
}

function readStatus(bytes: Uint8Array): StatusCode {
  const reader = new ByteReader(bytes);
  return { code: reader.u16('status code'), message: Buffer.from(reader.rest()).toString('utf8') };
}

function writeStatus({ code, message }: StatusCode): Uint8Array {
  return new ByteWriter(64).u16(code).put(Buffer.from(message, 'utf8')).done();
}

/** User class, vendor class and boot parameters: each piece after its length in two bytes. */
function readPieces(reader: ByteReader): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  while (reader.left > 0) pieces.push(reader.take(reader.u16('length'), 'piece'));
  return pieces;
}

function writePieces(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.reduce((writer, piece) => writer.u16(piece.length).put(piece), new ByteWriter(64)).done();
}

function readVendorClass(bytes: Uint8Array): VendorClass {
  const reader = new ByteReader(bytes);
  return { enterprise: reader.u32('enterprise number'), classes: readPieces(reader) };
}

function writeVendorClass({ enterprise, classes }: VendorClass): Uint8Array {
  return new ByteWriter(64).u32(enterprise).put(writePieces(classes)).done();
}

function readVendorOptions(bytes: Uint8Array): VendorOptions {
  const reader = new ByteReader(bytes);
  return { enterprise: reader.u32('enterprise number'), options: readOptions(reader) };
}

function writeVendorOptions({ enterprise, options }: VendorOptions): Uint8Array {
  return writeOptions(new ByteWriter(64).u32(enterprise), options).done();
}

/** RFC 1035 labels without compression, as RFC 8415 §10 demands. */
function readDomains(bytes: Uint8Array): string[] {
  const reader = new ByteReader(bytes);
  const domains: string[] = [];
  while (reader.left > 0) domains.push(readDomain(reader));
  return domains;
}

function readDomain(reader: ByteReader): string {
  const labels: string[] = [];
  for (let length = 0; ; ) {
    const size = reader.u8('label length');
    if (size === 0) return labels.join('.');
    if (size > MAX_LABEL) throw new DecodeError(reader.offset - 1, `a label of ${size} bytes`);
    labels.push(Buffer.from(reader.take(size, 'label')).toString('latin1'));
    length += size + 1;
    if (length > MAX_DOMAIN + 1) throw new DecodeError(reader.offset, `a domain name of more than ${MAX_DOMAIN} bytes`);
  }
}

function writeDomains(domains: readonly string[]): Uint8Array {
  const writer = new ByteWriter(64);
  for (const domain of domains) {
    for (const label of domain.split('.')) {
      const bytes = Buffer.from(label, 'latin1');
      if (bytes.length === 0 || bytes.length > MAX_LABEL) throw new RangeError(`${JSON.stringify(domain)} is no domain name`);
      writer.u8(bytes.length).put(bytes);
    }
    writer.u8(0);
  }
  return writer.done();
}

function readLinkLayer(bytes: Uint8Array): LinkLayerAddress {
  const reader = new ByteReader(bytes);
  return { type: reader.u16('link-layer type'), address: reader.rest() };
}

function writeLinkLayer({ type, address }: LinkLayerAddress): Uint8Array {
  return new ByteWriter(8).u16(type).put(address).done();
}
