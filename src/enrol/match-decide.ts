// Which [[rule]] fits a machine that the agent has looked at: the first one of which everything fits. Pure. Says of each rule what fitted
// and what did not.

import { globFits } from '../boot/index.ts';
import type { Config } from '../config/index.ts';
import { parseIpv4, parseSubnet, subnetHas } from '../lib/index.ts';
import type { MachineFacts } from './machine-decide.ts';

export type Rule = Config['rule'][number];
type Match = Rule['match'];

export interface Condition {
  /** As in the config: manufacturer, min_disks, … */
  readonly key: string;
  readonly wanted: string;
  readonly found: string;
  readonly fits: boolean;
}

export interface RuleTrace {
  readonly rule: string;
  readonly fits: boolean;
  readonly conditions: readonly Condition[];
  /** In one line. */
  readonly reason: string;
}

export interface Matched {
  readonly rule: Rule | undefined;
  /** Of every rule up to the one that counts, and those after it: their order is part of the answer. */
  readonly traces: readonly RuleTrace[];
  readonly reason: string;
}

export function matchRules(rules: readonly Rule[], facts: MachineFacts): Matched {
  const traces = rules.map((rule) => traceOf(rule, facts));
  const rule = rules[traces.findIndex(({ fits }) => fits)];
  if (rule !== undefined) return { rule, traces, reason: `rule ${rule.name} fits: ${traces.find(({ fits }) => fits)?.reason ?? ''}` };
  const nearest = traces.toSorted((a, b) => missing(a) - missing(b))[0];
  const reason = nearest === undefined ? 'there are no rules' : `no rule fits; the nearest is ${nearest.rule}: ${nearest.reason}`;
  return { rule: undefined, traces, reason };
}

function missing({ conditions }: RuleTrace): number {
  return conditions.filter(({ fits }) => !fits).length;
}

function traceOf({ name, match }: Rule, facts: MachineFacts): RuleTrace {
  const conditions = CONDITIONS.flatMap(({ key, look }) => {
    const wanted = match[key];
    return wanted === undefined ? [] : [{ key, wanted: String(wanted), ...look(facts, String(wanted)) }];
  });
  const failed = conditions.filter(({ fits }) => !fits);
  const told = (failed.length === 0 ? conditions : failed).map(({ key, wanted, found, fits }) =>
    fits ? `${key} is ${found}` : `${key} is to be ${wanted}, and is ${found}`,
  );
  return { rule: name, fits: failed.length === 0, conditions, reason: told.join('; ') };
}

interface Row {
  readonly key: keyof Match;
  readonly look: (facts: MachineFacts, wanted: string) => Pick<Condition, 'found' | 'fits'>;
}

const CONDITIONS: readonly Row[] = [
  { key: 'manufacturer', look: ({ manufacturer }, wanted) => anyLike([manufacturer], wanted) },
  { key: 'product', look: ({ product }, wanted) => anyLike([product], wanted) },
  { key: 'serial', look: ({ serial }, wanted) => anyLike([serial], wanted) },
  { key: 'uuid', look: ({ uuid }, wanted) => anyLike([uuid], wanted) },
  { key: 'mac', look: ({ macs }, wanted) => anyLike(macs, wanted) },
  { key: 'min_cpus', look: ({ cpus }, wanted) => atLeast(cpus, wanted) },
  { key: 'min_memory_mb', look: ({ memoryMb }, wanted) => atLeast(memoryMb, wanted) },
  { key: 'min_disks', look: ({ disks }, wanted) => atLeast(disks.length, wanted) },
  { key: 'min_disk_gb', look: ({ disks }, wanted) => atLeast(largestGb(disks), wanted) },
  {
    key: 'disk_model',
    look: ({ disks }, wanted) =>
      anyLike(
        disks.map(({ model }) => model),
        wanted,
      ),
  },
  { key: 'min_nic_mbps', look: ({ fastestMbps }, wanted) => atLeast(fastestMbps, wanted) },
  { key: 'subnet', look: ({ addresses }, wanted) => ({ found: listed(addresses), fits: isIn(addresses, wanted) }) },
  {
    key: 'lldp_neighbour',
    look: ({ neighbours }, wanted) =>
      anyLike(
        neighbours.map(({ switchName }) => switchName),
        wanted,
      ),
  },
  {
    key: 'lldp_port',
    look: ({ neighbours }, wanted) =>
      anyLike(
        neighbours.map(({ port }) => port),
        wanted,
      ),
  },
];

function anyLike(values: readonly (string | null)[], pattern: string): Pick<Condition, 'found' | 'fits'> {
  const known = values.filter((value) => value !== null);
  return { found: listed(known), fits: known.some((value) => globFits(pattern, value)) };
}

function atLeast(value: number | null, wanted: string): Pick<Condition, 'found' | 'fits'> {
  return { found: value === null ? NOT_SAID : String(value), fits: value !== null && value >= Number(wanted) };
}

function largestGb(disks: MachineFacts['disks']): number | null {
  return disks.length === 0 ? null : Math.floor(Math.max(...disks.map(({ size }) => size)) / 1e9);
}

function isIn(addresses: readonly string[], network: string): boolean {
  const subnet = parseSubnet(network);
  return (
    subnet !== undefined && addresses.some((one) => ((address) => address !== undefined && subnetHas(subnet, address))(parseIpv4(one)))
  );
}

const NOT_SAID = 'not known';
const MAX_LISTED = 8;

function listed(values: readonly string[]): string {
  return values.length === 0 ? NOT_SAID : [...new Set(values)].slice(0, MAX_LISTED).join(', ');
}
