// Values on their way into a GRUB script. Between single quotes GRUB takes every byte as it is but the quote itself (GRUB manual, "Shell-like
// scripting: Quoting"), so a value is either proven harmless (a word) or made so (text for a screen), and quoted. Only these make a GrubSafe.

import { fail } from '../errors.ts';

export type GrubSafe = string & { readonly __brand: 'GrubSafe' };

// What URLs, devices, kernel arguments, MACs and UUIDs of ours consist of; no blank, quote, backslash, $, {, ;, |, <, >.
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~()-]+$/;
const SCREEN_MAX = 76;
const LINES_MAX = 4;

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
export function grubText(value: string, max = SCREEN_MAX): GrubSafe {
  const plain = plainText(value);
  return `'${plain.length > max ? `${plain.slice(0, max - 3)}...` : plain}'` as GrubSafe; // only harmless characters are left
}

/** The same over several lines of a screen of 80 columns. */
export function grubLines(value: string): readonly GrubSafe[] {
  const lines: string[] = [];
  for (const word of plainText(value).split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= SCREEN_MAX) lines[lines.length - 1] = `${last} ${word}`;
    else if (lines.length < LINES_MAX) lines.push(word.slice(0, SCREEN_MAX));
    else {
      lines[lines.length - 1] = `${(last ?? '').slice(0, SCREEN_MAX - 3)}...`;
      break;
    }
  }
  return lines.map((line) => `'${withoutDash(line)}'` as GrubSafe); // plainText left only harmless characters
}

/** Whatever is far beyond a screen is not even looked at. */
function plainText(value: string): string {
  const plain = value
    .slice(0, 4 * SCREEN_MAX * LINES_MAX)
    .replaceAll(/["']/g, '')
    .replaceAll(/[^A-Za-z0-9 ._:/(),+=-]/g, '.')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return withoutDash(plain);
}

/** It would be an option of echo. */
function withoutDash(text: string): string {
  return text.replace(/^-+/, '');
}
