// Values on their way into an iPXE script. iPXE splits a line at blanks, takes the words && || ; and what begins with # for its own, and
// expands ${…} in each word (iPXE, core/exec.c). So a value is either proven harmless (a word, a path) or made so (text for a screen).

import { fail } from '../errors.ts';
import { cutText, plainText, wrapText } from './screen-text.ts';

export type IpxeSafe = string & { readonly __brand: 'IpxeSafe' };

// Everything that occurs in URLs, kernel arguments, MACs and UUIDs that we build ourselves; no blank, quote, $, {, `, |, ;, #, <, >.
// A lone & separates URL parameters: iPXE sees an operator only in a word that is exactly "&&".
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~-]+$/;
const EFI_PATH = /^(?:\\[A-Za-z0-9._-]+)+$/;

export function ipxeWord(value: string, what: string): IpxeSafe {
  if (!WORD.test(value) || value === '&&') {
    throw fail('boot.unsafe_value', {
      message: `${what}: ${JSON.stringify(value.slice(0, 200))} cannot go into a boot script`,
      hint: 'Use letters, digits and . _ : / ? = & % + , @ [ ] ~ - only.',
    });
  }
  return value as IpxeSafe; // proven by the pattern
}

/** A file on an EFI volume: iPXE gives a backslash no meaning. */
export function ipxeEfiPath(value: string): IpxeSafe {
  if (!EFI_PATH.test(value)) {
    throw fail('boot.unsafe_value', {
      message: `EFI loader: ${JSON.stringify(value.slice(0, 200))} cannot go into a boot script`,
      hint: 'Use names of letters, digits and . _ - only, each after a backslash.',
    });
  }
  return value as IpxeSafe; // proven by the pattern
}

/** For echo: whatever could mean something to iPXE becomes a dot (quotes go), and long text is cut. */
export function ipxeText(value: string, max?: number): IpxeSafe {
  return cutText(plainText(value), max) as IpxeSafe; // only harmless characters are left
}

/** The same over several lines of a screen of 80 columns. */
export function ipxeLines(value: string): readonly IpxeSafe[] {
  return wrapText(plainText(value)) as IpxeSafe[]; // plainText left only harmless characters
}
