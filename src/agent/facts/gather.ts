// Reads the machine: files of proc and sysfs, and a few programs that only look. A fact that cannot be read becomes a gap with its
// reason; a machine with a broken DMI table or a stuck disk must still be found.

import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import type { DiskContents } from '../../inspect/disk-contents.ts';
import type { Disk, Inventory, Memory } from '../../inspect/inventory.ts';
import { type InventoryRequest, PROTOCOL_LIMITS } from '../../inspect/protocol.ts';
import { type Mac, messageOf, type Run } from '../../lib/index.ts';
import { fitting } from '../disks/contents.ts';
import { kernelArchitecture, parseCpuinfo } from './cpu.ts';
import { disksOf, type ListedDisk, LSBLK_COLUMNS, parseLsblk, parseUdevDatabase, sequencesOf } from './disks.ts';
import { type FactParts, gatherFacts } from './gather-facts.ts';
import { interfacesOf, type PortAddress, type PortFiles } from './interfaces.ts';
import { parseMeminfoTotal, parseMemoryModules } from './memory.ts';
import { parseSecureBoot } from './secure-boot.ts';
import { DMI_FILES, type DmiTexts, parsePciDevices, systemVendorOf } from './system.ts';

const PROGRAM_TIMEOUT_MS = 30_000;
/** A disk that hangs holds its own events up for minutes, and must not hold up the others. */
const SETTLE_SECONDS = 10;
const GAP_LENGTH = 200;
const GAPS_MAX = 32;
/** Characters: what else is reported has the rest of the protocol's limit. */
const CONTENTS_LENGTH = PROTOCOL_LIMITS.bodyBytes / 2;
const NET = '/sys/class/net';
const DMI = '/sys/class/dmi/id';
const BOOT_PARAMS = '/sys/kernel/boot_params/data';

/** What the boot script said of this boot. */
export interface BootWords {
  readonly mac: Mac | null;
  readonly chain: 'shim-grub' | null;
}

export type LookAll = (disks: readonly Disk[]) => Promise<readonly DiskContents[]>;

/** What beyond the machine itself facts come from. */
export type More = Pick<FactParts, 'applianceMs' | 'listening'>;

export async function gatherInventory(run: Run, words: BootWords, lookAll: LookAll, more: More): Promise<InventoryRequest> {
  const gaps: string[] = [];
  const gap = (what: string, error: unknown): void => {
    if (gaps.length < GAPS_MAX) gaps.push(`${what}: ${messageOf(error)}`.slice(0, GAP_LENGTH));
  };
  const [cpuinfo, maxKilohertz, memory, disks, interfaces, dmi, pci, kernel, boot] = await Promise.all([
    readFile('/proc/cpuinfo', 'utf8'),
    textOf('/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq'),
    gatherMemory(run, gap),
    gatherDisks(run, gap),
    gatherInterfaces(),
    gatherDmi(),
    textOf('/proc/bus/pci/devices'),
    textOf('/proc/sys/kernel/osrelease'),
    gatherBoot(words),
  ]);
  const found = {
    cpu: parseCpuinfo(cpuinfo, kernelArchitecture(process.arch), maxKilohertz),
    memory,
    disks,
    interfaces,
    system_vendor: systemVendorOf(dmi),
    boot,
    hostname: hostname(),
  };
  // Not at once: SMART answers of a disk wait behind what is read from it.
  const contents = fitting(await lookAll(disks), CONTENTS_LENGTH);
  const facts = await gatherFacts({ run, gap, ...more }, found);
  const inventory: Inventory = { ...found, bmc_address: facts.bmc?.address ?? null };
  return {
    inventory,
    pluginData: { pci_devices: parsePciDevices(pci ?? ''), kernel: kernel?.trim() ?? null, disk_contents: [...contents], facts, gaps },
  };
}

export async function gatherInterfaces(): Promise<Inventory['interfaces']> {
  const names = await readdir(NET);
  const ports = await Promise.all(names.map(readPort));
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).map(({ family, address }): PortAddress => ({ name, family: family === 'IPv4' ? 'IPv4' : 'IPv6', address })),
  );
  return interfacesOf(ports, addresses);
}

export async function gatherDmi(): Promise<DmiTexts> {
  const texts = await Promise.all(DMI_FILES.map(async (name) => [name, await textOf(join(DMI, name))] as const));
  return Object.fromEntries(texts) as DmiTexts; // one entry per name of DMI_FILES
}

async function gatherBoot({ mac, chain }: BootWords): Promise<Inventory['boot']> {
  const mode = existsSync('/sys/firmware/efi') ? 'uefi' : 'bios';
  const secureBoot = parseSecureBoot(await readFile(BOOT_PARAMS).catch(() => null)); // absent where the architecture has none
  return { current_boot_mode: mode, pxe_interface: mac, ...(mode === 'uefi' ? { secure_boot: secureBoot, chain } : {}) };
}

export type Gap = (what: string, error: unknown) => void;

async function gatherMemory(run: Run, gap: Gap): Promise<Memory> {
  const total = parseMeminfoTotal(await readFile('/proc/meminfo', 'utf8'));
  const modules = await output(run, 'dmidecode', ['--type', '17']).catch((error: unknown) => {
    gap('memory modules', error);
    return '';
  });
  return { total, physical_mb: parseMemoryModules(modules) };
}

async function gatherDisks(run: Run, gap: Gap): Promise<Disk[]> {
  return listDisks(run, gap).catch((error: unknown) => {
    gap('disks', error);
    return [];
  });
}

/** As they are now. Rejects when nobody can say. */
export async function listDisks(run: Run, gap: Gap): Promise<Disk[]> {
  return (await listNow(run, gap)).disks;
}

/** Of a disk that came a moment ago udev may still have what it knew of the one that had its name before: it is let finish. */
export async function listSettledDisks(run: Run, gap: Gap): Promise<ListedDisk[]> {
  await run('udevadm', ['settle', `--timeout=${SETTLE_SECONDS}`], { timeoutMs: (SETTLE_SECONDS + 5) * 1000 });
  const { disks, sequenceOf } = await listNow(run, gap);
  return disks.map((disk) => ({ ...disk, sequence: sequenceOf(disk.name) }));
}

async function listNow(run: Run, gap: Gap): Promise<{ readonly disks: Disk[]; readonly sequenceOf: (name: string) => string | null }> {
  const lsblk = parseLsblk(await output(run, 'lsblk', ['--json', '--bytes', '--nodeps', '--output', LSBLK_COLUMNS]));
  const database = await output(run, 'udevadm', ['info', '--export-db']).catch((error: unknown) => {
    gap('udev properties of disks', error);
    return '';
  });
  const properties = parseUdevDatabase(database);
  return { disks: disksOf(lsblk, properties), sequenceOf: sequencesOf(properties) };
}

async function readPort(name: string): Promise<PortFiles> {
  const file = (rest: string): Promise<string | null> => textOf(join(NET, name, rest));
  const [address, type, carrier, speed, vendor, product, driver] = await Promise.all([
    file('address'),
    file('type'),
    file('carrier'),
    file('speed'),
    file('device/vendor').then((text) => text ?? file('device/../idVendor')),
    file('device/device').then((text) => text ?? file('device/../idProduct')),
    readlink(join(NET, name, 'device/driver')).then(basename, () => null),
  ]);
  return { name, isPhysical: existsSync(join(NET, name, 'device')), address, type, carrier, speed, vendor, product, driver };
}

/** null where the file is absent, or says EINVAL as `carrier` does for a port that is down. */
async function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

async function output(run: Run, command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { timeoutMs: PROGRAM_TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${stderr.trim()}`);
  return stdout;
}
