// The partition table of an open disk. Reads; what it means is in the codecs.

import type { BlockDevice } from './block-device.ts';
import { decodeGpt, type Gpt, gptPlace } from './gpt-codec.ts';

/** Null: none, or a damaged one. */
export async function readGpt(device: Pick<BlockDevice, 'read' | 'sectorSize'>): Promise<Gpt | null> {
  const header = await device.read(device.sectorSize, device.sectorSize);
  const place = gptPlace(header, device.sectorSize);
  if (place === null) return null;
  return decodeGpt(header, await device.read(place.entriesOffset, place.entriesBytes), device.sectorSize);
}

/** As file systems have them: in the order of writing. */
export function guidOf(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
