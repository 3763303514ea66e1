// crypt(3) with SHA-512 ("$6$"), as a machine's password file wants it. Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512"; the numbers
// in comments are its steps. Pure. Only for passwords that live as long as a boot: what is kept goes through bcrypt.

import { createHash } from 'node:crypto';

/** The usual number, which is then not written: about 10 ms. */
const ROUNDS = 5000;
const SALT_MAX = 16;
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The salt: 1 to 16 of `./0-9A-Za-z`. */
export function sha512Crypt(password: string, salt: string): string {
  if (!/^[./0-9A-Za-z]+$/.test(salt)) throw new RangeError('a salt of crypt(3) has letters, digits, dot and slash only');
  const key = Buffer.from(password, 'utf8');
  const used = Buffer.from(salt.slice(0, SALT_MAX), 'latin1');
  let digest = firstDigest(key, used);
  const [p, s] = sequences(key, used, digest[0] ?? 0);
  for (let round = 0; round < ROUNDS; round += 1) {
    const isOdd = round % 2 === 1; // 21
    digest = sha512([isOdd ? p : digest, ...(round % 3 === 0 ? [] : [s]), ...(round % 7 === 0 ? [] : [p]), isOdd ? digest : p]);
  }
  return `$6$${used.toString('latin1')}$${encode(digest)}`;
}

/** A salt from 12 random bytes. */
export function saltOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte & 63] ?? '.').join('');
}

/** 1 to 12. */
function firstDigest(key: Buffer, salt: Buffer): Buffer {
  const other = sha512([key, salt, key]);
  const parts = [key, salt, stretched(other, key.length)];
  for (let bits = key.length; bits > 0; bits >>>= 1) parts.push((bits & 1) === 1 ? other : key);
  return sha512(parts);
}

/** 13 to 20. */
function sequences(key: Buffer, salt: Buffer, first: number): readonly [Buffer, Buffer] {
  const ofKey = sha512(Array.from(key, () => key));
  const ofSalt = sha512(Array.from({ length: 16 + first }, () => salt));
  return [stretched(ofKey, key.length), stretched(ofSalt, salt.length)];
}

function stretched(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

function sha512(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** 22: bytes in threes whose places turn, six bits at a time from the low end; the last byte alone. */
function encode(digest: Buffer): string {
  let text = '';
  const put = (value: number, letters: number): void => {
    for (let shift = 0; shift < letters; shift += 1) text += ALPHABET[(value >>> (6 * shift)) & 63] ?? '.';
  };
  const at = (index: number): number => digest[index] ?? 0;
  for (let group = 0; group < 21; group += 1) {
    const three = [group, group + 21, group + 42];
    // 0 21 42, 22 43 1, 44 2 23, 3 24 45, …
    const [high = 0, middle = 0, low = 0] = [...three.slice(group % 3), ...three.slice(0, group % 3)];
    put((at(high) << 16) | (at(middle) << 8) | at(low), 4);
  }
  put(at(63), 2);
  return text;
}
