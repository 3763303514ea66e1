import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parseDimms } from '../../../../src/agent/facts/dimms.ts';
import { EFI_GLOBAL, readEfiBoot } from '../../../../src/agent/facts/efi-boot-codec.ts';
import { parsePort } from '../../../../src/agent/facts/ethtool.ts';
import { parseSmartctl } from '../../../../src/agent/facts/health.ts';
import { clockOf, parseLanPrint, sensorsOf, tpmOf, usbOf, virtualizationOf } from '../../../../src/agent/facts/platform.ts';
import { udevFacts } from '../../../../src/agent/facts/udev.ts';
import { DimmSchema, DiskHealthSchema, EfiBootSchema, PortFactsSchema } from '../../../../src/inspect/facts.ts';

describe('health of disks', () => {
  it('is read from an NVMe disk', () => {
    const text = JSON.stringify({
      smartctl: { version: [7, 3], exit_status: 0 },
      device: { name: '/dev/nvme0', type: 'nvme', protocol: 'NVMe' },
      serial_number: 'BTNH0000000000AB',
      firmware_version: '002C',
      smart_status: { passed: true, nvme: { value: 0 } },
      nvme_smart_health_information_log: {
        critical_warning: 4,
        temperature: 36,
        available_spare: 100,
        available_spare_threshold: 10,
        percentage_used: 91,
        media_errors: 3,
        power_on_hours: 2401,
      },
      temperature: { current: 36 },
      power_on_time: { hours: 2401 },
    });
    const health = parseSmartctl('/dev/nvme0n1', text);
    expect(health).toMatchObject({
      passed: true,
      percent_used: 91,
      critical_warning: 4,
      media_errors: 3,
      temperature: 36,
      firmware: '002C',
    });
    expect(health).toMatchObject({ serial: 'BTNH0000000000AB', spare_percent: 100, spare_threshold: 10, reallocated: null, problem: null });
    expect(Check(DiskHealthSchema, health)).toBe(true);
  });

  it('is read from an ATA disk, whose attributes are numbered', () => {
    const row = (id: number, value: number, raw: number): object => ({
      id,
      name: 'x',
      value,
      worst: value,
      thresh: 0,
      raw: { value: raw, string: String(raw) },
    });
    const text = JSON.stringify({
      serial_number: 'WD-WCC0000001',
      smart_status: { passed: false },
      ata_smart_attributes: { revision: 16, table: [row(5, 199, 8), row(177, 83, 12), row(197, 200, 2), row(198, 100, 1)] },
    });
    expect(parseSmartctl('/dev/sda', text)).toMatchObject({ passed: false, reallocated: 8, pending: 2, media_errors: 1, percent_used: 17 });
  });

  it('is read from a SAS disk', () => {
    const text = JSON.stringify({
      revision: 'MS03',
      smart_status: { passed: true },
      scsi_grown_defect_list: 56,
      power_on_time: { hours: 43549, minutes: 33 },
      scsi_error_counter_log: { read: { total_uncorrected_errors: 2 }, write: { total_uncorrected_errors: 1 } },
    });
    expect(parseSmartctl('/dev/sdg', text)).toMatchObject({ reallocated: 56, media_errors: 3, firmware: 'MS03', power_on_hours: 43549 });
  });

  it('says why it is not known', () => {
    const text = JSON.stringify({
      smartctl: { exit_status: 1, messages: [{ string: '/dev/sdb: Unknown USB bridge', severity: 'error' }] },
    });
    expect(parseSmartctl('/dev/sdb', text)).toMatchObject({ passed: null, problem: '/dev/sdb: Unknown USB bridge' });
    for (const nonsense of ['', '{', '[]', '{"smart_status":{"passed":"yes"}}'])
      expect(parseSmartctl('/dev/sda', nonsense).problem).toMatch(/no readable answer|says nothing/);
  });
});

it('lists the slots for memory, empty ones too', () => {
  const text = `# dmidecode 3.4
Handle 0x0039, DMI type 17, 84 bytes
Memory Device
	Array Handle: 0x0031
	Size: 32 GB
	Locator: DIMM 1
	Bank Locator: P0 CHANNEL A
	Type: DDR4
	Speed: 2933 MT/s
	Manufacturer: Samsung
	Serial Number: 440FEB5D
	Part Number: M393A4K40DB2-CVF    
	Configured Memory Speed: 2666 MT/s
	Volatile Size: 32 GB

Handle 0x003A, DMI type 17, 84 bytes
Memory Device
	Size: No Module Installed
	Locator: DIMM 2
	Type: Unknown
	Speed: Unknown
	Serial Number: 00000000
`;
  const [first, second] = parseDimms(text);
  expect(first).toEqual({
    slot: 'DIMM 1',
    bank: 'P0 CHANNEL A',
    size_mb: 32_768,
    type: 'DDR4',
    speed: 2933,
    configured_speed: 2666,
    manufacturer: 'Samsung',
    part: 'M393A4K40DB2-CVF',
    serial: '440FEB5D',
  });
  expect(second).toMatchObject({ slot: 'DIMM 2', size_mb: 0, type: null, speed: null, serial: null });
  for (const dimm of [first, second]) expect(Check(DimmSchema, dimm)).toBe(true);
});

it('reads what a port does, what it can do, and whether it wakes the machine', () => {
  const settings = `Settings for eno1:
	Supported ports: [ TP ]
	Supported link modes:   10baseT/Half 10baseT/Full
	                        100baseT/Half 100baseT/Full
	                        1000baseT/Full
	                        2500baseT/Full
	Supported pause frame use: Symmetric
	Speed: 100Mb/s
	Duplex: Full
	Supports Wake-on: pumbg
	Wake-on: g
	Link detected: yes
`;
  const driver = 'driver: igc\nversion: 6.1.0-18-amd64\nfirmware-version: 1057:8754\nexpansion-rom-version: \nbus-info: 0000:56:00.0\n';
  const port = parsePort('eno1', settings, driver);
  expect(port).toEqual({
    name: 'eno1',
    driver: 'igc',
    firmware: '1057:8754',
    bus: '0000:56:00.0',
    link: true,
    speed_mbps: 100,
    max_mbps: 2500,
    wake_on: 'g',
    wake_supported: 'pumbg',
  });
  expect(Check(PortFactsSchema, port)).toBe(true);
  expect(parsePort('eth9', '', '')).toMatchObject({ link: null, speed_mbps: null, max_mbps: null, wake_on: null });
});

describe('boot entries', () => {
  const u16 = (...values: readonly number[]): number[] => values.flatMap((value) => [value & 0xff, value >> 8]);
  const node = (type: number, subtype: number, data: readonly number[]): number[] => [type, subtype, ...u16(data.length + 4), ...data];
  const END = node(0x7f, 0xff, []);
  const option = (title: string, path: readonly number[], attributes = 1): Uint8Array =>
    Uint8Array.from([
      7,
      0,
      0,
      0,
      attributes,
      0,
      0,
      0,
      ...u16(path.length),
      ...title.split('').flatMap((one) => u16(one.charCodeAt(0))),
      0,
      0,
      ...path,
    ]);
  const variable = (...ids: readonly number[]): Uint8Array => Uint8Array.from([7, 0, 0, 0, ...u16(...ids)]);
  const MAC = [0x52, 0x54, 0, 0x12, 0x34, 0x56, ...Array.from({ length: 26 }, () => 0), 1];
  const PCI = node(1, 1, [0, 3]);

  it('are read out of the variables themselves', () => {
    const efi = readEfiBoot(
      new Map([
        ['BootOrder', variable(3, 0, 1)],
        ['BootCurrent', variable(3)],
        ['BootNext', variable(0x1f)],
        [
          'Boot0000',
          option('UiApp', [
            ...node(
              4,
              7,
              Array.from({ length: 16 }, () => 9),
            ),
            ...node(
              4,
              6,
              Array.from({ length: 16 }, () => 9),
            ),
            ...END,
          ]),
        ],
        [
          'Boot0001',
          option(
            'debian',
            [
              ...node(
                4,
                1,
                Array.from({ length: 38 }, () => 1),
              ),
              ...node(4, 4, u16(0x5c, 0)),
              ...END,
            ],
            0,
          ),
        ],
        [
          'Boot0003',
          option('UEFI PXEv4', [
            ...PCI,
            ...node(3, 0x0b, MAC),
            ...node(
              3,
              0x0c,
              Array.from({ length: 23 }, () => 0),
            ),
            ...END,
          ]),
        ],
        ['Boot001F', option('Network card', [...node(5, 1, [...u16(6, 0), 0x4e, 0]), ...END])],
      ]),
    );
    expect(efi).toMatchObject({ order: ['0003', '0000', '0001'], current: '0003', next: '001F' });
    expect(efi.entries).toEqual([
      { id: '0000', title: 'UiApp', active: true, kind: 'firmware', mac: null },
      { id: '0001', title: 'debian', active: false, kind: 'disk', mac: null },
      { id: '0003', title: 'UEFI PXEv4', active: true, kind: 'network', mac: '52:54:00:12:34:56' },
      { id: '001F', title: 'Network card', active: true, kind: 'network', mac: null },
    ]);
    expect(Check(EfiBootSchema, efi)).toBe(true);
    expect(EFI_GLOBAL).toBe('8be4df61-93ca-11d2-aa0d-00e098032b8c');
  });

  it('come to nothing worse than fewer when variables are cut off', () => {
    const whole = option('UEFI PXEv4', [...PCI, ...node(3, 0x0b, MAC), ...END]);
    for (let length = 0; length < whole.length; length += 1) {
      const efi = readEfiBoot(
        new Map([
          ['Boot0003', whole.subarray(0, length)],
          ['BootOrder', variable(3).subarray(0, length)],
        ]),
      );
      expect(Check(EfiBootSchema, efi)).toBe(true);
    }
  });
});

it('keeps the properties of disks and ports as udev has them, and says what was too much', () => {
  const database = `P: /devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1
N: nvme0n1
E: DEVPATH=/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1
E: DEVNAME=/dev/nvme0n1
E: DEVTYPE=disk
E: ID_MODEL=A=B C
E: SUBSYSTEM=block

P: /devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1/nvme0n1p1
E: DEVTYPE=partition
E: SUBSYSTEM=block

P: /devices/virtual/net/lo
E: INTERFACE=lo
E: SUBSYSTEM=net

P: /devices/pci0000:00/0000:00:02.0/net/enp0s2
E: INTERFACE=enp0s2
E: ID_NET_NAME_MAC=enx525400123456
E: SUBSYSTEM=net
`;
  const { udev, dropped } = udevFacts(database, 10_000);
  expect(Object.keys(udev.block)).toEqual(['nvme0n1']);
  expect(udev.block.nvme0n1).toMatchObject({ ID_MODEL: 'A=B C', DEVNAME: '/dev/nvme0n1' });
  expect(udev.net).toEqual({ enp0s2: { INTERFACE: 'enp0s2', ID_NET_NAME_MAC: 'enx525400123456', SUBSYSTEM: 'net' } });
  expect(dropped).toBeNull();
  expect(udevFacts(database, 150).dropped).toBe('properties of 1 devices are too long to be reported');
});

it('keeps the properties of an NVMe drive that the kernel may reach by several controllers, and of no loop device', () => {
  const stanza = (path: string): string => `P: ${path}\nE: DEVTYPE=disk\nE: SUBSYSTEM=block\n`;
  const database = [stanza('/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1'), stanza('/devices/virtual/block/loop0')].join('\n');
  expect(Object.keys(udevFacts(database, 10_000).udev.block)).toEqual(['nvme0n1']);
});

it('reads USB devices without root hubs, temperatures without dead sensors, TPM, BMC and clock', () => {
  const usb = (name: string, idVendor: string, idProduct: string) => ({
    name,
    idVendor,
    idProduct,
    manufacturer: null,
    product: 'AX88179\n',
  });
  expect(usbOf([usb('usb1', '1d6b\n', '0002\n'), usb('1-2', '0b95\n', '1790\n'), usb('1-3', 'zz', '1')])).toEqual([
    { bus: '1-2', vendor_id: '0b95', product_id: '1790', manufacturer: null, product: 'AX88179' },
  ]);
  const chip = new Map([
    ['name', 'coretemp\n'],
    ['temp1_input', '64000\n'],
    ['temp1_label', 'Package id 0\n'],
    ['temp1_max', '80000\n'],
    ['temp1_crit', '100000\n'],
    ['temp2_input', '-128000\n'],
  ]);
  expect(sensorsOf([chip])).toEqual([{ sensor: 'coretemp', label: 'Package id 0', celsius: 64, max: 80, critical: 100 }]);
  expect(tpmOf([{ versionMajor: '2\n' }])).toEqual({ present: true, version: '2.0' });
  expect(tpmOf([])).toEqual({ present: false, version: null });
  expect(virtualizationOf(['aes', 'svm'], ['ivhd0'])).toEqual({ cpu: 'svm', iommu: true });
  const lan =
    'Set in Progress         : Set Complete\nIP Address Source       : DHCP Address\nIP Address              : 10.0.0.17\nMAC Address             : AC:1F:6B:00:11:22\n';
  expect(parseLanPrint(lan)).toEqual({ address: '10.0.0.17', mac: 'ac:1f:6b:00:11:22' });
  expect(parseLanPrint('IP Address              : 0.0.0.0\nMAC Address             : 00:00:00:00:00:00\n')).toBeUndefined();
  expect(clockOf('1700003600\n', 1_700_000_000_000)).toEqual({ ahead_seconds: 3600 });
  expect(clockOf(null, 1)).toBeUndefined();
});
