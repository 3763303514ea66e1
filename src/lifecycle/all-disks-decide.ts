// "All disks", as a person types it: those that the machine had at that moment, by their names. Pure. What is put in afterwards is not meant.

import { Value } from 'typebox/value';
import { contentItems, type DiskContents, DiskContentsSchema } from '../inspect/index.ts';
import { type DiskIdentity, isNamed, type MachineReport, machineDisks } from '../install/index.ts';

/** One disk of a typed yes, as a step is given it. */
export type TypedDisk = DiskIdentity & { readonly expects: string[] | null; readonly title: string };

/**
 * What is plugged in from outside is no part of the machine: a stick, or a disk that a BMC plays. Whatever is on a disk was meant; one without
 * a name of its own is meant with what was on it then, as another one may be in its slot by now.
 */
export function typedDisks(report: MachineReport): TypedDisk[] {
  return machineDisks(report)
    .filter(({ isInternal }) => isInternal)
    .map(({ serial, wwn, size, byPath, title, kernelName }) => {
      const isKnown = serial !== null || wwn !== null;
      return { serial, wwn, size, byPath, title, expects: isKnown ? null : itemsOn(report, kernelName, size) };
    });
}

/** Titles of disks that are in the machine now and were not when it was typed. */
export function newcomers(typed: readonly DiskIdentity[], report: MachineReport): string[] {
  const now = machineDisks(report).filter(({ isInternal }) => isInternal);
  return now.filter((disk) => !typed.some((one) => isNamed(one, disk))).map(({ title }) => title);
}

function itemsOn({ pluginData }: MachineReport, kernelName: string, size: number): string[] {
  const list: unknown = pluginData.disk_contents;
  const known = Array.isArray(list) ? list.filter((one): one is DiskContents => Value.Check(DiskContentsSchema, one)) : [];
  const found = known.find((one) => one.name === kernelName && one.size === size);
  return found === undefined || found.unread !== null ? [] : contentItems(found);
}
