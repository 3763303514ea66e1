// Parameters of a call as they go over the wire, or what is wrong with them: a mistake is found here, before anything is sent. Pure.

import { fail } from '../errors.ts';
import { formatCalled } from './formats.ts';
import type { PveCall, PveParam } from './table-types.ts';

export interface Encoded {
  /** With what belongs into the path; the API's own prefix is not there. */
  readonly path: string;
  /** Lists of names and values: a parameter of the type array stands there once for each part. */
  readonly form: readonly (readonly [string, string])[];
  /** Values that no error and no log may show. */
  readonly secrets: readonly string[];
}

export type Params = Readonly<Record<string, unknown>>;

const SECRET = /pass|secret|token-value|^token$|^key$|^keyring$|^header|encryption-key|private|^keys$/i;
const SHOWN_MAX = 80;
const LONG_NAME = 100;

/** `name` is 'POST /nodes/{node}/disks/zfs'. Throws proxmox.bad_parameters with all that is wrong. */
export function encodeParams(name: string, { parameters }: PveCall, given: Params): Encoded {
  const [, template = ''] = name.split(' ');
  const texts = new Map<string, readonly string[]>();
  const wrongs: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = parameterOf(parameters, key);
    const text = known === undefined ? undefined : textsOf(known, value);
    const wrong = known === undefined ? 'this call has no such parameter' : wrongOf(known, text, SECRET.test(key));
    if (wrong !== undefined) wrongs.push(`${key.slice(0, LONG_NAME)}: ${wrong}`);
    else texts.set(key, text ?? []);
  }
  wrongs.push(...missing(parameters, texts, wrongs), ...lonely(parameters, texts), ...astray(template, texts));
  if (wrongs.length > 0) {
    throw fail('proxmox.bad_parameters', {
      message: `${name} was not asked: ${wrongs.join('; ')}`,
      hint: 'Compare with the API viewer of Proxmox VE (https://NODE:8006/pve-docs/api-viewer/).',
      detail: { call: name, wrongs },
    });
  }
  return encoded(template, texts);
}

function encoded(template: string, texts: ReadonlyMap<string, readonly string[]>): Encoded {
  const inPath = new Set([...template.matchAll(/\{(\w+)\}/g)].map(([, key = '']) => key));
  const path = template.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(texts.get(key)?.[0] ?? ''));
  const form = [...texts].flatMap(([key, values]) => (inPath.has(key) ? [] : values.map((value): [string, string] => [key, value])));
  const secrets = [...texts].flatMap(([key, values]) => (SECRET.test(key) ? values.filter((value) => value !== '') : []));
  return { path, form, secrets };
}

/** `link3` is `link[n]`. */
function parameterOf(parameters: PveCall['parameters'], key: string): PveParam | undefined {
  if (Object.hasOwn(parameters, key)) return parameters[key];
  return /\D\d+$/.test(key) ? parameters[key.replace(/\d+$/, '[n]')] : undefined;
}

function missing(parameters: PveCall['parameters'], texts: ReadonlyMap<string, unknown>, wrongs: readonly string[]): string[] {
  const lacking = Object.entries(parameters).filter(
    // A list may be empty, and a form cannot carry an empty one.
    ([key, { optional, type }]) => optional !== true && type !== 'array' && !key.endsWith('[n]') && !texts.has(key),
  );
  return lacking.filter(([key]) => !wrongs.some((wrong) => wrong.startsWith(`${key}:`))).map(([key]) => `${key}: it is missing`);
}

function lonely(parameters: PveCall['parameters'], texts: ReadonlyMap<string, unknown>): string[] {
  return [...texts.keys()].flatMap((key) => {
    const other = parameterOf(parameters, key)?.requires;
    return other === undefined || texts.has(other) ? [] : [`${key}: it asks for ${other} too`];
  });
}

/** A URL takes these for a way up, or for nothing. */
function astray(template: string, texts: ReadonlyMap<string, readonly string[]>): string[] {
  return [...texts].flatMap(([key, [text = '']]) =>
    template.includes(`{${key}}`) && ['', '.', '..'].includes(text) ? [`${key}: ${JSON.stringify(text)} cannot stand in a path`] : [],
  );
}

/** Undefined: of no type that has a text. */
function textsOf(known: PveParam, value: unknown): readonly string[] | undefined {
  if (known.type === 'array') {
    const parts = (Array.isArray(value) ? value : [value]).map((part: unknown) => textOf(known.items ?? {}, part));
    return parts.every((part) => part !== undefined) ? parts : undefined;
  }
  const text = textOf(known, value);
  return text === undefined ? undefined : [text];
}

function textOf(known: PveParam, value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return known.type === 'boolean' ? (value ? '1' : '0') : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (Array.isArray(value)) return isList(known) ? joined(value, ',') : undefined;
  if (typeof value !== 'object' || value === null || typeof known.format !== 'object') return undefined;
  const format = known.format;
  const pairs = Object.entries(value).filter(([, one]) => one !== undefined);
  const texts = pairs.map(([key, one]): string | undefined => {
    const text = textOf(format[key] ?? {}, one);
    return text === undefined || text.includes(',') ? undefined : `${key}=${text}`;
  });
  return joined(texts, ',');
}

const isList = ({ format }: PveParam): boolean => typeof format === 'string' && format.endsWith('-list');

function joined(parts: readonly unknown[], by: string): string | undefined {
  const texts = parts.map((part) => (typeof part === 'number' ? String(part) : part));
  const isPlain = (part: unknown): part is string => typeof part === 'string' && part !== '';
  return texts.every(isPlain) ? texts.join(by) : undefined;
}

function wrongOf(known: PveParam, texts: readonly string[] | undefined, isSecret: boolean): string | undefined {
  if (texts === undefined) return `it is no ${known.type ?? 'text'}`;
  const one = known.type === 'array' ? (known.items ?? {}) : known;
  for (const text of texts) {
    const wrong = wrongIn(one, text);
    if (wrong !== undefined) return isSecret ? wrong : `${JSON.stringify(text.slice(0, SHOWN_MAX))} ${wrong}`;
  }
  return undefined;
}

function wrongIn(known: PveParam, text: string): string | undefined {
  if (text.includes('\0')) return 'has NUL';
  if (!text.isWellFormed()) return 'is no Unicode';
  return wrongNumber(known, text) ?? wrongLength(known, text) ?? wrongForm(known, text);
}

const NUMBERS: Readonly<Record<string, RegExp>> = {
  boolean: /^(?:[01]|on|off|yes|no|true|false)$/i,
  integer: /^[+-]?\d+$/,
  number: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i,
};

function wrongNumber({ type = 'string', minimum, maximum }: PveParam, text: string): string | undefined {
  const pattern = NUMBERS[type];
  if (pattern === undefined) return undefined;
  if (!pattern.test(text)) return `is no ${type}`;
  if (minimum !== undefined && Number(text) < minimum) return `is below ${minimum}`;
  return maximum !== undefined && Number(text) > maximum ? `is above ${maximum}` : undefined;
}

function wrongLength({ minLength = 0, maxLength = Number.POSITIVE_INFINITY }: PveParam, text: string): string | undefined {
  if (text.length > maxLength) return `has more than ${maxLength} characters`;
  return text.length < minLength ? `has less than ${minLength} characters` : undefined;
}

function wrongForm({ enum: words, pattern, format }: PveParam, text: string): string | undefined {
  if (words !== undefined && !words.map(String).includes(text)) return `is none of ${words.join(', ')}`;
  if (pattern !== undefined && !fromPerl(pattern).test(text)) return `is not of the form ${pattern}`;
  if (typeof format === 'object') return wrongProperties(format, text);
  return format === undefined || formatCalled(format)?.(text) === true ? undefined : `is no ${format}`;
}

/** Perl prints a pattern with (?^i:…): a group that takes no flags from outside. */
export function fromPerl(pattern: string): RegExp {
  const flags = pattern.includes('(?^i:') ? 'i' : '';
  return new RegExp(`^(?:${pattern.replaceAll(/\(\?\^[a-z]*:/g, '(?:')})$`, flags);
}

function wrongProperties(format: Readonly<Record<string, PveParam>>, text: string): string | undefined {
  const first = Object.keys(format).find((key) => format[key]?.default_key === true) ?? '';
  const pairs = text.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [first, part] : [part.slice(0, at), part.slice(at + 1)];
  });
  const has = new Map(pairs);
  for (const [key, value] of has) {
    const known = Object.hasOwn(format, key) ? format[key] : undefined;
    const wrong = known === undefined ? 'is not one of its parts' : wrongIn(known, value);
    if (wrong !== undefined) return `has ${key || value}, which ${wrong}`;
  }
  const lacking = Object.keys(format).find((key) => format[key]?.optional !== true && format[key]?.alias === undefined && !has.has(key));
  return lacking === undefined ? undefined : `lacks ${lacking}`;
}
