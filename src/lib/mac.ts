// Hardware addresses: one spelling inside (lower case, colons), many outside.

export type Mac = string & { readonly __brand: 'Mac' };

const SPELLINGS = [
  /^([0-9a-f]{2})(?::[0-9a-f]{2}){5}$/,
  /^([0-9a-f]{2})(?:-[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{12}$/,
  /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}$/,
];

/** aa:bb:cc:dd:ee:ff, AA-BB-…, aabb.ccdd.eeff or aabbccddeeff → the one spelling; undefined when it is no MAC. */
export function parseMac(text: string): Mac | undefined {
  const lower = text.trim().toLowerCase();
  if (!SPELLINGS.some((spelling) => spelling.test(lower))) return undefined;
  const digits = lower.replaceAll(/[^0-9a-f]/g, '');
  return digits.replaceAll(/(..)(?!$)/g, '$1:') as Mac; // the pattern above proved the form
}

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Six bytes → the one spelling. From a table: called for each DHCP packet. */
export function macOfBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6) throw new RangeError(`a MAC has 6 bytes, not ${bytes.length}`);
  const pair = (at: number): string => PAIRS[bytes[at] ?? 0] ?? '';
  return `${pair(0)}:${pair(1)}:${pair(2)}:${pair(3)}:${pair(4)}:${pair(5)}` as Mac; // built in the form
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}
