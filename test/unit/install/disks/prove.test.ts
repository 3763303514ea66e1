// An answer is given only where it selects the chosen disks and nothing else, however the kernel names them at the next start.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listedDisks, selectDisks } from '../../../../src/install/disks/matching-decide.ts';
import {
  chooseSystemDisks,
  DEFAULT_SYSTEM_DISKS,
  machineDisks,
  makeStamps,
  type ProofAsk,
  proveSelection,
  serialSelection,
  tableIds,
  udevOf,
} from '../../../../src/install/index.ts';
import type { Filesystem } from '../../../../src/install/seam.ts';
import { systemRandom } from '../../../../src/lib/index.ts';
import { askOf, type DiskWords, type MachineWords, reportOf, sizeOf } from './machines.ts';

const [ONE, TWO] = ['11111111-aaaa-4aaa-8aaa-000000000001', '11111111-aaaa-4aaa-8aaa-000000000002'];
const STAMPED = { filter: { ID_PART_TABLE_UUID: '11111111-*' }, 'filter-match': 'any' } as const;
const refOf = (disk: DiskWords) => ({
  serial: disk.serial ?? null,
  wwn: disk.wwn ?? null,
  size: sizeOf(disk),
  byPath: null,
  title: `disk ${disk.serial}`,
});

const A: DiskWords = { name: 'sda', serial: 'A', table: ONE };
const B: DiskWords = { name: 'sdb', serial: 'B', table: TWO };
const DATA: DiskWords = { name: 'sdc', serial: 'DATA', gb: 4000, table: '22222222-aaaa-4aaa-8aaa-000000000001' };
const MACHINE: MachineWords = { disks: [A, B, DATA], others: { loop0: { DEVTYPE: 'disk' }, sr0: { DEVTYPE: 'disk', ID_CDROM: '1' } } };
const EXPECTED = [refOf(A), refOf(B)];

const faults = (machine: MachineWords, rest: Partial<ProofAsk> = {}): string[] =>
  proveSelection(askOf(machine, { selection: STAMPED, expected: EXPECTED, stamps: [ONE, TWO], ...rest })).map(({ message }) => message);
const withDisks = (...disks: DiskWords[]): MachineWords => ({ ...MACHINE, disks });

describe('the disks of an answer', () => {
  it('are proven where the filter fits the stamps of exactly those', () => expect(faults(MACHINE)).toEqual([]));

  it.each<[string, MachineWords, Partial<ProofAsk>, string]>([
    [
      'a further disk has the stamp',
      withDisks(A, B, { ...DATA, table: ONE }),
      {},
      'could select SSD, 4 TB (serial DATA), which was not chosen',
    ],
    [
      'an optical drive has it',
      { ...MACHINE, others: { sr0: { DEVTYPE: 'disk', ID_CDROM: '1', ID_PART_TABLE_UUID: ONE } } },
      {},
      'could select sr0',
    ],
    ['a disk with a CD image has it', withDisks(A, B, { ...DATA, table: ONE, isMedium: true }), {}, 'could select SSD, 4 TB (serial DATA)'],
    ['a chosen disk has none', withDisks(A, { name: 'sdb', serial: 'B' }, DATA), {}, 'disk B does not have the partition table'],
    ['a chosen disk has another', withDisks(A, { ...B, table: ONE }, DATA), {}, `udev sees ${ONE}`],
    [
      'a chosen disk holds a CD image',
      withDisks(A, { ...B, isMedium: true }, DATA),
      {},
      'would not select SSD, 500 GB (serial B): it passes over it',
    ],
    ['a chosen disk is gone', withDisks(A, DATA), {}, 'disk B is no longer in the machine'],
    ['a chosen disk is there twice', withDisks(A, B, { ...B, name: 'sdd' }, DATA), {}, 'could be any of 2 disks'],
    [
      'a disk has no udev data',
      { ...MACHINE, others: {} },
      { udev: { block: {}, net: {} } },
      "udev's properties of SSD, 500 GB (serial A) were not reported",
    ],
    ['nobody reported udev data', MACHINE, { udev: null }, 'nothing of what udev knows'],
    ['a list names disks as the kernel does', MACHINE, { selection: { 'disk-list': ['sda', 'sdb'] } }, 'may call them otherwise'],
    ['the filter goes by such a name', MACHINE, { selection: { filter: { DEVNAME: '/dev/sd[ab]' } } }, 'goes by DEVNAME'],
    [
      '"all" takes disks that lack the key',
      withDisks(A, B, { name: 'sdc', serial: 'DATA' }),
      { selection: { ...STAMPED, 'filter-match': 'all' } },
      'a disk without ID_PART_TABLE_UUID fits too',
    ],
    ['the pattern is none', MACHINE, { selection: { filter: { ID_PART_TABLE_UUID: '11111111**' } } }, 'is no pattern'],
    ['the filter fits nothing', MACHINE, { selection: { filter: { ID_PART_TABLE_UUID: 'x*' } } }, 'the installer would stop'],
    [
      'disks differ in size',
      withDisks(A, { ...B, gb: 560 }, DATA),
      { expected: [refOf(A), refOf({ ...B, gb: 560 })] },
      'by more than a tenth',
    ],
    ['the level takes more', MACHINE, { raid: 'raidz-1' }, 'raidz-1 takes at least 3 disks, not 2'],
    ['ext4 shall go to two', MACHINE, { filesystem: 'ext4' }, 'ext4 takes one disk, not raid1'],
    ['they are 4Kn and it is BIOS', { ...withDisks({ ...A, sector: 4096 }, B, DATA), bootMode: 'bios' }, {}, '4Kn'],
    ['a value may have been cut', withDisks(A, B, { ...DATA, table: '2'.repeat(512) }), {}, 'ID_PART_TABLE_UUID is not known for sure'],
  ])('are refused where %s', (_, machine, rest, fault) => expect(faults(machine, rest).join('\n')).toContain(fault));

  it('are refused with ext4 where two fit, though the first is the right one', () => {
    const rest = { filesystem: 'ext4', raid: 'single', expected: [refOf(A)], stamps: [ONE] } as const;
    expect(faults(MACHINE, rest)).toEqual(['the installer could select SSD, 500 GB (serial B), which was not chosen']);
    expect(faults(withDisks(A, DATA), rest)).toEqual([]);
  });

  it('are refused where a device has so many properties that the one of the filter may be left out', () => {
    const many = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [`K${at}`, '']));
    expect(faults(withDisks(A, B, { name: 'sdc', serial: 'DATA', udev: many }))).toEqual([
      expect.stringContaining('has more properties, or longer ones, than are reported'),
    ]);
  });
});

describe('the management port of an answer', () => {
  const ports = [
    { name: 'eno1', mac: '52:54:00:00:00:01' },
    { name: 'eno2', mac: '52:54:00:00:00:02' },
  ];
  const port = (filter: Record<string, string>, mac = '52:54:00:00:00:02', more: MachineWords['ports'] = []): string[] =>
    faults({ ...MACHINE, ports: [...ports, ...more] }, { network: { filter, mac } });

  it('is proven where the filter fits exactly the one with the address', () => {
    expect(port({ ID_NET_NAME_MAC: '*525400000002' })).toEqual([]);
    expect(port({ ID_NET_NAME_MAC: 'enx525400000001' }, '52:54:00:00:00:01')).toEqual([]);
  });

  it.each<[string, Record<string, string>, string | undefined, MachineWords['ports'], string]>([
    ['the filter fits another one', { ID_NET_NAME_MAC: '*1' }, undefined, [], 'could select port eno1, which is not 52:54:00:00:00:02'],
    ['it fits several', { ID_NET_NAME_MAC: 'enx*' }, '52:54:00:00:00:01', [], 'could select port eno2'],
    ['it fits none', { ID_NET_NAME_MAC: 'x' }, undefined, [], 'would stop'],
    ['it goes by the name', { INTERFACE: 'eno2' }, undefined, [], 'goes by INTERFACE'],
    ['no port has the address', { ID_NET_NAME_MAC: '*2' }, '52:54:00:00:00:09', [], 'no port with the address'],
    [
      'two have it',
      { ID_NET_NAME_MAC: '*2' },
      undefined,
      [{ name: 'eno3', mac: '52:54:00:00:00:02' }],
      'eno2 and eno3 have the same address',
    ],
    ['it is empty', {}, undefined, [], 'the filter is empty'],
  ])('is refused where %s', (_, filter, mac, more, fault) => expect(port(filter, mac, more).join('\n')).toContain(fault));
});

describe('stamps', () => {
  it('begin alike, and as no id of a table on the machine does, be it that of an MBR', () => {
    const bytes = ['deadbeef', '00000000', 'cafe0001', '12345678'].map((hex) => Buffer.from(hex, 'hex'));
    const random = { ...systemRandom, bytes: () => bytes.shift() ?? Buffer.alloc(4) };
    const report = reportOf({
      disks: [
        { name: 'sda', table: 'deadbeef' },
        { name: 'sdb', table: 'CAFE0001-aaaa-4aaa-8aaa-000000000001' },
      ],
    });
    const made = makeStamps({ count: 3, taken: tableIds(report, udevOf(report)?.block ?? {}), random });
    expect(made.selection).toEqual({ filter: { ID_PART_TABLE_UUID: '12345678-*' }, 'filter-match': 'any' });
    expect(new Set(made.stamps).size).toBe(3);
    for (const guid of made.stamps) expect(guid).toMatch(/^12345678-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('are not made where chance always gives the same', () => {
    const random = { ...systemRandom, bytes: () => Buffer.from('deadbeef', 'hex') };
    expect(() => makeStamps({ count: 1, taken: ['deadbeef'], random })).toThrow('are taken on this machine');
  });
});

describe('a serial number instead of a stamp', () => {
  const serial = (disks: DiskWords[]) => {
    const report = reportOf({ disks });
    const disk = machineDisks(report).find(({ kernelName }) => kernelName === '/dev/sda');
    if (disk === undefined) throw new Error('there is no sda');
    return { disk, found: serialSelection(disk, udevOf(report)?.block ?? {}) };
  };

  it('names one disk, with characters of patterns in brackets', () => {
    const disks = [
      { name: 'sda', serial: 'S[1]*?' },
      { name: 'sdb', serial: 'S1xx' },
    ];
    const { found } = serial(disks);
    expect(found).toEqual({ selection: { filter: { ID_SERIAL_SHORT: 'S[[]1[]][*][?]' }, 'filter-match': 'any' }, stamps: null });
    if ('refused' in found) throw new Error(found.refused);
    const ask = { selection: found.selection, stamps: null, expected: [refOf({ name: 'sda', serial: 'S[1]*?' })] };
    expect(proveSelection(askOf({ disks }, ask))).toEqual([]);
  });

  it('is refused where another disk has it, and where there is none', () => {
    const twins = [
      { name: 'sda', serial: 'SAME', wwn: '0x1' },
      { name: 'sdb', serial: 'SAME', wwn: '0x2' },
    ];
    expect(serial(twins).found).toEqual({ refused: expect.stringContaining('no serial number of its own') as unknown });
    expect(serial([{ name: 'sda', wwn: '0x1' }]).found).toHaveProperty('refused');
  });
});

// ---- machines by chance ---------------------------------------------------------------------------------------------------------------

const SERIALS = ['S1', 'S2', 'S3', 'S[1]', 'S*', null];
const TABLES = [undefined, 'deadbeef', '11111111', '11111111-aaaa-4aaa-8aaa-000000000001', '22222222-aaaa-4aaa-8aaa-000000000001'];
const anyDisk = fc.record({
  serial: fc.constantFrom(...SERIALS),
  wwn: fc.constantFrom('0x1', '0x2', '0x3', null),
  gb: fc.constantFrom(100, 105, 200, 4000),
  table: fc.constantFrom(...TABLES),
  isMedium: fc.constantFrom(false, false, false, true),
  transport: fc.constantFrom('ata', 'ata', 'usb'),
});
const anyMachine = fc.array(anyDisk, { minLength: 1, maxLength: 13 });
const PATTERNS = ['*', 'S*', 'S1', 'S[1]', 'S[[]1[]]', '11111111*', '11111111-*', '[0-9]*', '?*', 'deadbeef'];
const KEYS = ['ID_PART_TABLE_UUID', 'ID_SERIAL_SHORT', 'ID_WWN', 'ID_SERIAL', 'DEVNAME'];
const anySelection = fc.oneof(
  fc.record({
    filter: fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...PATTERNS), { minKeys: 1, maxKeys: 2 }),
    'filter-match': fc.constantFrom('any', 'all'),
  }),
  fc.record({ 'disk-list': fc.uniqueArray(fc.constantFrom('sda', 'sdb', 'sdc', 'sdz'), { minLength: 1, maxLength: 3 }) }),
);

/** Of up to 13 disks, for four starts. */
const anyOrders = fc.array(fc.array(fc.nat(), { minLength: 13, maxLength: 13 }), { minLength: 4, maxLength: 4 });

const nameAt = (at: number): string => `sd${String.fromCharCode(97 + at)}`;

/** The same machine with its disks under other names, as after another start. */
function shuffled(disks: readonly Omit<DiskWords, 'name'>[], order: readonly number[]): DiskWords[] {
  const places = disks.map((_, at) => order[at] ?? at);
  const ranks = places.map((place, at) => ({ place, at })).sort((a, b) => a.place - b.place || a.at - b.at);
  return disks.map((disk, at) => ({ ...disk, name: nameAt(ranks.findIndex((rank) => rank.at === at)) }));
}

function selectedSerials(disks: readonly DiskWords[], selection: ProofAsk['selection'], filesystem: Filesystem): string[] | null {
  const block = udevOf(reportOf({ disks }))?.block ?? {};
  const found = selectDisks({ selection, filesystem, disks: listedDisks(block) });
  if ('fault' in found) return null;
  return found.selected.map((name) => JSON.stringify(refOf(disks.find((disk) => disk.name === name) ?? { name })));
}

describe('whatever the machine', () => {
  it('what is proven is what the installer selects, under any names; else there is a fault', () => {
    let proven = 0;
    const given = fc.tuple(anyMachine, anySelection, fc.constantFrom<Filesystem>('zfs', 'btrfs', 'ext4', 'xfs'), anyOrders, fc.nat());
    fc.assert(
      fc.property(given, ([disks, selection, filesystem, orders, subset]) => {
        const now = shuffled(disks, []);
        const selected = selectedSerials(now, selection, filesystem) ?? [];
        const isMeant = (disk: DiskWords, at: number): boolean =>
          subset % 2 === 0 ? selected.includes(JSON.stringify(refOf(disk))) : ((subset >> at) & 1) === 1;
        const expected = now.filter(isMeant).map(refOf);
        const raid = expected.length === 1 ? 'single' : 'raid0';
        const found = proveSelection(askOf({ disks: now }, { selection, filesystem, raid, expected }));
        if (found.length > 0) return;
        proven += 1;
        const wanted = expected.map((ref) => JSON.stringify(ref)).sort();
        for (const order of orders) {
          const later = shuffled(disks, order);
          expect(selectedSerials(later, selection, filesystem)?.sort()).toEqual(wanted);
        }
      }),
      { numRuns: 2000 },
    );
    expect(proven).toBeGreaterThan(20); // about fifty, by the seed
  });

  it('the disks that are chosen and stamped are those that the installer selects, or there is a fault', () => {
    let proven = 0;
    fc.assert(
      fc.property(anyMachine, fc.constantFrom<Filesystem>('zfs', 'ext4'), anyOrders, (disks, filesystem, orders) => {
        const words = shuffled(disks, []);
        const report = reportOf({ disks: words });
        const choice = chooseSystemDisks({
          disks: machineDisks(report),
          wanted: { ...DEFAULT_SYSTEM_DISKS, filesystem },
          bootMode: 'uefi',
        });
        if (choice.problem !== null) return;
        const made = makeStamps({ count: choice.disks.length, taken: tableIds(report, udevOf(report)?.block ?? {}), random: systemRandom });
        const stampOf = new Map(choice.disks.map(({ kernelName }, at) => [kernelName.replace('/dev/', ''), made.stamps[at]]));
        const stamped = words.map((disk) => {
          const table = stampOf.get(disk.name);
          return table === undefined ? disk : { ...disk, table };
        });
        const expected = choice.disks.map(({ serial, wwn, size, byPath, title }) => ({ serial, wwn, size, byPath, title }));
        const ask = { selection: made.selection, filesystem, raid: choice.raid, expected, stamps: made.stamps };
        expect(proveSelection(askOf({ disks: stamped }, ask))).toEqual([]);
        proven += 1;
        const later = shuffled(stamped, orders[0] ?? []);
        const selected = selectedSerials(later, made.selection, filesystem);
        expect(selected?.sort()).toEqual(
          stamped
            .filter(({ name }) => stampOf.has(name))
            .map((disk) => JSON.stringify(refOf(disk)))
            .sort(),
        );
      }),
      { numRuns: 500 },
    );
    expect(proven).toBeGreaterThan(100);
  });
});
