// The five bytes of IPMI's boot flags: System Boot Options parameter 5, table 28-14 of the IPMI 2.0 specification. Pure.

import type { BootDevice, BootDeviceSetting } from './seam.ts';

/** Data 2, bits 5:2. */
const SELECTORS = [
  ['pxe', 0x04],
  ['disk', 0x08],
  ['safe', 0x0c],
  ['cdrom', 0x14],
  ['bios', 0x18],
] as const satisfies readonly (readonly [BootDevice, number])[];

const VALID = 0x80;
const PERSISTENT = 0x40;
const EFI = 0x20;
const SELECTOR_MASK = 0x3c;

export const IPMI_BOOT_DEVICES = SELECTORS.map(([device]) => device);

export interface BootFlags extends BootDeviceSetting {
  readonly isUefi: boolean;
}

/** Undefined: IPMI has no selector for it. */
export function encodeBootFlags(device: BootDevice, isPersistent: boolean, isUefi: boolean): readonly number[] | undefined {
  const found = SELECTORS.find(([name]) => name === device);
  if (found === undefined) return undefined;
  return [VALID | (isPersistent ? PERSISTENT : 0) | (isUefi ? EFI : 0), found[1], 0, 0, 0];
}

/** What ipmitool prints of "raw 0x00 0x09 0x05 0x00 0x00": version, parameter, data 1, data 2 … in hex. */
export function decodeBootFlags(printed: string): BootFlags | undefined {
  const bytes = printed
    .trim()
    .split(/\s+/)
    .map((pair) => (/^[0-9a-f]{2}$/i.test(pair) ? Number.parseInt(pair, 16) : Number.NaN));
  const [, parameter, flags, selector] = bytes;
  if (parameter === undefined || flags === undefined || selector === undefined || bytes.some(Number.isNaN)) return undefined;
  // Bit 7 of the parameter's byte: it is locked or invalid.
  if (parameter !== 5) return undefined;
  const found = SELECTORS.find(([, code]) => code === (selector & SELECTOR_MASK));
  const isSet = (flags & VALID) !== 0 && found !== undefined;
  return {
    device: isSet ? found[0] : null,
    isPersistent: isSet ? (flags & PERSISTENT) !== 0 : null,
    isUefi: (flags & EFI) !== 0,
  };
}

/** "0x00 0x09 5" → the same, checked; undefined when it is not a row of bytes. */
export function rawBytes(text: unknown): readonly string[] | undefined {
  if (typeof text !== 'string' || text.length > 1024) return undefined;
  const words = text.trim().split(/\s+/);
  const isByte = (word: string): boolean => /^(?:0x[0-9a-f]{1,2}|[0-9]{1,3})$/i.test(word) && Number(word) <= 255;
  return words.length >= 2 && words.every(isByte) ? words : undefined;
}
