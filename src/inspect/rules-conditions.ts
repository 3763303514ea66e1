// The conditions of inspection rules: Ironic's operators (ironic/common/inspection_rules/operators.py), `!` and loops. Pure.

import { parseIpv4, parseIpv6, parsePrefix6, parseSubnet, prefix6Has, subnetHas } from '../lib/index.ts';
import { pythonText } from './rules-format.ts';

export type Arguments = Readonly<Record<string, unknown>>;
type Operator = (args: Arguments) => boolean;

/** A machine's own text is looked through no further than this. */
const MAX_SUBJECT = 4096;
const EMPTY: readonly string[] = ['', 'None', '[]', '{}'];

export const OPERATORS: Readonly<Record<string, Operator>> = {
  eq: chain((a, b) => same(a, b)),
  lt: chain((a, b) => ordered(a, b) < 0),
  gt: chain((a, b) => ordered(a, b) > 0),
  'is-empty': ({ value }) => EMPTY.includes(pythonText(value)),
  'in-net': ({ address, subnet }) => inNet(pythonText(address), pythonText(subnet)),
  matches: ({ value, regex }) => pattern(`^(?:${pythonText(regex)})$`).test(subject(value)),
  contains: ({ value, regex }) => pattern(pythonText(regex)).test(subject(value)),
  'one-of': ({ value, values }) => listOf(values ?? []).some((one) => same(one, value)),
  'is-none': ({ value }) => pythonText(value) === 'None',
  'is-true': ({ value }) => (typeof value === 'string' ? ['yes', 'true'].includes(value.toLowerCase()) : value === true || isOther(value)),
  'is-false': ({ value }) =>
    typeof value === 'string' ? ['no', 'false'].includes(value.toLowerCase()) : value === false || value === 0 || value === null,
};

function isOther(value: unknown): boolean {
  return typeof value === 'number' && value !== 0;
}

/** Each with its neighbour; fewer than two are in order. */
function chain(holds: (a: unknown, b: unknown) => boolean): Operator {
  return ({ values, force_strings: asTexts }) => {
    const list = listOf(values).map((one) => (asTexts === true ? pythonText(one) : one));
    return list.slice(1).every((one, index) => holds(list[index], one));
  };
}

function same(a: unknown, b: unknown): boolean {
  return typeof a === 'object' || typeof b === 'object' ? JSON.stringify(a) === JSON.stringify(b) : a === b;
}

function ordered(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b);
  throw new TypeError(
    `${pythonText(a)} and ${pythonText(b)} have no order: one is a text, the other is not (force_strings compares texts)`,
  );
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`a list is expected, not ${pythonText(value).slice(0, 80)}`);
}

function inNet(address: string, subnet: string): boolean {
  const net4 = parseSubnet(subnet);
  const net6 = parsePrefix6(subnet);
  const ip4 = parseIpv4(address);
  const ip6 = parseIpv6(address);
  if (net4 === undefined && net6 === undefined) throw new TypeError(`invalid value: ${subnet.slice(0, 80)} is no network`);
  if (ip4 === undefined && ip6 === undefined) throw new TypeError(`invalid value: ${address.slice(0, 80)} is no address`);
  if (net4 !== undefined && ip4 !== undefined) return subnetHas(net4, ip4);
  return net6 !== undefined && ip6 !== undefined && prefix6Has(net6, ip6);
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch {
    throw new TypeError(`invalid regular expression: ${text.slice(0, 200)}`);
  }
}

function subject(value: unknown): string {
  return pythonText(value).slice(0, MAX_SUBJECT);
}
