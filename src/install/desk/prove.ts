// The proof before the installer is let loose: the very answer that it would be given, read back, over the machine as the agent has just seen
// it. What is not proven is refused.

import type { JsonObject } from '../../nodes/index.ts';
import { bootModeOf, type MachineReport, machineDisks, proveSelection, renamedElsewhere, udevOf } from '../disks/index.ts';
import type { AnswerRules, AnswerTarget, InstallPlan } from '../seam.ts';

export interface ProveOrder {
  readonly rules: AnswerRules;
  readonly target: AnswerTarget;
  /** As it is rendered for the installer. */
  readonly text: string;
  readonly plan: InstallPlan;
  /** Taken after the disks were stamped. */
  readonly report: MachineReport;
}

export interface ProofFault {
  readonly message: string;
  readonly fix: string;
}

const SELECTING = ['filter', 'filter-match', 'disk-list'] as const;

export function proofFaults({ rules, target, text, plan, report }: ProveOrder): readonly ProofFault[] {
  const { document, faults } = rules.check(text, target);
  const errors = faults.filter(({ severity }) => severity === 'error');
  if (document === null || errors.length > 0)
    return [
      { message: `the answer is not what the installer reads: ${errors.map(({ message }) => message).join('; ')}`, fix: 'Report this.' },
    ];
  const [disks, network] = [tableIn(document['disk-setup']), tableIn(document.network)];
  const selection = Object.fromEntries(SELECTING.flatMap((key) => (disks[key] === undefined ? [] : [[key, disks[key]] as const])));
  const renamed = renamedElsewhere({ report, chosen: plan.disks, filesystem: plan.filesystem, product: target.product });
  if (renamed !== null) return [{ message: renamed, fix: 'Pull that disk out while the machine is installed.' }];
  return proveSelection({
    selection,
    filesystem: plan.filesystem,
    raid: plan.raid,
    bootMode: bootModeOf(report),
    expected: plan.disks,
    stamps: plan.stamps,
    disks: machineDisks(report),
    udev: udevOf(report),
    network: network.source === 'from-answer' ? { filter: tableIn(network.filter), mac: plan.managementMac } : null,
    ports: portsOf(report),
  });
}

function portsOf({ inventory }: MachineReport): { readonly name: string; readonly mac: string }[] {
  const { interfaces } = inventory;
  if (!Array.isArray(interfaces)) return [];
  return interfaces.flatMap((one: unknown) => {
    const { name, mac_address: mac } = tableOf(one);
    return typeof name === 'string' && typeof mac === 'string' ? [{ name, mac }] : [];
  });
}

function tableIn(value: JsonObject[string] | undefined): JsonObject {
  // isArray says any[], and what is left of an object is a table
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
