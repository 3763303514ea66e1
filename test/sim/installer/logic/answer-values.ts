// Values of an answer that are checked by themselves: names, addresses, countries, patterns. Each check throws Refused with the reason.

import { isIP } from 'node:net';
import { Refused } from './section.ts';

export const KEYBOARDS = 'de de-ch dk en-gb en-us es fi fr fr-be fr-ca fr-ch hu is it jp lt mk nl no pl pt pt-br se si tr'.split(' ');

/** What the live system has of countries and zones: tzdata's iso3166.tab and zone.tab. */
export interface Locales {
  readonly countries: ReadonlySet<string>;
  readonly zones: ReadonlySet<string>;
}

export function readLocales(iso3166: string, zoneTab: string): Locales {
  const rows = (text: string): string[][] =>
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split('\t'));
  return {
    countries: new Set(rows(iso3166).map(([code = '']) => code.toLowerCase())),
    zones: new Set(rows(zoneTab).map((row) => row[2] ?? '')),
  };
}

export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** Since 9.2 an address alone is one with the longest mask. */
export function readCidr(text: string, isBareTaken = false): Cidr {
  const [address = '', given, ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  const prefixText = given ?? (isBareTaken ? (family === 4 ? '32' : '128') : '');
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  if (rest.length > 0 || (family !== 4 && family !== 6)) throw new Refused(`network.cidr: ${text} is no address with a mask`);
  if (!(prefix <= (family === 4 ? 32 : 128))) throw new Refused(`network.cidr: ${text} has no such mask`);
  return { address, prefix, family };
}

export function readAddress(text: string, key: string): string {
  if (isIP(text) === 0 || text.includes('%')) throw new Refused(`${key}: ${text} is no address`);
  return text;
}

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

export interface Fqdn {
  readonly host: string;
  readonly domain: string;
}

export function readFqdn(text: string): Fqdn {
  const [host = '', ...domain] = text.split('.');
  if (domain.length === 0) throw new Refused(`global.fqdn: ${text} has no domain`);
  if (text.length > 253) throw new Refused(`global.fqdn: ${text} is too long`);
  for (const label of [host, ...domain]) if (!LABEL.test(label)) throw new Refused(`global.fqdn: "${label}" is no label`);
  if (/^\d+$/.test(host)) throw new Refused('global.fqdn: the host name is a number');
  return { host, domain: domain.join('.') };
}

/** As HTML has it for input fields of type email. */
const MAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

export function checkMail(text: string): void {
  if (!MAIL.test(text)) throw new Refused(`global.mailto: ${text} is no mail address`);
  if (text === 'mail@example.invalid') throw new Refused('global.mailto: the example address is no address');
}

/** A pattern as a test of a whole value: `?`, `*`, `[a]`, `[a-z]`, `[!a]`. Two stars beside other characters are refused. */
export function glob(pattern: string): (value: string) => boolean {
  let expression = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === '*') {
      const stars = /^\*+/.exec(pattern.slice(at))?.[0].length ?? 1;
      const isWholePart = (at === 0 || pattern[at - 1] === '/') && (at + stars === pattern.length || pattern[at + stars] === '/');
      if (stars > 2 || (stars === 2 && !isWholePart)) throw new Refused(`${pattern}: too many stars`);
      expression += '.*';
      at += stars - 1;
    } else if (char === '?') expression += '.';
    else if (char === '[') {
      const set = /^\[(!?)([\s\S][^\]]*)\]/.exec(pattern.slice(at));
      if (set === null) throw new Refused(`${pattern}: a bracket is not closed`);
      expression += `[${set[1] === '!' ? '^' : ''}${setOf(set[2] ?? '')}]`;
      at += set[0].length - 1;
    } else expression += escaped(char);
  }
  const whole = new RegExp(`^${expression}$`, 's');
  return (value) => whole.test(value);
}

/** Characters and ranges; a minus at an end is itself. */
function setOf(text: string): string {
  const literal = (char: string): string => char.replace(/[\\\]^-]/, '\\$&');
  let out = '';
  for (let at = 0; at < text.length; at += 1) {
    const [from = '', minus, to] = text.slice(at, at + 3);
    if (minus !== '-' || to === undefined) out += literal(from);
    else {
      if (from <= to) out += `${literal(from)}-${literal(to)}`;
      at += 2;
    }
  }
  return out === '' ? '\\b\\B' : out;
}

function escaped(char: string): string {
  return char.replace(/[.+^${}()|\\\]]/, '\\$&');
}
