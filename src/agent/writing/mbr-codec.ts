// The four entries of an MBR, as far as an image's last partition is grown by them. Bytes in, bytes out.

const ENTRY_AT = [446, 462, 478, 494] as const;
const EXTENDED = new Set([0x05, 0x0f, 0x85]);
const PROTECTIVE = 0xee;

export interface MbrPartition {
  /** From 1. */
  readonly number: number;
  readonly type: number;
  readonly isActive: boolean;
  readonly first: number;
  readonly sectors: number;
}

/** Null: there is no MBR, or it only protects a GPT. */
export function decodeMbr(sector: Buffer): MbrPartition[] | null {
  if (sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55) return null;
  const all = ENTRY_AT.map((at, index) => ({
    number: index + 1,
    isActive: sector[at] === 0x80,
    type: sector[at + 4] ?? 0,
    first: sector.readUInt32LE(at + 8),
    sectors: sector.readUInt32LE(at + 12),
  })).filter(({ type, sectors }) => type !== 0 && sectors !== 0);
  return all.some(({ type }) => type === PROTECTIVE) ? null : all;
}

export function isExtended({ type }: MbrPartition): boolean {
  return EXTENDED.has(type);
}

/** Boot code in the first sector: BIOS has something to start. */
export function hasBootCode(sector: Buffer): boolean {
  return sector.length >= 512 && sector.readUInt16LE(510) === 0xaa55 && sector.subarray(0, 440).some((byte) => byte !== 0);
}

export function withSectors(sector: Buffer, number: number, sectors: number): Buffer {
  const bytes = Buffer.from(sector);
  bytes.writeUInt32LE(Math.min(sectors, 0xffffffff), (ENTRY_AT[number - 1] ?? ENTRY_AT[0]) + 12);
  return bytes;
}

/** A further primary partition in the first free entry; null: all four are taken. */
export function withEntry(
  sector: Buffer,
  one: { readonly type: number; readonly first: number; readonly sectors: number },
): { readonly bytes: Buffer; readonly number: number } | null {
  const free = ENTRY_AT.findIndex((at) => sector[at + 4] === 0);
  const at = ENTRY_AT[free];
  if (at === undefined || one.first + one.sectors > 0xffffffff) return null;
  const bytes = Buffer.from(sector);
  // Cylinders, heads and sectors beyond what they can say, as every tool writes them.
  bytes.set([0x00, 0xfe, 0xff, 0xff, one.type, 0xfe, 0xff, 0xff], at);
  bytes.writeUInt32LE(one.first, at + 8);
  bytes.writeUInt32LE(one.sectors, at + 12);
  return { bytes, number: free + 1 };
}
