// What a disk's own words about its health mean. Pure.

import type { DiskHealth } from './facts.ts';
import type { Disk } from './inventory.ts';
import type { Level, ReadinessItem } from './readiness-decide.ts';

/** Of the writes that it is made for. */
const WORN_YELLOW = 80;
const WORN_RED = 100;
const HOT_CELSIUS = 70;
const REALLOCATED_RED = 100;
/** NVMe base specification, SMART log, Critical Warning: spare, temperature, reliability, read-only, volatile memory backup. */
const WARNINGS = [
  'its spare blocks run out',
  'it is too hot or too cold',
  'it is no longer reliable',
  'it can only be read',
  'its write cache is not safe',
];

export function healthItems(disks: readonly Disk[], health: readonly DiskHealth[]): ReadinessItem[] {
  const of = new Map(health.map((one) => [one.name, one]));
  return disks.flatMap((disk) => {
    const found = of.get(disk.name);
    return found === undefined || found.problem !== null ? [] : [healthItem(disk, found)];
  });
}

function healthItem(disk: Disk, health: DiskHealth): ReadinessItem {
  const title = [disk.model ?? disk.name, disk.serial === null ? null : `serial ${disk.serial}`].filter((one) => one !== null).join(', ');
  const { bad, poor } = faultsOf(health);
  const level: Level = bad.length > 0 ? 'red' : poor.length > 0 ? 'yellow' : 'green';
  const worn = health.percent_used === null ? '' : `, ${health.percent_used} % of its writes used`;
  const hours = health.power_on_hours === null ? '' : `, ${health.power_on_hours} hours of work`;
  const faults = [...bad, ...poor];
  const text = faults.length === 0 ? `${title}: healthy${worn}${hours}` : `${title}: ${faults.join('; ')}${hours}`;
  const fix = {
    green: null,
    yellow: 'It works; keep nothing on it that is nowhere else.',
    red: 'Replace it before anything is installed on it.',
  }[level];
  return { id: 'disk-health', level, text, fix, setting: null };
}

function faultsOf(health: DiskHealth): { readonly bad: string[]; readonly poor: string[] } {
  const { critical_warning: warning, percent_used: worn, spare_percent: spare, spare_threshold: least } = health;
  const bad: string[] = [];
  const poor: string[] = [];
  if (health.passed === false) bad.push('it says itself that it fails');
  for (const [bit, words] of WARNINGS.entries()) if (((warning ?? 0) & (1 << bit)) !== 0) bad.push(words);
  if (spare !== null && least !== null && spare < least && ((warning ?? 0) & 1) === 0) bad.push(`${spare} % of its spare blocks are left`);
  if ((worn ?? 0) >= WORN_RED) bad.push(`${worn} % of its writes are used up`);
  else if ((worn ?? 0) >= WORN_YELLOW) poor.push(`${worn} % of its writes are used up`);
  if ((health.pending ?? 0) > 0) poor.push(`${health.pending} sectors cannot be read`);
  if ((health.media_errors ?? 0) > 0) poor.push(`${health.media_errors} errors of its medium`);
  if ((health.reallocated ?? 0) > 0)
    (Number(health.reallocated) > REALLOCATED_RED ? bad : poor).push(`${health.reallocated} sectors were replaced`);
  if ((health.temperature ?? 0) >= HOT_CELSIUS) poor.push(`it is ${health.temperature} °C hot`);
  return { bad, poor };
}
