// What the boot script told us, on the kernel command line. Pure.

import { KERNEL_WORDS } from '../inspect/protocol.ts';
import { type Mac, parseMac, Secret } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface BootWords {
  readonly url: URL;
  /** SHA-256 of the server certificate's DER, lower-case hex. Null only for http:// on loopback. */
  readonly fingerprint: string | null;
  readonly secret: Secret;
  /** The port that was booted from, where the boot script knew it. */
  readonly mac: Mac | null;
  /** The chain of loaders that the script came through, where it said so. */
  readonly chain: 'shim-grub' | null;
}

export function parseCommandLine(line: string): BootWords {
  const words = new Map<string, string>();
  for (const word of line.trim().split(/\s+/)) {
    const at = word.indexOf('=');
    if (at > 0) words.set(word.slice(0, at), word.slice(at + 1));
  }
  const url = parseUrl(words.get(KERNEL_WORDS.url));
  const secret = words.get(KERNEL_WORDS.secret);
  if (secret === undefined || secret === '') throw lacking(KERNEL_WORDS.secret, 'is missing');
  return {
    url,
    fingerprint: parseFingerprint(words.get(KERNEL_WORDS.fingerprint), url),
    secret: new Secret(secret),
    mac: parseMac(words.get(KERNEL_WORDS.mac) ?? '') ?? null,
    chain: words.get(KERNEL_WORDS.chain) === 'shim-grub' ? 'shim-grub' : null,
  };
}

function parseUrl(text: string | undefined): URL {
  if (text === undefined || !URL.canParse(text))
    throw lacking(KERNEL_WORDS.url, text === undefined ? 'is missing' : `is no URL: "${text}"`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw lacking(KERNEL_WORDS.url, 'must not carry a user or password');
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url;
  // Secret and token would be readable, and the commands writable, for everybody on the network.
  throw lacking(KERNEL_WORDS.url, `must be https:// ("${text}"): plain HTTP is only for a server on this machine itself`);
}

function parseFingerprint(text: string | undefined, url: URL): string | null {
  const hex = (text ?? '').replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  if (url.protocol === 'http:' && text === undefined) return null;
  throw lacking(KERNEL_WORDS.fingerprint, text === undefined ? 'is missing' : 'is not the SHA-256 of a certificate (64 hex digits)');
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function lacking(word: string, what: string): Error {
  return fail('agent.bad_command_line', {
    message: `kernel command line: ${word} ${what}`,
    hint: 'boot this machine again through the appliance: its boot script gives the words',
  });
}
