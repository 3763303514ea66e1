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

/** Six bytes → the one spelling. */
export function macOfBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6) throw new RangeError(`a MAC has 6 bytes, not ${bytes.length}`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac; // built in the form
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}
