// Values on their way into a GRUB script. Between single quotes GRUB takes every byte as it is but the quote itself (GRUB manual, "Shell-like
// scripting: Quoting"), so a value is either proven harmless (a word) or made so (text for a screen), and quoted. Only these make a GrubSafe.

import { fail } from '../errors.ts';
import { cutText, plainText, wrapText } from './screen-text.ts';

export type GrubSafe = string & { readonly __brand: 'GrubSafe' };

// What URLs, devices, kernel arguments, MACs and UUIDs of ours consist of; no blank, quote, backslash, $, {, ;, |, <, >.
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~()-]+$/;

/** One word of a command, in quotes. */
export function grubWord(value: string, what: string): GrubSafe {
  if (!WORD.test(value)) {
    throw fail('boot.unsafe_value', {
      message: `${what}: ${JSON.stringify(value.slice(0, 200))} cannot go into a boot script`,
      hint: 'Use letters, digits and . _ : / ? = & % + , @ [ ] ~ ( ) - only.',
    });
  }
  return `'${value}'` as GrubSafe; // proven by the pattern: no quote and no end of line
}

/** For echo, in quotes: whatever could mean something to GRUB or a terminal becomes a dot (quotes go), and long text is cut. */
export function grubText(value: string, max?: number): GrubSafe {
  return `'${cutText(withoutDash(plainText(value)), max)}'` as GrubSafe; // only harmless characters are left
}

/** The same over several lines of a screen of 80 columns. */
export function grubLines(value: string): readonly GrubSafe[] {
  return wrapText(withoutDash(plainText(value))).map((line) => `'${withoutDash(line)}'` as GrubSafe); // plainText left only harmless characters
}

/** It would be an option of echo. */
function withoutDash(text: string): string {
  return text.replace(/^-+/, '');
}
