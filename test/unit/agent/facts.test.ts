import { readFileSync } from 'node:fs';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { kernelArchitecture, parseCpuinfo } from '../../../src/agent/facts/cpu.ts';
import { disksOf, parseLsblk, parseUdevDatabase, sequencesOf } from '../../../src/agent/facts/disks.ts';
import { interfacesOf, type PortFiles } from '../../../src/agent/facts/interfaces.ts';
import { parseMeminfoTotal, parseMemoryModules } from '../../../src/agent/facts/memory.ts';
import { parseSecureBoot } from '../../../src/agent/facts/secure-boot.ts';
import { type DmiTexts, parsePciDevices, systemVendorOf } from '../../../src/agent/facts/system.ts';
import { CpuSchema, DiskSchema, InterfaceSchema, SystemVendorSchema } from '../../../src/inspect/inventory.ts';

const captured = (name: string): string => readFileSync(new URL(`../../fixtures/agent/qemu-q35/${name}`, import.meta.url), 'utf8');

describe('the processor', () => {
  it('is read from a captured cpuinfo', () => {
    const cpu = parseCpuinfo(captured('cpuinfo.txt'), 'x86_64', null);
    expect(cpu).toMatchObject({ model_name: 'QEMU TCG CPU version 2.5+', count: 2, socket_count: 1, architecture: 'x86_64' });
    expect(cpu.flags).toContain('aes');
    expect(Check(CpuSchema, cpu)).toBe(true);
  });

  it('prefers the highest frequency over that of the instant', () => {
    expect(parseCpuinfo(captured('cpuinfo.txt'), 'x86_64', '4700000\n').frequency).toBe('4700.0000');
  });

  it('counts sockets, and does not invent them where the kernel says nothing', () => {
    const two = 'processor : 0\nphysical id : 0\n\nprocessor : 1\nphysical id : 1\n';
    expect(parseCpuinfo(two, 'x86_64', null)).toMatchObject({ count: 2, socket_count: 2, model_name: null });
    const arm = 'processor\t: 0\nFeatures\t: fp asimd\n\nprocessor\t: 1\nFeatures\t: fp asimd\n';
    expect(parseCpuinfo(arm, 'aarch64', null)).toMatchObject({ count: 2, socket_count: null, flags: ['fp', 'asimd'] });
  });

  it('has the name that the kernel gives its architecture', () => {
    expect(['x64', 'arm64', 'riscv64'].map(kernelArchitecture)).toEqual(['x86_64', 'aarch64', 'riscv64']);
  });
});

describe('memory', () => {
  it('is what the kernel has, and what is plugged in', () => {
    expect(parseMeminfoTotal(captured('meminfo.txt'))).toBeGreaterThan(900 * 2 ** 20);
    expect(parseMemoryModules(captured('dmidecode-memory.txt'))).toBe(1024);
  });

  it('sums modules in any unit and skips empty slots and persistent memory', () => {
    const module = (size: string, more = ''): string =>
      `Handle 0x1100, DMI type 17, 40 bytes\nMemory Device\n\tSize: ${size}\n\tNon-Volatile Size: 64 GB\n${more}\n\n`;
    const text =
      module('16 GB') +
      module('No Module Installed') +
      module('512 MB') +
      module('2048 kB') +
      module('128 GB', '\tMemory Technology: Intel Optane non-volatile\n');
    expect(parseMemoryModules(text)).toBe(16 * 1024 + 512 + 2);
  });

  it('is null, not zero, where the firmware lists no modules', () => {
    expect(
      parseMemoryModules('# dmidecode 3.4\nScanning /dev/mem for entry point.\n# No SMBIOS nor DMI entry point found, sorry.\n'),
    ).toBeNull();
  });
});

describe('disks', () => {
  const disks = disksOf(parseLsblk(captured('lsblk.json')), parseUdevDatabase(captured('udev.txt')));

  it('are found on every bus, with what identifies them', () => {
    const identities = disks.map(({ name, serial, transport, by_path }) => ({
      name,
      serial,
      transport,
      slot: by_path?.replace('/dev/disk/by-path/', ''),
    }));
    expect(identities).toEqual([
      { name: '/dev/sda', serial: 'SCSI-0004', transport: 'scsi', slot: 'pci-0000:00:05.0-scsi-0:0:0:0' },
      { name: '/dev/sdb', serial: 'ATA-0002', transport: 'sata', slot: 'pci-0000:00:1f.2-ata-2.0' },
      { name: '/dev/sdc', serial: 'USB-0005', transport: 'usb', slot: 'pci-0000:00:06.0-usb-0:1:1.0-scsi-0:0:0:0' },
      { name: '/dev/vda', serial: 'VIRT-0001', transport: 'virtio', slot: 'pci-0000:00:03.0' },
      { name: '/dev/nvme0n1', serial: 'NVME-0003', transport: 'nvme', slot: 'pci-0000:00:04.0-nvme-1' },
    ]);
  });

  it('carry their WWN, address and size, and fit the schema', () => {
    expect(disks[0]).toMatchObject({ wwn: '0x5000c50012345679', hctl: '0:0:0:0', size: 2 ** 31, rotational: true, vendor: 'QEMU' });
    expect(disks[4]).toMatchObject({ rotational: false, model: 'QEMU NVMe Ctrl' });
    for (const disk of disks) expect(Check(DiskSchema, disk)).toBe(true);
  });

  const device = { type: 'disk', size: 1000, rota: false, ro: false, rm: false };
  const names = (list: readonly object[]): string[] =>
    disksOf(parseLsblk(JSON.stringify({ blockdevices: list })), new Map()).map((disk) => disk.name);

  it('are not memory, optical drives, boot areas of eMMC, partitions, or readers without a card', () => {
    const others = ['loop0', 'ram1', 'zram0', 'sr0', 'fd0', 'nbd0', 'mmcblk0boot0', 'mmcblk0rpmb', 'dm-0', 'md127'].map((name) => ({
      ...device,
      name,
    }));
    const empty = { ...device, name: 'sdb', size: 0 };
    expect(names([...others, empty, { ...device, name: 'sda1', type: 'part' }, { ...device, name: 'mmcblk0' }])).toEqual(['/dev/mmcblk0']);
  });

  it('come in the order of their names and stop at the cap', () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ ...device, name: `sd${i}` })).reverse();
    const found = names(many);
    expect(found).toHaveLength(256);
    expect(found.slice(0, 2)).toEqual(['/dev/sd0', '/dev/sd1']);
  });

  it.each(['0x0000000000000000', 'eui.0000000000000000', '0xffffffffffffffff', '0'])('have no WWN where it is %s', (wwn) => {
    const list = parseLsblk(JSON.stringify({ blockdevices: [{ ...device, name: 'sda', wwn }] }));
    const properties = new Map([['/dev/sda', new Map([['ID_WWN', wwn]])]]);
    expect(disksOf(list, properties)[0]).toMatchObject({ wwn: null });
    expect(disksOf(list, new Map([['/dev/sda', new Map([['ID_WWN', '0x5000c50012345679']])]]))[0]?.wwn).toBe('0x5000c50012345679');
  });

  it('have the size of their sectors where lsblk tells it', () => {
    const list = [
      { ...device, name: 'sda', 'log-sec': 4096 },
      { ...device, name: 'sdb' },
    ];
    const [wide, unknown] = disksOf(parseLsblk(JSON.stringify({ blockdevices: list })), new Map());
    expect(wide).toMatchObject({ logical_sector: 4096 });
    expect(unknown).not.toHaveProperty('logical_sector');
    expect(Check(DiskSchema, wide)).toBe(true);
  });

  it('have the number that the kernel counted them by', () => {
    const of = sequencesOf(parseUdevDatabase('P: /devices/a\nE: DEVNAME=/dev/sda\nE: SUBSYSTEM=block\nE: DISKSEQ=7\n'));
    expect([of('/dev/sda'), of('/dev/sdb')]).toEqual(['7', null]);
  });

  it('lose junk serials but not themselves', () => {
    const junk = JSON.stringify({ blockdevices: [{ ...device, name: 'sda', serial: '0000000000000000', model: 'Default string' }] });
    expect(disksOf(parseLsblk(junk), new Map())[0]).toMatchObject({ name: '/dev/sda', serial: null, model: null });
  });

  it('are refused in a form that lsblk was not asked for', () => {
    expect(() => parseLsblk('{"blockdevices":[{"name":"sda","size":"2G"}]}')).toThrow(/another form/);
  });
});

describe('network ports', () => {
  const port: PortFiles = {
    name: 'eth0',
    isPhysical: true,
    address: '52:54:00:AA:bb:01\n',
    type: '1\n',
    carrier: '1\n',
    speed: '2500\n',
    vendor: '0x8086\n',
    product: '0x125C\n',
    driver: 'igc',
  };

  it('are reported with link, speed, ids and addresses', () => {
    const addresses = [
      { name: 'eth0', family: 'IPv6', address: 'fe80::1' },
      { name: 'eth0', family: 'IPv6', address: '2001:db8::7' },
      { name: 'eth0', family: 'IPv4', address: '192.0.2.7' },
      { name: 'eth1', family: 'IPv4', address: '192.0.2.8' },
    ] as const;
    const [found] = interfacesOf([port], addresses);
    expect(found).toEqual({
      name: 'eth0',
      mac_address: '52:54:00:aa:bb:01',
      ipv4_address: '192.0.2.7',
      ipv6_address: '2001:db8::7',
      has_carrier: true,
      vendor: '0x8086',
      product: '0x125c',
      speed_mbps: 2500,
      driver: 'igc',
    });
    expect(Check(InterfaceSchema, found)).toBe(true);
  });

  it('without a link have no speed, whatever the driver writes', () => {
    for (const speed of ['-1\n', '4294967295\n', null, ''])
      expect(interfacesOf([{ ...port, carrier: null, speed }], [])[0]).toMatchObject({ has_carrier: false, speed_mbps: null });
  });

  it('are not loopback, virtual ports, InfiniBand, or ports without an address', () => {
    const others = [{ isPhysical: false }, { type: '32\n' }, { address: '00:00:00:00:00:00\n' }, { address: null }];
    expect(
      interfacesOf(
        others.map((other) => ({ ...port, ...other })),
        [],
      ),
    ).toEqual([]);
  });
});

describe('the system', () => {
  const dmi: DmiTexts = {
    sys_vendor: 'To Be Filled By O.E.M.\n',
    product_name: 'System Product Name\n',
    product_serial: 'System Serial Number\n',
    product_uuid: '03000200-0400-0500-0006-000700080009\n',
    board_vendor: 'ASRock\n',
    board_name: 'N100DC-ITX\n',
    board_serial: 'M80-F4007500123\n',
    bios_vendor: 'American Megatrends International, LLC.\n',
    bios_version: '1.04\n',
    bios_date: '08/02/2023\n',
  };

  it('is named by its board where the maker left placeholders', () => {
    const system = systemVendorOf(dmi);
    expect(system).toMatchObject({ manufacturer: 'ASRock', product_name: 'N100DC-ITX', serial_number: 'M80-F4007500123', uuid: null });
    expect(system.firmware).toEqual({ vendor: 'American Megatrends International, LLC.', version: '1.04', build_date: '08/02/2023' });
    expect(Check(SystemVendorSchema, system)).toBe(true);
  });

  it('says nothing where the firmware has no DMI at all', () => {
    const none = Object.fromEntries(Object.keys(dmi).map((key) => [key, null])) as DmiTexts; // the same keys
    expect(systemVendorOf(none)).toMatchObject({ manufacturer: null, product_name: null, serial_number: null, uuid: null });
  });

  it('lists the cards on its PCI buses', () => {
    const cards = parsePciDevices(captured('pci.txt'));
    expect(cards).toContainEqual({ bus: '00:1f.2', vendor_id: '8086', product_id: '2922' });
    expect(parsePciDevices('nonsense\n\n')).toEqual([]);
  });
});

describe('Secure Boot', () => {
  it('is what the kernel found in the firmware, and nothing where it did not look', () => {
    const bootParams = (mode: number): Uint8Array => new Uint8Array(4096).fill(mode, 0x1ec, 0x1ed);
    expect(parseSecureBoot(bootParams(3))).toBe(true);
    expect(parseSecureBoot(bootParams(2))).toBe(false);
    expect(parseSecureBoot(bootParams(1))).toBeNull();
    expect(parseSecureBoot(bootParams(0))).toBeNull();
    expect(parseSecureBoot(new Uint8Array(8))).toBeNull();
    expect(parseSecureBoot(null)).toBeNull();
  });
});
