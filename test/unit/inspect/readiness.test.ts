import { describe, expect, it } from 'vitest';
import { settingOf } from '../../../src/inspect/bios-settings.ts';
import type { DiskHealth, EfiBoot, Facts } from '../../../src/inspect/facts.ts';
import type { Inventory } from '../../../src/inspect/inventory.ts';
import { firstAtThisBoot } from '../../../src/inspect/readiness.ts';
import { decideReadiness, type Looked, type ReadinessItem } from '../../../src/inspect/readiness-decide.ts';
import { containing } from '../../support/containing.ts';

const MAC = '52:54:00:00:00:01';
const GIB = 1024 ** 3;
const disk = { name: '/dev/sda', model: 'SSD', size: 500e9, serial: 'S1' };
const inventory = {
  cpu: { architecture: 'x86_64', count: 8, flags: [] },
  memory: { total: 15.5 * GIB, physical_mb: 16_384 },
  disks: [disk],
  interfaces: [{ name: 'eno1', mac_address: MAC, has_carrier: true, speed_mbps: 1000 }],
  system_vendor: {
    manufacturer: 'Intel(R) Client Systems',
    product_name: 'NUC10i5FNH',
    serial_number: 'G6FN0001',
    uuid: 'a-uuid',
    firmware: {},
  },
  boot: { current_boot_mode: 'uefi', pxe_interface: MAC, secure_boot: false },
  hostname: null,
  bmc_address: null,
} as unknown as Inventory; // what is left out is not looked at
const efi = (first: string): EfiBoot => ({
  order: [first, first === '0001' ? '0002' : '0001'],
  current: '0001',
  next: null,
  entries: [
    { id: '0001', title: 'UEFI PXEv4', active: true, kind: 'network', mac: MAC },
    { id: '0002', title: 'proxmox', active: true, kind: 'disk', mac: null },
  ],
});
const health: DiskHealth = {
  name: '/dev/sda',
  serial: 'S1',
  passed: true,
  temperature: 30,
  power_on_hours: 10,
  percent_used: 3,
  spare_percent: 100,
  spare_threshold: 10,
  critical_warning: 0,
  media_errors: 0,
  reallocated: 0,
  pending: 0,
  firmware: '1',
  problem: null,
};
const port = {
  name: 'eno1',
  driver: 'e1000e',
  firmware: '1',
  bus: null,
  link: true,
  speed_mbps: 1000,
  max_mbps: 1000,
  wake_on: 'g',
  wake_supported: 'pumbg',
};
const facts: Facts = {
  boot_id: 'second',
  efi_boot: efi('0001'),
  disk_health: [health],
  ports: [port],
  virtualization: { cpu: 'vmx', iommu: true },
  clock: { ahead_seconds: 1 },
};
const good: Looked = { inventory, facts, gaps: [], boots: [{ id: 'first', first: 'network' }], sharedBy: [] };

function itemOf(looked: Partial<Looked>, id: string): ReadinessItem | undefined {
  return decideReadiness({ ...good, ...looked }).items.find((item) => item.id === id);
}
const withFacts = (more: Partial<Facts>): Partial<Looked> => ({ facts: { ...facts, ...more } });
const withInventory = (more: object): Partial<Looked> => ({ inventory: { ...inventory, ...more } as Inventory });

it('is green where everything is as it should be, and no item of it asks for anything', () => {
  const report = decideReadiness(good);
  expect(report.level).toBe('green');
  expect(report.items.filter((item) => item.level !== 'green' || item.fix !== null)).toEqual([]);
  expect(report.boots).toEqual([
    { id: 'first', first: 'network' },
    { id: 'second', first: 'network' },
  ]);
});

it('is as bad as its worst item', () => {
  expect(decideReadiness({ ...good, ...withFacts({ clock: { ahead_seconds: 500 } }) }).level).toBe('yellow');
  expect(decideReadiness({ ...good, ...withFacts({ clock: { ahead_seconds: -100_000 } }) }).level).toBe('red');
});

describe('the boot order', () => {
  it('is green when the network is first at every boot that was seen', () => {
    expect(itemOf({}, 'boot-order')).toMatchObject({ level: 'green', text: containing('it was so at 2 boots') });
    expect(itemOf({ boots: [] }, 'boot-order')).toMatchObject({ text: containing('seen at one boot only') });
  });

  it('asks for network boot where the disk is first, by the name it has in that firmware', () => {
    const item = itemOf(withFacts({ efi_boot: efi('0002') }), 'boot-order');
    expect(item).toMatchObject({
      level: 'yellow',
      text: 'it starts "proxmox" first, not the network',
      setting: containing('Intel NUC: Boot'),
    });
  });

  it('tells when something changes it', () => {
    expect(itemOf({ boots: [{ id: 'first', first: 'disk' }] }, 'boot-order')).toMatchObject({
      level: 'yellow',
      text: containing('changes the order'),
    });
  });

  it('counts a boot once however often it is reported', () => {
    expect(decideReadiness({ ...good, boots: [{ id: 'second', first: 'network' }] }).boots).toEqual([{ id: 'second', first: 'network' }]);
  });

  it('passes over entries that are switched off', () => {
    const off = efi('0002');
    const entries = off.entries.map((entry) => ({ ...entry, active: entry.id === '0001' }));
    expect(itemOf(withFacts({ efi_boot: { ...off, entries } }), 'boot-order')).toMatchObject({ level: 'green' });
  });

  it('cannot be known in BIOS mode', () => {
    const boot = { current_boot_mode: 'bios', pxe_interface: MAC };
    expect(itemOf(withInventory({ boot }), 'boot-order')).toMatchObject({ level: 'yellow', text: containing('BIOS mode') });
  });
});

it('holds the memory against what an installer needs over the network, and against the modules', () => {
  const memory = (gib: number, physical = gib * 1024) => withInventory({ memory: { total: gib * GIB, physical_mb: physical } });
  expect(itemOf(memory(3.8), 'memory')).toMatchObject({ level: 'red', fix: containing('USB stick') });
  expect(itemOf(memory(7.5), 'memory')).toMatchObject({ level: 'yellow' });
  expect(itemOf(memory(11.6), 'memory')).toMatchObject({ level: 'green' });
  expect(itemOf(memory(15.5, 32_768), 'memory-modules')).toMatchObject({
    level: 'yellow',
    text: containing('cannot be used'),
  });
  expect(itemOf(memory(15.5, 16_384), 'memory-modules')).toBeUndefined();
});

it('judges disks by what they say', () => {
  const of = (more: Partial<DiskHealth>) => itemOf(withFacts({ disk_health: [{ ...health, ...more }] }), 'disk-health');
  expect(of({})).toMatchObject({ level: 'green', text: containing('healthy, 3 % of its writes used') });
  expect(of({ passed: false })).toMatchObject({ level: 'red', text: containing('serial S1: it says itself that it fails') });
  expect(of({ critical_warning: 4 })).toMatchObject({ level: 'red', text: containing('no longer reliable') });
  expect(of({ percent_used: 85 })).toMatchObject({ level: 'yellow' });
  expect(of({ percent_used: 101 })).toMatchObject({ level: 'red' });
  expect(of({ spare_percent: 5 })).toMatchObject({ level: 'red' });
  expect(of({ pending: 1 })).toMatchObject({ level: 'yellow' });
  expect(of({ reallocated: 3 })).toMatchObject({ level: 'yellow' });
  expect(of({ reallocated: 300 })).toMatchObject({ level: 'red' });
  expect(itemOf(withInventory({ disks: [] }), 'disks')).toMatchObject({ level: 'red', fix: containing('VMD') });
});

it('tells of Wake-on-LAN, the cable, names that others have, and virtualisation', () => {
  expect(itemOf(withFacts({ ports: [{ ...port, wake_on: 'd' }] }), 'wake-on-lan')).toMatchObject({
    level: 'yellow',
    text: containing('not armed'),
  });
  expect(itemOf(withFacts({ ports: [{ ...port, wake_on: 'd' }], bmc: { address: '10.0.0.9', mac: null } }), 'wake-on-lan')).toMatchObject({
    level: 'green',
  });
  const slow = itemOf(withFacts({ ports: [{ ...port, speed_mbps: 100 }] }), 'network');
  expect(slow).toMatchObject({ level: 'yellow', text: 'eno1 runs at 100 Mbit/s only, and can do 1000' });
  expect(itemOf({ sharedBy: ['rack1'] }, 'identity')).toMatchObject({ level: 'yellow', text: containing('rack1') });
  const nameless = { ...inventory.system_vendor, serial_number: null, uuid: null };
  expect(itemOf(withInventory({ system_vendor: nameless }), 'identity')).toMatchObject({
    level: 'yellow',
    text: containing('placeholder'),
  });
  expect(itemOf(withFacts({ virtualization: { cpu: 'none', iommu: false } }), 'virtualization')).toMatchObject({
    level: 'red',
    setting: containing('Intel Virtualization'),
  });
  expect(itemOf(withFacts({ virtualization: { cpu: 'vmx', iommu: false } }), 'iommu')).toMatchObject({ level: 'yellow' });
  const hot = { sensor: 'coretemp', label: 'Package id 0', celsius: 101, max: 80, critical: 100 };
  expect(itemOf(withFacts({ thermal: [hot] }), 'thermal')).toMatchObject({ level: 'red' });
  expect(itemOf({ gaps: ['disks: lsblk ended'] }, 'gaps')).toMatchObject({ level: 'yellow' });
});

it('knows settings by maker and model, and no name where nobody has written it down', () => {
  const of = (manufacturer: string, product: string) => settingOf({ manufacturer, product }, 'bootOrder');
  expect(of('LENOVO', '10T8S0BV00')).toMatch(/ThinkCentre: Startup/);
  expect(of('HP', 'HP EliteDesk 800 G4 DM')).toMatch(/EliteDesk/);
  expect(of('Dell Inc.', 'PowerEdge R640')).toMatch(/PowerEdge/);
  expect(of('Dell Inc.', 'OptiPlex 7060')).toMatch(/OptiPlex/);
  expect(of('Supermicro', 'SYS-5019')).toMatch(/Supermicro/);
  expect(of('Micro Computer (HK) Tech Limited', 'Venus series')).toMatch(/Aptio/);
  expect(of('AZW', 'SER')).toMatch(/Aptio/);
  expect(of('QEMU', 'Standard PC')).toBeNull();
  expect(settingOf({ manufacturer: null, product: null }, 'iommu')).toBeNull();
});

it('knows what the firmware tried first at the boot of the report itself, and not at one before', () => {
  const { level, items, boots } = decideReadiness(good);
  const readiness = { level, items: items.map((item) => ({ ...item })), boots: boots.map((boot) => ({ ...boot })) };
  expect(firstAtThisBoot({ facts: { boot_id: 'second' }, readiness })).toBe('network');
  expect(firstAtThisBoot({ facts: { boot_id: 'third' }, readiness })).toBeNull();
  expect([firstAtThisBoot({ readiness }), firstAtThisBoot({}), firstAtThisBoot(undefined)]).toEqual([null, null, null]);
});
