// Values on their way into an iPXE script. iPXE splits a line at blanks, takes the words && || ; and what begins with # for its own, and
// expands ${…} in each word (iPXE, core/exec.c). So a value is either proven harmless (a word, a path) or made so (text for a screen).

import { fail } from '../errors.ts';

export type IpxeSafe = string & { readonly __brand: 'IpxeSafe' };

// Everything that occurs in URLs, kernel arguments, MACs and UUIDs that we build ourselves; no blank, quote, $, {, `, |, ;, #, <, >.
// A lone & separates URL parameters: iPXE sees an operator only in a word that is exactly "&&".
const WORD = /^[A-Za-z0-9._:/?=&%+,@[\]~-]+$/;
const EFI_PATH = /^(?:\\[A-Za-z0-9._-]+)+$/;
const SCREEN_MAX = 76;
const LINES_MAX = 4;

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
export function ipxeText(value: string, max = SCREEN_MAX): IpxeSafe {
  const plain = plainText(value);
  return (plain.length > max ? `${plain.slice(0, max - 3)}...` : plain) as IpxeSafe; // only harmless characters are left
}

/** The same over several lines of a screen of 80 columns. */
export function ipxeLines(value: string): readonly IpxeSafe[] {
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
  return lines as IpxeSafe[]; // plainText left only harmless characters
}

/** Whatever is far beyond a screen is not even looked at. */
function plainText(value: string): string {
  return value
    .slice(0, 4 * SCREEN_MAX * LINES_MAX)
    .replaceAll(/["']/g, '')
    .replaceAll(/[^A-Za-z0-9 ._:/(),+=-]/g, '.')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}
