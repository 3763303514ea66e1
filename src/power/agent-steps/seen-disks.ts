// The disks of a machine as its agent reported them, in the shape that drivers choose by. What a report does not have is null.

import type { JsonObject, JsonValue } from '../../nodes/index.ts';

export interface SeenDisk {
  readonly name: string;
  readonly model: string | null;
  readonly vendor: string | null;
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly wwnWithExtension: string | null;
  readonly wwnVendorExtension: string | null;
  readonly hctl: string | null;
  readonly byPath: string | null;
  /** Bytes. */
  readonly size: number;
  readonly isRotational: boolean;
  readonly isRemovable: boolean;
  readonly isReadOnly: boolean;
  readonly isUsb: boolean;
  /** Null: it was not looked at. */
  readonly isBlank: boolean | null;
  /** In words, what is on it; empty where that is not known. */
  readonly holds: readonly string[];
}

/** One disk by identity, as the agent takes it. */
export type DiskRef = {
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly size: number;
  readonly byPath: string | null;
  readonly expects: readonly string[] | null;
  readonly title: string;
};

export function seenDisks(report: { readonly inventory: JsonObject; readonly pluginData: JsonObject }): SeenDisk[] {
  const contents = new Map(objects(report.pluginData.disk_contents).map((one) => [text(one.name), one]));
  return objects(report.inventory.disks).map((disk) => {
    const found = contents.get(text(disk.name));
    return {
      name: text(disk.name) ?? '',
      model: text(disk.model),
      vendor: text(disk.vendor),
      serial: text(disk.serial),
      wwn: text(disk.wwn),
      wwnWithExtension: text(disk.wwn_with_extension),
      wwnVendorExtension: text(disk.wwn_vendor_extension),
      hctl: text(disk.hctl),
      byPath: text(disk.by_path),
      size: typeof disk.size === 'number' ? disk.size : 0,
      isRotational: disk.rotational === true,
      isRemovable: disk.removable === true,
      isReadOnly: disk.read_only === true,
      isUsb: text(disk.transport) === 'usb',
      isBlank: found === undefined ? null : found.isBlank === true && (found.unread ?? null) === null,
      holds: found === undefined ? [] : holdings(found),
    };
  });
}

function holdings(contents: JsonObject): string[] {
  const signatures = objects(contents.signatures).flatMap(({ about }) => text(about) ?? []);
  const system = text(contents.system);
  const unread = text(contents.unread);
  const table = text(contents.table);
  const known = [...(system === null ? [] : [system]), ...signatures, ...(unread === null ? [] : [`what could not be read (${unread})`])];
  if (known.length > 0) return [...new Set(known)];
  return table === null ? [] : [`a partition table (${table})`];
}

export function titleOfDisk({ model, serial, wwn, byPath, name, size }: SeenDisk): string {
  const printed = serial === null ? (wwn ?? byPath ?? name) : `serial ${serial}`;
  return `${model ?? 'disk'} ${printed}, ${(size / 1e9).toFixed(size < 1e10 ? 1 : 0)} GB`.slice(0, 512);
}

export function refOf(disk: SeenDisk, expects: readonly string[] | null): DiskRef {
  const { serial, wwn, size, byPath } = disk;
  return { serial, wwn, size, byPath, expects: expects === null ? null : [...expects], title: titleOfDisk(disk) };
}

/** Refs as a wipe plan has them. */
export function refsIn(value: JsonValue | undefined): DiskRef[] {
  return objects(value).map((one) => ({
    serial: text(one.serial),
    wwn: text(one.wwn),
    size: typeof one.size === 'number' ? one.size : 0,
    byPath: text(one.byPath),
    expects: Array.isArray(one.expects) ? one.expects.filter((item) => typeof item === 'string') : null,
    title: text(one.title) ?? 'disk',
  }));
}

/** The same rule as the agent's own, which looks again before it writes. */
export function isDiskOf(ref: Pick<DiskRef, 'serial' | 'wwn' | 'size' | 'byPath'>, disk: SeenDisk): boolean {
  if (ref.size !== disk.size) return false;
  if (ref.serial === null && ref.wwn === null)
    return disk.serial === null && disk.wwn === null && (ref.byPath === null || ref.byPath === disk.byPath);
  return (ref.serial === null || ref.serial === disk.serial) && (ref.wwn === null || ref.wwn === disk.wwn);
}

/** What an agent said of a disk that it has written: exactly that one, also where several share a title, as the namespaces of one drive do. */
export type DiskIdentity = Pick<DiskRef, 'serial' | 'wwn' | 'size' | 'byPath'>;

export function identityIn(value: JsonValue | undefined): DiskIdentity | undefined {
  const [one] = objects([value ?? null]);
  if (one === undefined || typeof one.size !== 'number') return undefined;
  return { serial: text(one.serial), wwn: text(one.wwn), size: one.size, byPath: text(one.byPath) };
}

/** The slot counts only between disks that are otherwise alike: it may have another name after a boot. */
export function exactly<D extends DiskIdentity>(wanted: DiskIdentity, disks: readonly D[]): D | undefined {
  const { serial, wwn, size, byPath } = wanted;
  const alike = disks.filter((one) => one.serial === serial && one.wwn === wwn && one.size === size);
  const isNameless = serial === null && wwn === null;
  const found = alike.length > 1 || isNameless ? alike.filter((one) => one.byPath === byPath) : alike;
  return found.length === 1 ? found[0] : undefined;
}

function objects(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one));
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
