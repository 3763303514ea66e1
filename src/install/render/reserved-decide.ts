// Keys of an answer that the appliance alone sets, since what follows relies on them, and why. Pure.

import { at, type Branch, type TableBranch, without } from './layers-render.ts';
import type { PlacedFault } from './placed.ts';

interface Reserved {
  readonly path: readonly string[];
  readonly why: string;
  readonly fix: string;
}

const DISKS = {
  why: 'which disks the system goes to is chosen by their identity, agreed to, and proved before the installer runs',
  fix: 'Take it out, and name the disks in system_disks of the [[profile]].',
};
const ADDRESS = {
  why: 'the management port and its address are set from what the appliance knows of the machine',
  fix: 'Take it out. Fixed addresses come from addresses of the [[cluster]].',
};
const PASSWORD = {
  why: 'templates and nodes are kept in plain text',
  fix: 'Take it out. [install] root_password names a password by reference; without it each node gets one of its own.',
};
const REPORT = { why: 'it is how the appliance learns that the system is there', fix: 'Take it out; scripts of yours go into a pipeline.' };

const RESERVED: readonly Reserved[] = [
  { path: ['disk-setup', 'filter'], ...DISKS },
  { path: ['disk-setup', 'filter-match'], ...DISKS },
  { path: ['disk-setup', 'disk-list'], ...DISKS },
  { path: ['network', 'source'], ...ADDRESS },
  { path: ['network', 'cidr'], ...ADDRESS },
  { path: ['network', 'dns'], ...ADDRESS },
  { path: ['network', 'gateway'], ...ADDRESS },
  { path: ['network', 'filter'], ...ADDRESS },
  { path: ['post-installation-webhook'], ...REPORT },
  { path: ['first-boot'], ...REPORT },
  { path: ['global', 'root-password'], ...PASSWORD },
  { path: ['global', 'root-password-hashed'], ...PASSWORD },
  {
    path: ['global', 'reboot-mode'],
    why: 'the machine must start its new system for the appliance to look at it',
    fix: 'Take it out; rackseed node power NODE off switches it off afterwards.',
  },
];

/** What a template or a node may not say, and the rest. */
export function refuseReserved(table: TableBranch): { readonly rest: TableBranch; readonly faults: readonly PlacedFault[] } {
  const faults: PlacedFault[] = [];
  let rest = table;
  for (const { path, why, fix } of RESERVED) {
    const branch = at(table, path);
    if (branch === undefined) continue;
    faults.push({ key: path.join('.'), ...placeOf(branch), message: `is set by the appliance: ${why}`, fix, severity: 'error' });
    rest = without(rest, path);
  }
  return { rest, faults };
}

function placeOf({ origin }: Branch): Pick<PlacedFault, 'line' | 'source'> {
  return { line: origin.line, source: origin.source };
}
