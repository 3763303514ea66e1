// TFTP datagrams to packets and back (RFC 1350 §5, RFC 2347). Pure. Knows the format, not what options mean.

import { ByteReader, ByteWriter, DecodeError } from '../../lib/index.ts';

/** Names in lower case: RFC 2347 compares them without regard to case. */
export type TftpOptions = ReadonlyMap<string, string>;

export type TftpPacket =
  | { readonly op: 'read' | 'write'; readonly fileName: string; readonly mode: string; readonly options: TftpOptions }
  | { readonly op: 'data'; readonly block: number; readonly bytes: Uint8Array }
  | { readonly op: 'ack'; readonly block: number }
  | { readonly op: 'error'; readonly code: number; readonly message: string }
  | { readonly op: 'oack'; readonly options: TftpOptions };

export const TFTP_ERROR = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
  optionRefused: 8,
} as const;

const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;
/** No real client asks for more than six; a request is one datagram of at most 512 bytes (RFC 2347), some firmware exceeds that. */
const MAX_OPTIONS = 32;
const MAX_TEXT = 1024;

/** Throws DecodeError and nothing else. `bytes` of DATA is a view of the datagram. */
export function decode(datagram: Uint8Array): TftpPacket {
  const reader = new ByteReader(datagram);
  const opcode = reader.u16('opcode');
  switch (opcode) {
    case OPCODE.read:
    case OPCODE.write: {
      const fileName = text(reader, 'file name');
      const mode = text(reader, 'mode').toLowerCase();
      return { op: opcode === OPCODE.read ? 'read' : 'write', fileName, mode, options: readOptions(reader) };
    }
    case OPCODE.data:
      return { op: 'data', block: reader.u16('block'), bytes: reader.rest() };
    case OPCODE.ack:
      return { op: 'ack', block: reader.u16('block') };
    case OPCODE.error:
      // The closing NUL of the message is often forgotten, and the message may be missing: what counts is the code.
      return { op: 'error', code: reader.u16('error code'), message: latin1(reader.rest()).split('\0', 1).join('') };
    case OPCODE.oack:
      return { op: 'oack', options: readOptions(reader) };
    default:
      throw new DecodeError(0, `opcode ${opcode} is unknown`);
  }
}

/** The block of an ACK, without a packet made for it: of the datagrams that come to a transfer all but a few are ACKs. */
export function ackedBlock(datagram: Uint8Array): number | undefined {
  const [high, opcode, first, second] = datagram;
  if (high !== 0 || opcode !== OPCODE.ack || first === undefined || second === undefined) return undefined;
  return first * 256 + second;
}

export const DATA_HEADER_BYTES = 4;

/** Writes the header of a DATA packet; its bytes are put behind it by whoever has them. */
export function putDataHeader(target: Uint8Array, at: number, block: number): void {
  target[at] = 0;
  target[at + 1] = OPCODE.data;
  target[at + 2] = (block >>> 8) & 0xff;
  target[at + 3] = block & 0xff;
}

function readOptions(reader: ByteReader): TftpOptions {
  const options = new Map<string, string>();
  while (reader.left > 0) {
    // Some clients pad requests with zeros behind the last option.
    const name = text(reader, 'option name').toLowerCase();
    if (name === '') continue;
    if (options.size >= MAX_OPTIONS) throw new DecodeError(reader.offset, `more than ${MAX_OPTIONS} options`);
    const value = text(reader, `value of ${name}`);
    // RFC 2347: an option may appear once; the first one counts.
    if (!options.has(name)) options.set(name, value);
  }
  return options;
}

function text(reader: ByteReader, what: string): string {
  const start = reader.offset;
  const bytes: number[] = [];
  for (;;) {
    const byte = reader.u8(what);
    if (byte === 0) return latin1(Uint8Array.from(bytes));
    if (bytes.length >= MAX_TEXT) throw new DecodeError(start, `${what} is longer than ${MAX_TEXT} bytes`);
    bytes.push(byte);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function encode(packet: TftpPacket): Buffer {
  const writer = new ByteWriter(packet.op === 'data' ? packet.bytes.length + 4 : 64).u16(OPCODE[packet.op]);
  switch (packet.op) {
    case 'read':
    case 'write':
      return putOptions(putText(putText(writer, packet.fileName), packet.mode), packet.options).done();
    case 'data':
      return writer.u16(packet.block).put(packet.bytes).done();
    case 'ack':
      return writer.u16(packet.block).done();
    case 'error':
      return putText(writer.u16(packet.code), packet.message).done();
    case 'oack':
      return putOptions(writer, packet.options).done();
  }
}

function putText(writer: ByteWriter, value: string): ByteWriter {
  return writer.put(Buffer.from(value, 'latin1')).u8(0);
}

function putOptions(writer: ByteWriter, options: TftpOptions): ByteWriter {
  for (const [name, value] of options) putText(putText(writer, name), value);
  return writer;
}
