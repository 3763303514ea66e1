// Whether parameters are as the schema has them, and what Proxmox VE says where they are not. Pure.

import { FORMATS } from './formats.ts';
import type { ApiMethod, ApiParameter } from './types.ts';

export type Given = Readonly<Record<string, string>>;

const NOT_DEFINED = 'property is not defined in schema and the schema does not allow additional properties';
const BOOLEAN = /^(1|on|yes|true|0|off|no|false)$/i;

/** By name, what is wrong; nothing where all is well. */
export function wrongsOf({ parameters }: ApiMethod, given: Given): Record<string, string> {
  const wrongs: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const known = parameterOf(parameters, name);
    const wrong = known === undefined ? NOT_DEFINED : wrongIn(known, value);
    if (wrong !== undefined) wrongs[name] = wrong;
    else if (known?.requires !== undefined && given[known.requires] === undefined)
      wrongs[known.requires] = `missing property - '${name}' requires this property`;
  }
  for (const [name, { optional, type }] of Object.entries(parameters)) {
    if (optional !== true && type !== 'array' && given[name] === undefined && !name.endsWith('[n]'))
      wrongs[name] = 'property is missing and it is not optional';
  }
  return wrongs;
}

/** `link3` is `link[n]`. */
function parameterOf(parameters: ApiMethod['parameters'], name: string): ApiParameter | undefined {
  return parameters[name] ?? (/\d$/.test(name) ? parameters[name.replace(/\d+$/, '[n]')] : undefined);
}

function wrongIn(known: ApiParameter, value: string): string | undefined {
  if (known.type === 'array') {
    const wrong = value.split('\0').flatMap((part) => wrongIn(known.items ?? {}, part) ?? []);
    return wrong[0];
  }
  if (value.includes('\0')) return `type check ('${known.type ?? 'string'}') failed - got ARRAY`;
  return wrongType(known, value) ?? wrongLength(known, value) ?? wrongForm(known, value);
}

function wrongType({ type, minimum, maximum }: ApiParameter, value: string): string | undefined {
  if (type === 'boolean') return BOOLEAN.test(value) ? undefined : `type check ('boolean') failed - got '${value}'`;
  if (type !== 'integer' && type !== 'number') return undefined;
  const fits = type === 'integer' ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  if (!fits.test(value)) return `type check ('${type}') failed - got '${value}'`;
  if (minimum !== undefined && Number(value) < minimum) return `value must have a minimum value of ${minimum}`;
  if (maximum !== undefined && Number(value) > maximum) return `value must have a maximum value of ${maximum}`;
  return undefined;
}

function wrongLength({ minLength, maxLength }: ApiParameter, value: string): string | undefined {
  if (maxLength !== undefined && value.length > maxLength) return `value may only be ${maxLength} characters long`;
  if (minLength !== undefined && value.length < minLength) return `value must be at least ${minLength} characters long`;
  return undefined;
}

function wrongForm({ enum: words, pattern, format }: ApiParameter, value: string): string | undefined {
  if (words !== undefined && !words.map(String).includes(value))
    return `value '${value}' does not have a value in the enumeration '${words.join(', ')}'`;
  if (pattern !== undefined && !perl(pattern).test(value)) return 'value does not match the regex pattern';
  if (typeof format === 'object') return wrongProperties(format, value);
  return format === undefined ? undefined : wrongFormat(format, value);
}

/** Perl prints its patterns with (?^i: for groups that take nothing from outside. */
function perl(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern.replaceAll('(?^:', '(?:').replaceAll('(?^i:', '(?i:')})$`);
}

function wrongFormat(format: string, value: string): string | undefined {
  const known = FORMATS[format];
  if (known !== undefined) return known.test(value) ? undefined : `invalid format - ${known.says}`;
  const ofOne = format.endsWith('-list') ? FORMATS[format.slice(0, -'-list'.length)] : undefined;
  const bad = ofOne === undefined ? undefined : value.split(/[,;\s]+/).find((one) => one !== '' && !ofOne.test(one));
  return bad === undefined ? undefined : `invalid format - ${ofOne?.says}`;
}

function wrongProperties(format: Readonly<Record<string, ApiParameter>>, value: string): string | undefined {
  const parsed = propertiesOf(format, value);
  for (const [name, one] of Object.entries(parsed)) {
    const known = format[name];
    if (known === undefined) return `invalid format - format error\n${name}: ${NOT_DEFINED}`;
    const wrong = wrongIn(known, one);
    if (wrong !== undefined) return `invalid format - format error\n${name}: ${wrong}`;
  }
  const missing = Object.keys(format).find((name) => format[name]?.optional !== true && parsed[name] === undefined);
  return missing === undefined ? undefined : `invalid format - format error\n${missing}: property is missing and it is not optional`;
}

/** `192.0.2.1,priority=3` of {address, priority}. */
export function propertiesOf(format: Readonly<Record<string, ApiParameter>>, value: string): Record<string, string> {
  const first = Object.keys(format).find((name) => format[name]?.default_key === true) ?? Object.keys(format)[0] ?? '';
  const pairs = value.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [first, part] : [part.slice(0, at), part.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
