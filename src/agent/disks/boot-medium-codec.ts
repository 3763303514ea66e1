// Which partition a boot option of the firmware starts from. Pure.

import { guidAt, u8, u16le } from './bytes.ts';

const MEDIA = 4;
const HARD_DRIVE = 1;
const END = 0x7f;
const GUID_SIGNATURE = 2;
const NODES_MAX = 64;

/**
 * EFI_LOAD_OPTION (UEFI 2.10 §3.1.3): attributes, the length of the device path, a description in UTF-16, the path. The node of a hard drive
 * (§10.3.5.1) has the partition's GUID. Undefined: it starts from no GPT partition.
 */
export function bootedPartitionOf(option: Uint8Array): string | undefined {
  let at = 6;
  while (at + 1 < option.length && u16le(option, at) !== 0) at += 2;
  at += 2;
  for (let nodes = 0; nodes < NODES_MAX && at + 4 <= option.length; nodes += 1) {
    const [type, subtype, length] = [u8(option, at), u8(option, at + 1), u16le(option, at + 2)];
    if (type === END || length < 4) return undefined;
    if (type === MEDIA && subtype === HARD_DRIVE && length >= 42 && u8(option, at + 41) === GUID_SIGNATURE) {
      return guidAt(option, at + 24) ?? undefined;
    }
    at += length;
  }
  return undefined;
}
