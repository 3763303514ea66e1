// Numbers, texts and ids in bytes that a disk gave: nothing here throws, whatever the bytes are. Pure.

export function u8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function u16le(bytes: Uint8Array, at: number): number {
  return u8(bytes, at) | (u8(bytes, at + 1) << 8);
}

export function u32le(bytes: Uint8Array, at: number): number {
  return (u16le(bytes, at) | (u16le(bytes, at + 2) << 16)) >>> 0;
}

export function u32be(bytes: Uint8Array, at: number): number {
  return ((u8(bytes, at) << 24) | (u8(bytes, at + 1) << 16) | (u8(bytes, at + 2) << 8) | u8(bytes, at + 3)) >>> 0;
}

export function u16be(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 8) | u8(bytes, at + 1);
}

export function u64le(bytes: Uint8Array, at: number): bigint {
  return (BigInt(u32le(bytes, at + 4)) << 32n) | BigInt(u32le(bytes, at));
}

export function u64be(bytes: Uint8Array, at: number): bigint {
  return (BigInt(u32be(bytes, at)) << 32n) | BigInt(u32be(bytes, at + 4));
}

/** A place or a length on a disk; -1 where it is none that a disk can have. */
export function place(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? -1 : Number(value);
}

export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  if (bytes.length < at + text.length) return false;
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}

export function hasBytes(bytes: Uint8Array, at: number, wanted: readonly number[]): boolean {
  return wanted.every((value, index) => bytes[at + index] === value);
}

/** Up to the first NUL, without what may not be shown; null when nothing is left. */
export function textAt(bytes: Uint8Array, at: number, length: number, encoding: 'utf8' | 'utf16le' | 'latin1' = 'utf8'): string | null {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .subarray(at, at + length)
    .toString(encoding);
  const end = raw.indexOf('\0');
  return shown(end < 0 ? raw : raw.slice(0, end));
}

/** What a disk calls something, fit for a screen and a schema. */
export function shown(text: string, maxLength = 256): string | null {
  const clean = text.replaceAll(/[\p{Cc}\p{Cs}\ufffd\s]+/gu, ' ').trim();
  return clean === '' ? null : clean.slice(0, maxLength);
}

/** As its bytes stand; null when all are zero. */
export function uuidAt(bytes: Uint8Array, at: number): string | null {
  const hex = Buffer.from(bytes.subarray(at, at + 16)).toString('hex');
  return hex.length < 32 || /^0+$/.test(hex) ? null : dashed(hex);
}

/** The first three fields are little-endian (UEFI 2.10, appendix A); null when all are zero. */
export function guidAt(bytes: Uint8Array, at: number): string | null {
  const raw = Buffer.from(bytes.subarray(at, at + 16));
  if (raw.length < 16) return null;
  raw.subarray(0, 4).reverse();
  raw.subarray(4, 6).reverse();
  raw.subarray(6, 8).reverse();
  return uuidAt(raw, 0);
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function isAll(bytes: Uint8Array, value: number): boolean {
  for (const byte of bytes) if (byte !== value) return false;
  return true;
}
