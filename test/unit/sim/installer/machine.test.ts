// Which disks and ports the stand-in takes for which answer: the real one's quirks, one by one; and what is refused before writing.

import { describe, expect, it } from 'vitest';
import type { DiskSetup } from '../../../sim/installer/logic/disk-setup.ts';
import { type Disk, disksOf, selectDisks } from '../../../sim/installer/logic/machine.ts';
import { type Lease, type Port, renderInterfaces, settle } from '../../../sim/installer/logic/network.ts';
import { partitionPath, planStorage } from '../../../sim/installer/logic/storage.ts';

const GIB = 2 ** 30;

interface Given {
  readonly name: string;
  readonly gib?: number;
  readonly blockSize?: number;
  readonly udev?: Readonly<Record<string, string>>;
}

const disks = (...given: readonly Given[]): readonly Disk[] =>
  disksOf(
    given.map(({ name, gib = 20, blockSize = 512, udev = {} }) => ({
      name,
      sectors: (gib * GIB) / 512,
      blockSize,
      udevText: Object.entries({ DEVTYPE: 'disk', DEVNAME: `/dev/${name}`, ...udev })
        .map(([key, value]) => `E: ${key}=${value}`)
        .join('\n'),
    })),
  );

const setup = (change: Partial<DiskSetup>): DiskSetup => ({
  filesystem: 'zfs',
  raid: 'RAID1',
  selection: { list: [] },
  filterMatch: 'any',
  hdsize: null,
  ...change,
});
const names = (chosen: readonly Disk[]): string[] => chosen.map(({ path }) => path);

describe('which devices are disks', () => {
  it('leaves out media, loops, parts of others and what is empty, and numbers the rest by name', () => {
    const found = disks(
      { name: 'sdb' },
      { name: 'sda' },
      { name: 'loop0' },
      { name: 'dm-0' },
      { name: 'md127' },
      { name: 'sr0' },
      { name: 'sdc', gib: 0 },
      { name: 'sdd', udev: { ID_CDROM: '1' } },
      { name: 'sde', udev: { ID_FS_TYPE: 'iso9660' } },
      { name: 'nvme0n1' },
    );
    expect(found.map(({ index, path }) => [index, path])).toEqual([
      ['0', '/dev/nvme0n1'],
      ['1', '/dev/sda'],
      ['2', '/dev/sdb'],
    ]);
  });
});

describe('which disks a selection takes', () => {
  const three = disks(
    { name: 'sda', udev: { S: 'A1', T: 'x' } },
    { name: 'sdb', udev: { S: 'A2' } },
    { name: 'sdc', udev: { S: 'B1', T: 'y' } },
  );

  it.each([
    { what: 'any of the keys', filter: { S: 'A*', T: 'y' }, filterMatch: 'any', taken: ['/dev/sda', '/dev/sdb', '/dev/sdc'] },
    {
      what: 'all keys, where one that is missing counts as a match',
      filter: { S: 'A*', T: 'x' },
      filterMatch: 'all',
      taken: ['/dev/sda', '/dev/sdb'],
    },
    { what: 'all disks by all of no keys', filter: {}, filterMatch: 'all', taken: ['/dev/sda', '/dev/sdb', '/dev/sdc'] },
  ] as const)('$what', ({ filter, filterMatch, taken }) => {
    expect(names(selectDisks(three, setup({ selection: { filter }, filterMatch })))).toEqual(taken);
  });

  it('counts the end of a path, and passes over names that are not there', () => {
    expect(names(selectDisks(three, setup({ selection: { list: ['b', 'sdz', '/dev/sda'] } })))).toEqual(['/dev/sda', '/dev/sdb']);
  });

  it('takes the first match alone for ext4, whatever filter-match says, in the order of numbers as words', () => {
    const many = disks(
      ...Array.from({ length: 12 }, (_, index) => ({ name: `sd${String.fromCharCode(97 + index)}`, udev: index > 1 ? { S: 'same' } : {} })),
    );
    const ext4 = setup({ filesystem: 'ext4', raid: null, filterMatch: 'all', selection: { filter: { S: 'same', DEVNAME: 'none' } } });
    expect(names(selectDisks(many, ext4))).toEqual(['/dev/sdk']); // "10" comes before "2"
  });

  it('refuses what matches nothing', () => {
    expect(() => selectDisks(three, setup({ selection: { filter: { S: 'C*' } } }))).toThrow('did not match');
    expect(() => selectDisks(three, setup({ selection: { list: ['sdz'] } }))).toThrow('no disks found');
    expect(() => selectDisks(three, setup({ filesystem: 'ext4', selection: { list: ['sdz'] } }))).toThrow('not found');
    expect(() => selectDisks(three, setup({ selection: { filter: {} } }))).toThrow('did not match');
  });
});

describe('what is refused before a disk is written', () => {
  const two = disks({ name: 'sda' }, { name: 'sdb' });
  it('too few disks, an odd number of them, and mirrors of unequal size', () => {
    expect(() => planStorage(two.slice(0, 1), setup({}), 'efi')).toThrow('at least 2');
    expect(() => planStorage(two, setup({ raid: 'RAIDZ-1' }), 'efi')).toThrow('at least 3');
    const five = disks(...['a', 'b', 'c', 'd', 'e'].map((letter) => ({ name: `sd${letter}` })));
    expect(() => planStorage(five, setup({ raid: 'RAID10' }), 'efi')).toThrow('even');
    expect(() => planStorage(disks({ name: 'sda' }, { name: 'sdb', gib: 23 }), setup({}), 'efi')).toThrow('same size');
    expect(planStorage(disks({ name: 'sda' }, { name: 'sdb', gib: 22 }), setup({}), 'efi')).toHaveLength(2);
  });
  it('a small disk, also when the answer makes it small, and one of 4096-byte sectors where a BIOS is to start it', () => {
    expect(() => planStorage(disks({ name: 'sda', gib: 7.9 }), setup({ raid: 'RAID0' }), 'efi')).toThrow('7 GB < 8 GB');
    expect(() => planStorage(two, setup({ hdsize: 7 }), 'efi')).toThrow('too small');
    const native = disks({ name: 'sda', blockSize: 4096 });
    expect(() => planStorage(native, setup({ raid: 'RAID0' }), 'bios')).toThrow('4kn');
    expect(planStorage(native, setup({ raid: 'RAID0' }), 'efi')[0]?.hasBiosBoot).toBe(false);
  });
});

describe('how disks are partitioned', () => {
  it('alike: a place for GRUB, an EFI system partition by the size of the disk, the rest', () => {
    const plans = planStorage(disks({ name: 'sda', gib: 20 }, { name: 'sdb', gib: 20 }), setup({}), 'bios');
    const calls = [['-Z'], ['-n2:1M:+512M', '-t2:EF00', '-n3:513M:0', '-t3:BF01'], ['-a1', '-n1:34:2047', '-t1:EF02']];
    expect(plans.map((plan) => plan.calls)).toEqual([calls, calls]);
    expect(planStorage(disks({ name: 'sda', gib: 200 }), setup({ raid: 'RAID0' }), 'efi')[0]?.calls[1]?.[0]).toBe('-n2:1M:+1024M');
    expect(planStorage(disks({ name: 'sda', gib: 200 }), setup({ raid: 'RAID0', hdsize: 20 }), 'efi')[0]?.calls[1]?.[2]).toBe(
      '-n3:513M:20480M',
    );
  });
  it('by the names that partitions have', () => {
    expect(disks({ name: 'sda' }, { name: 'nvme0n1' }).map((disk) => partitionPath(disk, 3))).toEqual(['/dev/nvme0n1p3', '/dev/sda3']);
  });
});

describe('the network of the installed system', () => {
  const ports: readonly Port[] = [
    { name: 'enp2s0', mac: 'aa:bb:cc:dd:ee:02', udev: { ID_NET_NAME_MAC: 'enxaabbccddee02' } },
    { name: 'enp1s0', mac: 'aa:bb:cc:dd:ee:01', udev: { ID_NET_NAME_MAC: 'enxaabbccddee01' } },
  ];
  const lease: Lease = { port: 'enp1s0', cidr: '10.0.0.50/24', gateway: '10.0.0.1', dns: '10.0.0.1', hostName: 'dhcp', domain: null };
  const fqdn = { host: 'pve1', domain: 'example.org' };
  const settled = (network: object, name: object = fqdn, given: Lease | null = lease): ReturnType<typeof settle> =>
    settle({ global: { fqdn: name }, network } as never, ports, given); // no more of an answer is looked at

  it('freezes a lease', () => {
    expect(settled({ fixed: null, pinning: null })).toMatchObject({ cidr: '10.0.0.50/24', management: { name: 'enp1s0' } });
    expect(() => settled({ fixed: null, pinning: null }, fqdn, null)).toThrow('no port');
  });

  it('takes the first port that any key of the filter matches', () => {
    const fixed = { cidr: { address: '10.0.0.11', prefix: 24 }, dns: '10.0.0.1', gateway: '10.0.0.1', filter: { ID_NET_NAME_MAC: 'enx*' } };
    const settings = settled({ fixed, pinning: new Map([['aa:bb:cc:dd:ee:02', 'nic0']]) });
    expect(settings.management.name).toBe('enp1s0');
    expect([...settings.pinned]).toEqual([
      ['enp1s0', 'nic1'],
      ['enp2s0', 'nic0'],
    ]);
    const file = renderInterfaces(settings, ports);
    expect(file).toContain('iface nic1 inet manual');
    expect(file).toContain('address 10.0.0.11/24\n\tgateway 10.0.0.1\n\tbridge-ports nic1');
  });

  it('has the name that DHCP gives, when it is asked for that', () => {
    expect(settled({ fixed: null, pinning: null }, { fallbackDomain: 'lan' }).fqdn).toEqual({ host: 'dhcp', domain: 'lan' });
    expect(() => settled({ fixed: null, pinning: null }, { fallbackDomain: null })).toThrow('no domain');
  });
});
