// Reads what is beyond the inventory: programs that only look, and files of sysfs. What cannot be read becomes a gap with its reason, and
// nothing here may keep the inventory from being sent: every program has a limit of time.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskHealth, FACT_LIMITS, type Facts, type FirmwareVersion, type Neighbour, type PortFacts } from '../../inspect/facts.ts';
import type { Inventory } from '../../inspect/inventory.ts';
import { messageOf, type Run } from '../../lib/index.ts';
import { parseDimms } from './dimms.ts';
import { EFI_GLOBAL, readEfiBoot } from './efi-boot-codec.ts';
import { parsePort } from './ethtool.ts';
import { noHealth, parseSmartctl } from './health.ts';
import { clockOf, parseLanPrint, sensorsOf, tpmOf, usbOf, virtualizationOf } from './platform.ts';
import { udevFacts } from './udev.ts';

const PROGRAM_TIMEOUT_MS = 30_000;
/** A disk that hangs answers after the kernel's own limit of 30 s, if ever. */
const AT_ONCE = 8;
/** Characters of the report. */
const UDEV_LENGTH = 256 * 1024;
const EFI_VARIABLES = '/sys/firmware/efi/efivars';
const VARIABLE_BYTES = 16_384;

export interface FactParts {
  readonly run: Run;
  readonly gap: (what: string, error: unknown) => void;
  /** The appliance's clock as it shows now; undefined before it was heard. */
  readonly applianceMs: () => number | undefined;
  readonly listening: () => { readonly heard: readonly Neighbour[]; readonly problem: string | null };
}

type Seen = Pick<Inventory, 'disks' | 'interfaces' | 'cpu' | 'system_vendor'>;

export async function gatherFacts(parts: FactParts, seen: Seen): Promise<Facts> {
  const { gap } = parts;
  const tried = <T>(what: string, work: Promise<T>): Promise<T | undefined> =>
    work.catch((error: unknown) => {
      gap(what, error);
      return undefined;
    });
  const [health, ports, dimms, usb, thermal, tpm, iommus, bmc, efiBoot, udev] = await Promise.all([
    diskHealth(parts, seen.disks),
    tried('network ports', portFacts(parts, seen.interfaces)),
    // A firmware without a table of memory is said in the inventory's gaps.
    output(parts.run, 'dmidecode', ['--type', '17']).then(parseDimms, () => undefined),
    tried('USB devices', usbDevices()),
    tried('temperatures', thermalSensors()),
    listed('/sys/class/tpm').then(async (names) => tpmOf(await Promise.all(names.map(tpmFiles)))),
    listed('/sys/class/iommu'),
    bmcOf(parts),
    tried('boot entries', efiBootOf()),
    tried('udev properties', udevOf(parts)),
  ]);
  const bootId = (await textOf('/proc/sys/kernel/random/boot_id'))?.trim();
  if (parts.listening().problem !== null) gap('neighbours (LLDP)', parts.listening().problem);
  const clock = clockOf(await textOf('/sys/class/rtc/rtc0/since_epoch'), parts.applianceMs());
  const facts: Facts = {
    disk_health: health,
    lldp: [...parts.listening().heard].slice(0, FACT_LIMITS.neighbours),
    firmware: firmwareOf(seen, ports ?? [], health),
    tpm,
    virtualization: virtualizationOf(seen.cpu.flags, iommus),
    ...(ports && { ports }),
    ...(dimms && { dimms }),
    ...(usb && { usb }),
    ...(thermal && { thermal }),
    ...(bmc && { bmc }),
    ...(efiBoot && { efi_boot: efiBoot }),
    ...(udev && { udev }),
    ...(clock && { clock }),
    ...(bootId && { boot_id: bootId }),
  };
  return facts;
}

export async function diskHealth({ run }: Pick<FactParts, 'run'>, disks: Seen['disks']): Promise<DiskHealth[]> {
  const looked: DiskHealth[] = [];
  const waiting = [...disks];
  const worker = async (): Promise<void> => {
    for (let disk = waiting.shift(); disk !== undefined; disk = waiting.shift()) looked.push(await healthOf(run, disk));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const order = new Map(disks.map((disk, at) => [disk.name, at]));
  return looked.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
}

async function healthOf(run: Run, { name, transport }: Seen['disks'][number]): Promise<DiskHealth> {
  if (transport === 'virtio' || transport === 'mmc') return noHealth(name, `disks of the kind ${transport} have no SMART`);
  try {
    // Its exit code is a set of bits, of which most say something about the disk and not about smartctl: the answer counts.
    const { stdout } = await run('smartctl', ['--json', '--all', name], { timeoutMs: PROGRAM_TIMEOUT_MS });
    return parseSmartctl(name, stdout);
  } catch (error) {
    return noHealth(name, messageOf(error));
  }
}

async function portFacts({ run }: FactParts, interfaces: Seen['interfaces']): Promise<PortFacts[]> {
  const text = (args: readonly string[]): Promise<string> => output(run, 'ethtool', args).catch(() => '');
  const ports = interfaces
    .slice(0, FACT_LIMITS.ports)
    .map(async ({ name }) => parsePort(name, await text([name]), await text(['-i', name])));
  return Promise.all(ports);
}

async function usbDevices(): Promise<NonNullable<Facts['usb']>> {
  const root = '/sys/bus/usb/devices';
  const names = (await listed(root)).filter((name) => !name.includes(':')).slice(0, FACT_LIMITS.usb);
  const file = (name: string, rest: string): Promise<string | null> => textOf(join(root, name, rest));
  const devices = names.map(async (name) => ({
    name,
    idVendor: await file(name, 'idVendor'),
    idProduct: await file(name, 'idProduct'),
    manufacturer: await file(name, 'manufacturer'),
    product: await file(name, 'product'),
  }));
  return usbOf(await Promise.all(devices));
}

async function thermalSensors(): Promise<NonNullable<Facts['thermal']>> {
  const root = '/sys/class/hwmon';
  const chips = (await listed(root)).map(async (chip) => {
    const names = (await listed(join(root, chip))).filter((name) => /^(?:name|temp\d+_(?:input|label|max|crit))$/.test(name)).sort();
    const pairs = names.map(async (name) => [name, (await textOf(join(root, chip, name))) ?? ''] as const);
    return new Map(await Promise.all(pairs));
  });
  return sensorsOf(await Promise.all(chips));
}

async function tpmFiles(name: string): Promise<{ readonly versionMajor: string | null }> {
  return { versionMajor: await textOf(join('/sys/class/tpm', name, 'tpm_version_major')) };
}

/** Only where the kernel found the management controller: without it ipmitool waits for it. */
async function bmcOf({ run, gap }: FactParts): Promise<Facts['bmc']> {
  if ((await listed('/sys/class/ipmi')).length === 0) return undefined;
  return output(run, 'ipmitool', ['lan', 'print']).then(parseLanPrint, (error: unknown) => {
    gap('address of the BMC', error);
    return undefined;
  });
}

async function efiBootOf(): Promise<Facts['efi_boot']> {
  const names = (await listed(EFI_VARIABLES)).filter((name) => name.startsWith('Boot') && name.endsWith(`-${EFI_GLOBAL}`));
  if (names.length === 0) return undefined;
  const wanted = names.slice(0, 4 * FACT_LIMITS.bootEntries).map(async (name) => {
    const bytes = await readFile(join(EFI_VARIABLES, name)).catch(() => new Uint8Array());
    return [name.slice(0, -EFI_GLOBAL.length - 1), bytes.subarray(0, VARIABLE_BYTES)] as const;
  });
  return readEfiBoot(new Map(await Promise.all(wanted)));
}

async function udevOf({ run, gap }: FactParts): Promise<Facts['udev']> {
  const { udev, dropped } = udevFacts(await output(run, 'udevadm', ['info', '--export-db']), UDEV_LENGTH);
  if (dropped !== null) gap('udev properties', new Error(dropped));
  return udev;
}

function firmwareOf(
  { system_vendor: { firmware }, disks }: Seen,
  ports: readonly PortFacts[],
  health: readonly DiskHealth[],
): FirmwareVersion[] {
  const models = new Map(disks.map((disk) => [disk.name, disk.model]));
  const versions: (FirmwareVersion | undefined)[] = [
    firmware.version === null ? undefined : { component: 'bios', name: firmware.vendor ?? 'BIOS', version: firmware.version },
    ...ports.map((port): FirmwareVersion | undefined =>
      port.firmware === null ? undefined : { component: 'nic', name: port.name, version: port.firmware },
    ),
    ...health.map((disk): FirmwareVersion | undefined =>
      disk.firmware === null ? undefined : { component: 'disk', name: models.get(disk.name) ?? disk.name, version: disk.firmware },
    ),
  ];
  return versions.filter((one) => one !== undefined).slice(0, FACT_LIMITS.firmware);
}

async function listed(path: string): Promise<string[]> {
  return readdir(path).catch(() => []); // the machine has none of the kind
}

async function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

async function output(run: Run, command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { timeoutMs: PROGRAM_TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${stderr.trim()}`);
  return stdout;
}
