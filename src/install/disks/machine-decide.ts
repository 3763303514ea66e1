// The disks of a machine as its last report has them, and how each is told from the others. Pure. Reads leniently: OpenStack's agent reports
// the same list with fewer fields, and an older agent of ours nothing of what is on a disk. Decides nothing.

import type { JsonObject } from '../../nodes/index.ts';

export interface MachineDisk {
  /** In this boot only: never identify a disk by it. */
  readonly kernelName: string;
  readonly model: string | null;
  readonly serial: string | null;
  readonly wwn: string | null;
  readonly size: number;
  readonly byPath: string | null;
  readonly transport: string | null;
  readonly rotational: boolean;
  /** What the system addresses at once, in bytes: 4096 is 4Kn. Null: not reported. */
  readonly sectorBytes: number | null;
  readonly isRemovable: boolean;
  readonly isReadOnly: boolean;
  /** Neither removable nor on USB nor read-only: where a system may go. */
  readonly isInternal: boolean;
  readonly holds: 'nothing' | 'something' | 'unknown';
  /** A CD image was written on the whole of it: installers take such a disk for their own medium. */
  readonly isMedium: boolean;
  /** As printed on it, for people; with more than its serial where another disk has that too. */
  readonly title: string;
  /** What a person says to mean this disk and no other of the machine; null: nothing does. */
  readonly name: string | null;
  /** What another one has is the same: nobody could say which of them is meant. */
  readonly isAmbiguous: boolean;
}

export interface Report {
  readonly inventory: JsonObject;
  readonly pluginData: JsonObject;
}

export type BootMode = 'bios' | 'uefi';

export type DiskIdentity = Pick<MachineDisk, 'serial' | 'wwn' | 'size' | 'byPath'>;

/** The smallest first, and the same order whatever the kernel calls them. */
export function machineDisks({ inventory, pluginData }: Report): MachineDisk[] {
  const contents = new Map(records(pluginData.disk_contents).map((one) => [text(one.name), one]));
  const read = records(inventory.disks).map((disk) => readDisk(disk, contents));
  const isOne = (printed: string): boolean => read.filter((other) => isPrintedOn(printed, other)).length === 1;
  return read
    .map((disk) => {
      const isAmbiguous = read.filter((other) => isSameDisk(disk, other)).length > 1;
      return { ...disk, isAmbiguous, name: isAmbiguous ? null : nameOf(disk, isOne), title: titleOf(disk, isOne) };
    })
    .sort(bySizeThenName);
}

/** Null: the report does not say. */
export function bootModeOf({ inventory }: Pick<Report, 'inventory'>): BootMode | null {
  const boot: unknown = inventory.boot;
  const mode = typeof boot === 'object' && boot !== null && 'current_boot_mode' in boot ? boot.current_boot_mode : null;
  return mode === 'bios' || mode === 'uefi' ? mode : null;
}

/** Is the disk the one that the reference names? As the agent decides it: by what is printed on it and its size; by its slot without print. */
export function isNamed(ref: DiskIdentity, disk: DiskIdentity): boolean {
  if (ref.size !== disk.size) return false;
  if (ref.serial !== null || ref.wwn !== null)
    return (ref.serial === null || ref.serial === disk.serial) && (ref.wwn === null || ref.wwn === disk.wwn);
  return disk.serial === null && disk.wwn === null && (ref.byPath === null || ref.byPath === disk.byPath);
}

type Printed = Pick<MachineDisk, 'serial' | 'wwn' | 'byPath'>;

export function isPrintedOn(printed: string, { serial, wwn, byPath }: Printed): boolean {
  return printed === serial || printed === wwn || printed === byPath;
}

/**
 * The serial number belongs to the device, not to the disk: the namespaces of an NVMe drive, the LUNs of a RAID controller and those of a drive
 * with two actuators share it. Then it is no name. The slot names only what has nothing printed on it.
 */
function nameOf({ serial, wwn, byPath }: Printed, isOne: (printed: string) => boolean): string | null {
  const names = serial === null && wwn === null ? [byPath] : [serial, wwn];
  return names.find((one) => one !== null && isOne(one)) ?? null;
}

/** Why no yes can mean this disk and no other; null: its name does. */
export function namelessWhy({ name, serial, wwn, byPath }: Pick<MachineDisk, 'name'> & Printed): string | null {
  if (name !== null) return null;
  if (serial === null && wwn === null) return byPath === null ? 'it has no serial number' : 'it has no serial number, and shares its slot';
  const shared = serial === null ? 'its WWN' : wwn === null ? 'its serial number' : 'its serial number and its WWN';
  return `other disks of the machine have ${shared} too, so that no yes can mean it alone`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal, as disks are sold. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit] ?? ''}`;
}

type Read = Omit<MachineDisk, 'isAmbiguous' | 'name' | 'title'>;
type Fields = Readonly<Record<string, unknown>>;

function readDisk(disk: Fields, contents: ReadonlyMap<string | null, Fields>): Read {
  const kernelName = text(disk.name) ?? '';
  const names = { serial: text(disk.serial), wwn: text(disk.wwn), byPath: text(disk.by_path), model: text(disk.model) };
  const size = bytesIn(disk.size) ?? 0;
  const transport = text(disk.transport);
  const [isRemovable, isReadOnly] = [disk.removable === true, disk.read_only === true];
  const found = contents.get(kernelName);
  // Of another disk that had the name before: then nobody has read this one.
  const read = found !== undefined && found.size === size && text(found.serial) === names.serial ? found : undefined;
  return {
    kernelName,
    ...names,
    size,
    transport,
    rotational: disk.rotational === true,
    sectorBytes: bytesIn(disk.logical_sector),
    isRemovable,
    isReadOnly,
    isInternal: !isRemovable && !isReadOnly && transport !== 'usb',
    holds: read === undefined ? 'unknown' : read.isBlank === true && (read.unread ?? null) === null ? 'nothing' : 'something',
    isMedium: records(read?.signatures).some(({ type, partition }) => type === 'iso9660' && (partition ?? null) === null),
  };
}

function bytesIn(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function titleOf({ model, serial, wwn, byPath, size }: Read, isOne: (printed: string) => boolean): string {
  const slot = `at ${byPath ?? 'an unknown slot'}`;
  const beside = wwn === null ? slot : `WWN ${wwn}`;
  const printed =
    serial === null ? (wwn === null ? `no serial, ${slot}` : beside) : `serial ${serial}${isOne(serial) ? '' : `, ${beside}`}`;
  return `${model ?? 'disk'}, ${sizeText(size)} (${printed})`.slice(0, 500);
}

function isSameDisk(a: DiskIdentity, b: DiskIdentity): boolean {
  return isNamed(a, b) || isNamed(b, a);
}

function bySizeThenName(a: MachineDisk, b: MachineDisk): number {
  const key = ({ serial, wwn, byPath, kernelName }: MachineDisk): string => `${serial ?? ''}\n${wwn ?? ''}\n${byPath ?? ''}\n${kernelName}`;
  return a.size - b.size || (key(a) < key(b) ? -1 : 1);
}

export function records(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
