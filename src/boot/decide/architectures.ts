// What kind of processor a machine has, as far as it matters to what it can run. Pure.

export type MachineArchitecture = 'x86' | 'arm' | 'arm64';

/** DHCP option 93, as in IANA's registry; EFI byte code (9) is sent by x64 firmware. */
const PROCESSORS: ReadonlyMap<number, MachineArchitecture> = new Map([
  [0, 'x86'],
  [6, 'x86'],
  [7, 'x86'],
  [9, 'x86'],
  [15, 'x86'],
  [16, 'x86'],
  [10, 'arm'],
  [18, 'arm'],
  [11, 'arm64'],
  [19, 'arm64'],
]);

/** null: not said, or not known. */
export function processorOf(option93: number | null): MachineArchitecture | null {
  return option93 === null ? null : (PROCESSORS.get(option93) ?? null);
}
