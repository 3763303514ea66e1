// Is what was installed what was agreed to? Pure. Differences are words for people; the host keys of such a system are not pinned.

import type { InstallPlan } from '../seam.ts';
import type { Hook } from './hook-codec.ts';

export interface Expected {
  readonly plan: Pick<InstallPlan, 'fqdn' | 'filesystem' | 'raid' | 'disks'>;
  /** Null: nobody knows any more which installer it was. */
  readonly product: string | null;
}

export function hookFaults(hook: Pick<Hook, 'product' | 'fqdn' | 'filesystem' | 'disks'>, { plan, product }: Expected): string[] {
  return [
    ...differs('product', hook.product, product),
    ...differs('name', hook.fqdn, plan.fqdn === '' ? null : plan.fqdn),
    ...filesystemFaults(hook.filesystem, plan),
    ...diskFaults(hook, plan),
  ];
}

function differs(what: string, told: string | null, wanted: string | null): string[] {
  // Older schemas do not tell all of it, and fields that an installer could not find out are "unknown".
  if (told === null || wanted === null || told === 'unknown' || told.toLowerCase() === wanted.toLowerCase()) return [];
  return [`its ${what} is ${told}, agreed was ${wanted}`];
}

function filesystemFaults(told: string | null, { filesystem, raid }: Expected['plan']): string[] {
  if (told === null || told === 'unknown') return [];
  const [, name = told, level = null] = /^(\S+) \((.+)\)$/.exec(told) ?? [];
  if (name.toLowerCase() === filesystem && (level === null || levelOf(level) === levelOf(raid))) return [];
  return [`its file system is ${told}, agreed was ${filesystem} (${raid})`];
}

/** A pool of one disk is RAID0 to the installer. */
function levelOf(level: string): string {
  const plain = level.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return plain === 'single' ? 'raid0' : plain;
}

/** Only what is told without doubt: a disk with names, none of which a chosen disk has, where each chosen one has a name to be known by. */
function diskFaults({ disks }: Pick<Hook, 'disks'>, plan: Expected['plan']): string[] {
  const chosen = plan.disks.map(({ serial, wwn }) => [serial, wwn].flatMap((name) => (name === null ? [] : [bare(name)])));
  if (chosen.length === 0 || chosen.some((names) => names.length === 0)) return [];
  const known = chosen.flat();
  return disks.flatMap(({ isBoot, names }) => {
    const own = names.map(bare);
    // ID_SERIAL has the model before the serial number, a WWN its extension behind.
    const isChosen = own.some((name) => known.some((one) => name.includes(one) || (name.length >= 8 && one.includes(name))));
    if (!isBoot || own.length === 0 || isChosen) return [];
    return [
      `it was installed on ${names[0] ?? 'a disk'}, which is none of the chosen disks (${plan.disks.map(({ title }) => title).join(', ')})`,
    ];
  });
}

function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^0x/, '')
    .replaceAll(/[^a-z0-9]/g, '');
}
