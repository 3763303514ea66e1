// Values on their way into an iPXE script. iPXE expands ${…}, splits at blanks and knows && || ; # and quotes, so a value is
// either proven harmless (a word) or made harmless (text for a screen). Only these two make an IpxeSafe.

import { fail } from './errors.ts';

export type IpxeSafe = string & { readonly __brand: 'IpxeSafe' };

// Everything that occurs in URLs, kernel arguments, MACs and UUIDs that we build ourselves; no blank, quote, $, {, `, |, ;, #, <, >.
// A lone & separates URL parameters: iPXE sees an operator only in a word that is exactly "&&".
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~-]+$/;
const SCREEN_MAX = 70;

export function ipxeWord(value: string, what: string): IpxeSafe {
  if (!WORD.test(value) || value === '&&') {
    throw fail('boot.unsafe_value', {
      message: `${what}: ${JSON.stringify(value)} cannot go into a boot script`,
      hint: 'Use letters, digits and . _ : / ? = & % + , @ [ ] ~ - only.',
    });
  }
  return value as IpxeSafe; // proven by the pattern
}

/** For echo: whatever could mean something to iPXE becomes a dot, and long text is cut. */
export function ipxeText(value: string): IpxeSafe {
  const plain = value
    .replaceAll(/[^A-Za-z0-9 ._:/(),+=-]/g, '.')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return (plain.length > SCREEN_MAX ? `${plain.slice(0, SCREEN_MAX - 3)}...` : plain) as IpxeSafe; // only harmless characters are left
}
