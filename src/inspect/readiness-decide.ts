// Is this machine ready for what it shall become? A report of items, green, yellow or red, each with what to do in words. Pure; by what its
// agent reported, the report before, and which other nodes have the same names.

import { type Setting, settingOf } from './bios-settings.ts';
import type { DiskHealth, Facts } from './facts.ts';
import type { Inventory } from './inventory.ts';
import { healthItems } from './readiness-disks-decide.ts';

export type Level = 'green' | 'yellow' | 'red';

export interface ReadinessItem {
  readonly id: string;
  readonly level: Level;
  readonly text: string;
  /** What to do; null where nothing is. */
  readonly fix: string | null;
  /** What it is called in the firmware's setup, where that is known. */
  readonly setting: string | null;
}

/** What is remembered of the boots before, the newest last. */
export interface SeenBoot {
  readonly id: string;
  readonly first: string | null;
}

export interface ReadinessReport {
  readonly level: Level;
  readonly items: readonly ReadinessItem[];
  readonly boots: readonly SeenBoot[];
}

export interface Looked {
  readonly inventory: Inventory;
  readonly facts: Facts;
  readonly gaps: readonly string[];
  readonly boots: readonly SeenBoot[];
  /** Titles of other nodes with the same serial number, or the same UUID. */
  readonly sharedBy: readonly string[];
}

const MIB = 1024 ** 2;
/** Proxmox VE's installer is held in memory twice when it comes over the network: with 8 GB it just works, with 12 it surely does. */
const INSTALLER_LEAST_MIB = 7400;
const INSTALLER_GOOD_MIB = 11_500;
/** What firmware and graphics keep of the modules in healthy machines. */
const HIDDEN_SHARE = 0.15;
const HIDDEN_MIB = 1536;
const CLOCK_YELLOW_S = 120;
const CLOCK_RED_S = 86_400;
const SLOW_MBPS = 1000;
const BOOTS_KEPT = 5;
const ORDER: readonly Level[] = ['green', 'yellow', 'red'];

export function decideReadiness(looked: Looked): ReadinessReport {
  const boots = bootsWith(looked);
  const { disk_health: health = [], thermal = [] } = looked.facts;
  const items = [
    ...bootOrder(looked, boots),
    secureBoot(looked),
    ...memory(looked),
    wakeOnLan(looked),
    ...portSpeed(looked),
    ...disks(looked.inventory, health),
    ...hot(thermal),
    identity(looked),
    ...clock(looked.facts),
    ...virtualization(looked),
    ...gaps(looked.gaps),
  ];
  return { level: worst(items), items, boots };
}

export function worst(items: readonly { readonly level: Level }[]): Level {
  return ORDER[Math.max(0, ...items.map(({ level }) => ORDER.indexOf(level)))] ?? 'green';
}

function item(id: string, level: Level, text: string, fix: string | null = null, setting: string | null = null): ReadinessItem {
  return { id, level, text, fix, setting };
}

function named({ inventory }: Looked, setting: Setting): string | null {
  const { manufacturer, product_name: product } = inventory.system_vendor;
  return settingOf({ manufacturer, product }, setting);
}

/** One entry per boot, with the kind of what its firmware tries first. */
function bootsWith({ facts, boots }: Looked): readonly SeenBoot[] {
  const { boot_id: id, efi_boot: efi } = facts;
  if (id === undefined || efi === undefined) return boots;
  const first = efi.entries.find((entry) => entry.id === firstOf(efi))?.kind ?? null;
  return [...boots.filter((one) => one.id !== id), { id, first }].slice(-BOOTS_KEPT);
}

/** What is switched off in the order is passed over. */
function firstOf({ order, entries }: NonNullable<Facts['efi_boot']>): string | undefined {
  return order.find((id) => entries.find((entry) => entry.id === id)?.active !== false);
}

function bootOrder(looked: Looked, boots: readonly SeenBoot[]): ReadinessItem[] {
  const { efi_boot: efi } = looked.facts;
  const setting = named(looked, 'bootOrder');
  const fix = 'Put network boot (IPv4) first in the boot order of its firmware, and keep it there: the appliance sends it on to its disk.';
  if (looked.inventory.boot.current_boot_mode === 'bios')
    return [
      item(
        'boot-order',
        'yellow',
        'it starts in BIOS mode, where the boot order cannot be read',
        `${fix} Better switch it to UEFI.`,
        setting,
      ),
    ];
  if (efi === undefined || efi.order.length === 0)
    return [item('boot-order', 'yellow', 'its firmware does not tell its boot order', fix, setting)];
  const first = efi.entries.find((entry) => entry.id === firstOf(efi));
  if (first?.kind !== 'network') {
    const isNetwork = efi.entries.some((entry) => entry.kind === 'network');
    const text = `it starts "${first?.title ?? `Boot${efi.order[0] ?? ''}`}" first, not the network`;
    return [
      item(
        'boot-order',
        'yellow',
        text,
        isNetwork ? fix : `Switch network boot on. ${fix}`,
        isNetwork ? setting : named(looked, 'networkBoot'),
      ),
    ];
  }
  const moved = boots.slice(0, -1).some((boot) => boot.first !== 'network');
  const seen = boots.filter((boot) => boot.first === 'network').length;
  if (moved)
    return [
      item('boot-order', 'yellow', 'the network is first now, but was not at each boot before: something changes the order', fix, setting),
    ];
  const words = seen > 1 ? `; it was so at ${seen} boots` : '; seen at one boot only';
  return [item('boot-order', 'green', `the network is first in its boot order ("${first.title}")${words}`)];
}

function secureBoot(looked: Looked): ReadinessItem {
  const { boot } = looked.inventory;
  if (boot.secure_boot !== true) return item('secure-boot', 'green', 'Secure Boot is off');
  if (boot.chain === 'shim-grub')
    return item('secure-boot', 'green', 'Secure Boot is on, and it starts through signed loaders (shim and GRUB)');
  const fix = 'Switch Secure Boot off, or give it the signed loaders (shim and GRUB).';
  return item(
    'secure-boot',
    'yellow',
    'Secure Boot is on, and it did not start through the signed loaders',
    fix,
    named(looked, 'secureBoot'),
  );
}

function memory({ inventory: { memory: found }, facts }: Looked): ReadinessItem[] {
  const usable = Math.floor(found.total / MIB);
  const level: Level = usable < INSTALLER_LEAST_MIB ? 'red' : usable < INSTALLER_GOOD_MIB ? 'yellow' : 'green';
  const fix = {
    green: null,
    yellow: 'Proxmox VE over the network needs 8 GB, and is sure of it with 12 GB: add memory, or take memory back from the graphics.',
    red: 'Too little to install Proxmox VE over the network: add memory (8 GB at least), or install it from a USB stick. Images can be written.',
  }[level];
  const items = [item('memory', level, `${usable} MiB of memory can be used`, fix)];
  const plugged = found.physical_mb ?? 0;
  const hidden = plugged - usable;
  if (hidden > HIDDEN_MIB && hidden > plugged * HIDDEN_SHARE) {
    const text = `its modules hold ${plugged} MiB, of which ${hidden} MiB cannot be used (${slotWords(facts)})`;
    items.push(item('memory-modules', 'yellow', text, 'Look whether a module is broken or badly seated, and how much the graphics takes.'));
  }
  return items;
}

function slotWords({ dimms = [] }: Facts): string {
  const used = dimms.filter((dimm) => dimm.size_mb > 0).map((dimm) => `${dimm.slot ?? '?'}: ${dimm.size_mb} MiB`);
  return used.length === 0 ? 'no slot is known' : used.slice(0, 16).join(', ');
}

/** Of the port that it starts from, or of any where that is not known. */
function wakeOnLan(looked: Looked): ReadinessItem {
  const { inventory, facts } = looked;
  if (facts.bmc !== undefined)
    return item(
      'wake-on-lan',
      'green',
      `it has a BMC${facts.bmc.address === null ? '' : ` at ${facts.bmc.address}`}: no Wake-on-LAN is needed`,
    );
  const boot = inventory.interfaces.find((card) => card.mac_address === inventory.boot.pxe_interface)?.name;
  const ports = (facts.ports ?? []).filter((port) => boot === undefined || port.name === boot);
  const setting = named(looked, 'wakeOnLan');
  const fix =
    'Switch Wake-on-LAN on in its firmware and deep sleep (ErP) off, or name another way to switch it on: rackseed node why says which there are.';
  if (ports.some((port) => port.wake_on?.includes('g') === true))
    return item('wake-on-lan', 'green', `${ports[0]?.name ?? 'its port'} wakes it by a magic packet`);
  if (ports.some((port) => port.wake_supported?.includes('g') === true))
    return item('wake-on-lan', 'yellow', 'its port can wake it, but is not armed', fix, setting);
  return item(
    'wake-on-lan',
    'yellow',
    ports.length === 0 ? 'nothing is known of Wake-on-LAN' : 'its port says nothing of Wake-on-LAN',
    fix,
    setting,
  );
}

function portSpeed({ inventory, facts }: Looked): ReadinessItem[] {
  const card =
    inventory.interfaces.find((one) => one.mac_address === inventory.boot.pxe_interface) ??
    inventory.interfaces.find((one) => one.has_carrier);
  const port = facts.ports?.find((one) => one.name === card?.name);
  const speed = port?.speed_mbps ?? card?.speed_mbps ?? null;
  if (card === undefined || speed === null) return [];
  if (speed >= SLOW_MBPS) return [item('network', 'green', `${card.name} runs at ${speed} Mbit/s`)];
  const most = port?.max_mbps ?? null;
  const text = `${card.name} runs at ${speed} Mbit/s only${most !== null && most > speed ? `, and can do ${most}` : ''}`;
  return [item('network', 'yellow', text, 'Try another cable and another port of the switch: all eight wires are needed.')];
}

function disks(inventory: Inventory, health: readonly DiskHealth[]): ReadinessItem[] {
  if (inventory.disks.length === 0)
    return [
      item(
        'disks',
        'red',
        'it has no disk that the agent can see',
        'Look at its controller: RAID or VMD mode hides disks; AHCI shows them.',
      ),
    ];
  return healthItems(inventory.disks, health);
}

function hot(sensors: NonNullable<Facts['thermal']>): ReadinessItem[] {
  return sensors.flatMap(({ sensor, label, celsius, max, critical }) => {
    const isCritical = critical !== null && critical > 0 && celsius >= critical;
    const isHot = isCritical || (max !== null && max > 0 && celsius >= max);
    if (!isHot) return [];
    const limit = isCritical ? critical : max;
    return [
      item(
        'thermal',
        isCritical ? 'red' : 'yellow',
        `${sensor} ${label}: ${celsius} °C (limit ${limit})`,
        'Look at its fans, dust and the air around it.',
      ),
    ];
  });
}

function identity({ inventory: { system_vendor: vendor }, sharedBy }: Looked): ReadinessItem {
  if (sharedBy.length > 0) {
    const text = `its serial number or UUID is also that of ${sharedBy.slice(0, 3).join(', ')}`;
    return item(
      'identity',
      'yellow',
      text,
      'It is told apart by its network ports alone: register it anew if its mainboard or card is changed.',
    );
  }
  if (vendor.uuid === null && vendor.serial_number === null)
    return item(
      'identity',
      'yellow',
      'its firmware has a placeholder for UUID and serial number',
      'It is told apart by its network ports alone: keep its card in it.',
    );
  return item('identity', 'green', `UUID ${vendor.uuid ?? 'unusable'}, serial number ${vendor.serial_number ?? 'unusable'}`);
}

function clock({ clock: said }: Facts): ReadinessItem[] {
  if (said === undefined) return [];
  const off = Math.abs(said.ahead_seconds);
  if (off <= CLOCK_YELLOW_S) return [item('clock', 'green', `its clock is right within ${off} s`)];
  const text = `its clock is ${off} s ${said.ahead_seconds > 0 ? 'ahead' : 'behind'}`;
  const fix = 'Set it to UTC in its firmware; when it is wrong again after a power cut its battery is empty.';
  return [item('clock', off > CLOCK_RED_S ? 'red' : 'yellow', text, fix)];
}

function virtualization(looked: Looked): ReadinessItem[] {
  const { virtualization: said } = looked.facts;
  if (said === undefined || looked.inventory.cpu.architecture !== 'x86_64') return [];
  if (said.cpu === 'none')
    return [
      item(
        'virtualization',
        'red',
        'its processor shows neither VT-x nor AMD-V: virtual machines would not start',
        'Switch it on in its firmware.',
        named(looked, 'virtualization'),
      ),
    ];
  if (!said.iommu)
    return [
      item(
        'iommu',
        'yellow',
        'its IOMMU is off: no device can be handed to a virtual machine',
        'Switch it on in its firmware if you want that.',
        named(looked, 'iommu'),
      ),
    ];
  return [item('virtualization', 'green', `${said.cpu === 'vmx' ? 'VT-x' : 'AMD-V'} and the IOMMU are on`)];
}

function gaps(said: readonly string[]): ReadinessItem[] {
  return said.length === 0
    ? []
    : [
        item(
          'gaps',
          'yellow',
          `not everything could be read: ${said.slice(0, 5).join('; ')}`,
          'Boot it again; if it stays so, look at what is named.',
        ),
      ];
}
