// The disks of a machine as its last report has them, with what is on each. Pure.

import { Value } from 'typebox/value';
import { contentItems, type DiskContents, DiskContentsSchema, type DiskRef } from '../inspect/index.ts';
import {
  type DiskIdentity,
  isNamed,
  isPrintedOn,
  type MachineDisk,
  type MachineReport,
  machineDisks,
  namelessWhy,
  sizeText,
} from '../install/index.ts';
import type { JsonObject } from '../nodes/index.ts';

export interface DiskFacts extends MachineDisk {
  /** Undefined: nobody has read it. */
  readonly contents: DiskContents | undefined;
}

export type Report = MachineReport;
export { type DiskIdentity, isNamed, isPrintedOn, namelessWhy, sizeText };

/** The smallest first, and the same order whatever the kernel calls them. */
export function disksOf(report: Report): DiskFacts[] {
  const contents = contentsByName(report.pluginData);
  return machineDisks(report).map((disk) => {
    const found = contents.get(disk.kernelName);
    // Of another disk that had the name before: then nobody has read this one.
    return { ...disk, contents: found !== undefined && found.size === disk.size && found.serial === disk.serial ? found : undefined };
  });
}

/** `expects`: exactly what was found, or null where nobody could read it and somebody said yes all the same. */
export function refOf({ serial, wwn, size, byPath, title, contents }: DiskFacts): DiskRef {
  const expects = contents === undefined || contents.unread !== null ? null : contentItems(contents);
  return { serial, wwn, size, byPath, expects, title };
}

function contentsByName(pluginData: JsonObject): Map<string, DiskContents> {
  const list: unknown = pluginData.disk_contents;
  const valid = Array.isArray(list) ? list.filter((one): one is DiskContents => Value.Check(DiskContentsSchema, one)) : [];
  return new Map(valid.map((one) => [one.name, one]));
}

export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
