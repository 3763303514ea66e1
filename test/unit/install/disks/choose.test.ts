// Which disks a system goes to, and why not to the others.

import { describe, expect, it } from 'vitest';
import {
  bootModeOf,
  chooseSystemDisks,
  DEFAULT_SYSTEM_DISKS,
  machineDisks,
  systemDisksOf,
  withinPlan,
} from '../../../../src/install/index.ts';
import { type DiskWords, reportOf } from './machines.ts';

type Wish = Partial<typeof DEFAULT_SYSTEM_DISKS>;

function choose(disks: readonly DiskWords[], wish: Wish = {}, bootMode: 'bios' | 'uefi' = 'uefi') {
  const report = reportOf({ disks, bootMode });
  return chooseSystemDisks({ disks: machineDisks(report), wanted: { ...DEFAULT_SYSTEM_DISKS, ...wish }, bootMode: bootModeOf(report) });
}
const chosen = (...args: Parameters<typeof choose>) => choose(...args).disks.map(({ serial }) => serial);
const whyNot = (serial: string, ...args: Parameters<typeof choose>) =>
  choose(...args).verdicts.find(({ disk }) => disk.serial === serial && !disk.isAmbiguous)?.why;

const pair = (gb: number, ...names: [string, string]): DiskWords[] => names.map((name) => ({ name, serial: name.toUpperCase(), gb }));

describe('by default', () => {
  it('a mirror goes to the two smallest equal disks, whatever the kernel calls them', () => {
    const disks = [{ name: 'sda', serial: 'LONE', gb: 100 }, ...pair(4000, 'sdb', 'sdc'), ...pair(250, 'sdd', 'sde')];
    expect(choose(disks)).toMatchObject({ raid: 'raid1', problem: null });
    expect(chosen(disks)).toEqual(['SDD', 'SDE']);
    const renamed = disks.map((disk, at) => ({ ...disk, name: `sd${'zyxwv'[at]}` }));
    expect(chosen(renamed)).toEqual(['SDD', 'SDE']);
  });

  it('takes disks that differ by a tenth at most where no two are equal, and one disk where they differ by more', () => {
    const sized = (first: number, second: number) => [
      { name: 'sda', serial: 'A', bytes: first },
      { name: 'sdb', serial: 'B', bytes: second },
    ];
    expect(chosen(sized(500e9, 550e9))).toEqual(['A', 'B']);
    const single = choose(sized(500e9, 550e9 + 1));
    expect(single).toMatchObject({
      raid: 'single',
      why: 'the system goes there: the smallest disk that is large enough, and no two are equal',
    });
    expect(single.disks.map(({ serial }) => serial)).toEqual(['A']);
  });

  it('prefers equal disks to nearly equal ones, then blank ones, then those of one model', () => {
    const [a, b, c] = [
      { name: 'sda', serial: 'A', gb: 240 },
      { name: 'sdb', serial: 'B', gb: 250 },
      { name: 'sdc', serial: 'C', gb: 250 },
    ];
    expect(chosen([a, b, c])).toEqual(['B', 'C']);
    const four = ['A', 'B', 'C', 'D'].map((serial, at) => ({ name: `sd${'abcd'[at]}`, serial, model: at % 2 === 0 ? 'even' : 'odd' }));
    expect(chosen(four)).toEqual(['A', 'C']);
    const used = four.map((disk, at) => ({ ...disk, isBlank: at !== 2 }));
    expect(chosen(used)).toEqual(['B', 'D']);
    expect(chosen(used.map((disk) => ({ ...disk, isBlank: disk.serial === 'A' || disk.serial === 'D' })))).toEqual(['A', 'D']);
  });

  it('says of every disk why it was taken or not', () => {
    const verdicts = choose([...pair(250, 'sda', 'sdb'), { name: 'sdc', serial: 'BIG', gb: 4000 }]).verdicts;
    expect(verdicts.map(({ disk, isChosen, why }) => [disk.serial, isChosen, why])).toEqual([
      ['SDA', true, 'the mirror of the system goes there: the two smallest equal disks'],
      ['SDB', true, 'the mirror of the system goes there: the two smallest equal disks'],
      ['BIG', false, 'it would do, but others suit better'],
    ]);
  });
});

describe('no system goes to', () => {
  const beside = pair(500, 'sdx', 'sdy');
  it.each<[string, Omit<DiskWords, 'serial'>, string]>([
    ['a stick', { name: 'sda', transport: 'usb' }, 'it is removable or on USB'],
    ['a card', { name: 'sda', removable: true }, 'it is removable or on USB'],
    ['a disk that takes no writes', { name: 'sda', readOnly: true }, 'it is read-only'],
    ['a disk with a CD image', { name: 'sda', isMedium: true }, 'it is a boot medium'],
    ['a loop device', { name: 'loop0' }, 'it is no disk of the machine'],
    ['an optical drive', { name: 'sr0' }, 'it is no disk of the machine'],
    ['an eMMC chip', { name: 'mmcblk0' }, 'makes no partitions on a disk that the kernel calls mmcblk0'],
    ['a small disk', { name: 'sda', bytes: 8 * 2 ** 30 - 512 }, 'it is too small'],
  ])('%s', (_, words, why) => {
    const disk = { gb: 100, ...words, serial: 'S' };
    expect(whyNot('S', [disk, ...beside])).toContain(why);
    expect(chosen([disk, ...beside])).toEqual(['SDX', 'SDY']);
    expect(choose([disk])).toMatchObject({ disks: [], problem: expect.stringContaining(why) as unknown });
  });

  it('a disk that another one has the names of, as one behind two paths', () => {
    const twice = ['sda', 'sdb'].map((name) => ({ name, serial: 'LUN', wwn: '0x5', gb: 100 }));
    const { disks, verdicts } = choose([...twice, ...beside]);
    expect(disks.map(({ serial }) => serial)).toEqual(['SDX', 'SDY']);
    expect(verdicts[0]?.why).toContain('one disk behind two paths');
  });

  it('a disk with sectors of 4096 bytes where the machine starts by legacy BIOS', () => {
    const wide = [{ name: 'sda', serial: 'W', sector: 4096 }];
    expect(chosen(wide)).toEqual(['W']);
    expect(choose(wide, {}, 'bios').problem).toContain('4Kn');
    expect(chosen([{ name: 'sda', serial: 'W', sector: 512 }], {}, 'bios')).toEqual(['W']);
  });
});

describe('a profile', () => {
  const many = (count: number): DiskWords[] =>
    Array.from({ length: count }, (_, at) => ({ name: `sd${String.fromCharCode(97 + at)}`, serial: `S${at}` }));

  it.each([
    ['single', 1],
    ['raid0', 2],
    ['raid1', 2],
    ['raid10', 4],
    ['raidz-1', 3],
    ['raidz-2', 4],
    ['raidz-3', 5],
  ] as const)('takes for %s the %i disks that it needs, and refuses fewer', (raid, count) => {
    expect(choose(many(8), { raid })).toMatchObject({ raid, problem: null });
    expect(chosen(many(8), { raid })).toHaveLength(count);
    expect(choose(many(count - 1), { raid }).disks).toEqual([]);
    expect(choose(many(count - 1), { raid }).problem).not.toBeNull();
  });

  it('takes as many as it says, where the level takes so many', () => {
    expect(chosen(many(8), { raid: 'raidz-1', count: 6 })).toHaveLength(6);
    expect(choose(many(8), { count: 3 })).toMatchObject({ raid: 'raid1', problem: null });
    expect(choose(many(8), { count: 1 })).toMatchObject({ raid: 'single' });
    expect(choose(many(1), { count: 2 }).problem).toBe('1 of its disks fits, and raid1 takes 2');
    expect(choose(many(8), { raid: 'raid10', count: 5 }).problem).toContain('even number');
    expect(choose(many(8), { raid: 'raidz-2', count: 3 }).problem).toContain('at least 4');
    expect(choose(many(8), { raid: 'single', count: 2 }).problem).toContain('one disk');
  });

  it('with ext4 or xfs has one disk, and btrfs no RAID-Z', () => {
    for (const filesystem of ['ext4', 'xfs'] as const) {
      expect(choose(many(3), { filesystem })).toMatchObject({ raid: 'single', disks: [{ serial: 'S0' }] });
      expect(choose(many(3), { filesystem, raid: 'raid1' }).problem).toContain(`${filesystem} can not be installed as raid1`);
      expect(choose(many(3), { filesystem, count: 2 }).problem).toContain('takes one disk, not 2');
    }
    expect(choose(many(3), { filesystem: 'btrfs' }).raid).toBe('raid1');
    expect(choose(many(8), { filesystem: 'btrfs', raid: 'raidz-1' }).problem).toContain('single, raid0, raid1, raid10');
  });

  it('names sizes, models, serials and kinds', () => {
    const disks: DiskWords[] = [
      { name: 'sda', serial: 'H1', gb: 100, rotational: true, model: 'Seagate' },
      { name: 'sdb', serial: 'S1', gb: 200, model: 'Samsung SSD 870' },
      { name: 'nvme0n1', serial: 'N1', gb: 300, transport: 'nvme', model: 'Samsung SSD 980 PRO' },
      { name: 'vda', serial: 'V1', gb: 400, rotational: true, transport: 'virtio' },
    ];
    expect(chosen(disks, { kind: 'hdd' })).toEqual(['H1']);
    expect(chosen(disks, { kind: 'ssd' })).toEqual(['S1']);
    expect(chosen(disks, { kind: 'nvme' })).toEqual(['N1']);
    expect(chosen(disks, { minGb: 300 })).toEqual(['N1']);
    expect(chosen(disks, { minGb: 101, maxGb: 250 })).toEqual(['S1']);
    expect(chosen(disks, { models: ['samsung*9*'] })).toEqual(['N1']);
    expect(chosen(disks, { models: ['*pro'] })).toEqual(['N1']);
    expect(chosen(disks, { models: ['Samsung'] })).toEqual([]);
    expect(chosen(disks, { serials: ['n1', 'v*'] })).toEqual(['N1']);
    expect(whyNot('H1', disks, { kind: 'ssd' })).toBe('it is no ssd, as the profile wants');
    expect(choose(disks, { minGb: 5000 }).problem).toMatch(/^no disk fits \(Seagate, 100 GB \(serial H1\): it is smaller than/);
  });

  it('without system_disks is the default, and what its table leaves out is not asked for', () => {
    expect(systemDisksOf(undefined)).toBe(DEFAULT_SYSTEM_DISKS);
    const table = { filesystem: 'xfs', raid: 'auto', models: [], serials: [], kind: 'any', min_gb: 7 } as const;
    expect(systemDisksOf(table)).toEqual({ ...DEFAULT_SYSTEM_DISKS, filesystem: 'xfs', minGb: 7 });
  });

  it('says that the machine has no disks', () => expect(choose([]).problem).toBe('the machine has no disks'));
});

it('what was chosen is refused where the wipe plan does not allow it', () => {
  const report = reportOf({ disks: pair(500, 'sda', 'sdb') });
  const disks = machineDisks(report);
  const ref = (serial: string) => ({ serial, wwn: null, size: 500e9, byPath: null, title: serial });
  expect(withinPlan(disks, [ref('SDB'), ref('SDA'), ref('OTHER')])).toEqual({ refs: [ref('SDA'), ref('SDB')] });
  expect(withinPlan(disks, [ref('SDA')])).toEqual({
    refused: 'the wipe plan that was approved does not hold SSD, 500 GB (serial SDB)',
  });
});
