// What a booting machine says of itself to iPXE's first script. Pure. All of it is what strangers claim: cut, cleaned, and used for
// matching and for showing only.

import type { Mac } from '../../lib/index.ts';

export interface MachineFacts {
  readonly mac: Mac;
  readonly smbiosUuid: string | null;
  readonly manufacturer: string | null;
  readonly product: string | null;
  readonly serial: string | null;
}

/** DHCP knows these two only; the others are null then because nobody asked yet. */
export type HardwareNames = Pick<MachineFacts, 'manufacturer' | 'product' | 'serial'>;

export const NO_NAMES: HardwareNames = { manufacturer: null, product: null, serial: null };

/** SMBIOS strings have no limit of their own; 64 characters are what boards fill. */
const NAME_MAX = 64;

export function namesOfQuery(query: URLSearchParams): HardwareNames {
  return {
    manufacturer: cleanName(query.get('manufacturer')),
    product: cleanName(query.get('product')),
    serial: cleanName(query.get('serial')),
  };
}

export function cleanName(raw: string | null | undefined): string | null {
  const text = (raw ?? '')
    .slice(0, 4 * NAME_MAX)
    .replaceAll(/[\p{C}\p{Z}\ufffd\s]+/gu, ' ')
    .trim();
  return text === '' ? null : text.slice(0, NAME_MAX);
}
