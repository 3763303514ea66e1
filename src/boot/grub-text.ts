// Values on their way into a GRUB script. Between single quotes GRUB takes every byte as it is but the quote itself and the end of the
// line, so a value is either proven harmless (a word) or made harmless (text for a screen), and quoted. Only these make a GrubSafe.

import { fail } from './errors.ts';

export type GrubSafe = string & { readonly __brand: 'GrubSafe' };

// What URLs, kernel arguments, MACs and UUIDs of ours consist of; no blank, quote, backslash, $, {, ;, |, <, >.
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~()-]+$/;
const SCREEN_MAX = 70;

/** One word of a command, in quotes. */
export function grubWord(value: string, what: string): GrubSafe {
  if (!WORD.test(value)) {
    throw fail('boot.unsafe_value', {
      message: `${what}: ${JSON.stringify(value.slice(0, 80))} cannot go into a boot script`,
      hint: 'Use letters, digits and . _ : / ? = & % + , @ [ ] ~ ( ) - only.',
    });
  }
  return `'${value}'` as GrubSafe; // proven by the pattern: no quote and no end of line
}

/** For echo, in quotes: what could mean something to a terminal or to GRUB becomes a dot, and long text is cut. */
export function grubText(value: string): GrubSafe {
  const plain = value
    .slice(0, SCREEN_MAX * 8)
    .replaceAll(/[^A-Za-z0-9 ._:/(),+="-]/g, '.')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return `'${plain.length > SCREEN_MAX ? `${plain.slice(0, SCREEN_MAX - 3)}...` : plain}'` as GrubSafe; // only harmless characters are left
}
