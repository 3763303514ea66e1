// Which disks a yes allows to erase: golden texts, and what makes a plan another one.

import { describe, expect, it } from 'vitest';
import { disksOf } from '../../../src/enrol/disks-decide.ts';
import {
  linesOf,
  type PlanAsk,
  type PlanProfile,
  planDifference,
  planHash,
  planTrouble,
  proposePlan,
  type UsedPlan,
} from '../../../src/enrol/wipe-plan-decide.ts';
import { containing } from '../../support/containing.ts';
import { CEPH, type DiskWords, report, signature, WINDOWS, ZFS } from './machines.ts';

const IMAGE = { name: 'web', os: 'image', wipe: 'os' } as const satisfies PlanProfile;
const PVE = { name: 'pve', os: 'proxmox', wipe: 'os' } as const satisfies PlanProfile;
const BLANK = null;

function plan(disks: readonly DiskWords[], profile: PlanProfile | null = IMAGE, more: Partial<PlanAsk> = {}) {
  const found = disksOf(report({ disks }));
  return proposePlan({ disks: found, profile, hints: { none: true }, said: [], overwritesFilesystems: false, ...more });
}
const lines = (...args: Parameters<typeof plan>): string[] => linesOf(plan(...args));

describe('a disk image', () => {
  it('goes to the smallest internal disk that is large enough, and keeps the others', () =>
    expect(
      lines([
        { serial: 'BIG', gb: 4000, holds: BLANK },
        { serial: 'SMALL', gb: 250, holds: BLANK },
        { serial: 'STICK', gb: 16, holds: BLANK, transport: 'usb', removable: true },
        { serial: 'TINY', gb: 2, holds: BLANK },
      ]),
    ).toEqual([
      'erases SSD, 250 GB (serial SMALL): blank; the system goes there: it is the smallest disk that is large enough',
      'keeps SSD, 2 GB (serial TINY): blank; the system does not go there',
      'keeps SSD, 16 GB (serial STICK): blank; it is removable, external or read-only',
      'keeps SSD, 4 TB (serial BIG): blank; the system does not go there',
    ]));

  it('of equal disks takes the one on which least is lost', () =>
    expect(
      plan([
        { serial: 'A', holds: ZFS },
        { serial: 'B', holds: BLANK },
      ]).disks.map(({ serial }) => serial),
    ).toEqual(['B']));

  it('goes to the disk that root device hints name, or to none', () => {
    const disks = [
      { serial: 'A', gb: 250, holds: BLANK },
      { serial: 'B', holds: BLANK },
    ];
    const named = { disk: { serial: 'B', wwn: null, size: 500e9, byPath: null }, text: 'serial = B' };
    expect(lines(disks, IMAGE, { hints: named })[0]).toBe(
      'erases SSD, 500 GB (serial B): blank; the system goes there, by the root device hints (serial = B)',
    );
    expect(lines(disks, IMAGE, { hints: { refusal: 'two disks are as the hints say: A, B' } })).toEqual([
      'keeps SSD, 250 GB (serial A): blank; the system does not go there',
      'keeps SSD, 500 GB (serial B): blank; the system does not go there',
      'lacks: two disks are as the hints say: A, B',
      'erases nothing',
    ]);
  });

  it('says what is lacking when no disk is large enough', () =>
    expect(plan([{ serial: 'TINY', gb: 2, holds: BLANK }])).toMatchObject({ disks: [], problem: 'no internal disk of at least 4.3 GB' }));
});

describe('Proxmox', () => {
  it('goes to the two smallest equal disks', () =>
    expect(
      plan(
        [
          { serial: 'LONE', gb: 100, holds: BLANK },
          { serial: 'D1', gb: 1000, holds: BLANK },
          { serial: 'M2', gb: 250, holds: BLANK },
          { serial: 'M1', gb: 250, holds: BLANK },
          { serial: 'D2', gb: 1000, holds: BLANK },
        ],
        PVE,
      ).disks.map(({ serial }) => serial),
    ).toEqual(['M1', 'M2']));

  it('goes to one disk where no two are equal', () =>
    expect(
      lines(
        [
          { serial: 'A', gb: 250, holds: BLANK },
          { serial: 'B', holds: BLANK },
        ],
        PVE,
      )[0],
    ).toContain('and no two are equal'));
});

describe('what somebody may miss', () => {
  it.each([
    ['a ZFS pool', ZFS, 'it holds pool tank (guid 77) of host nas'],
    ['a Ceph OSD', CEPH, 'it holds OSD 3 of Ceph cluster 1f2e'],
    ['a physical volume', { signatures: [signature('lvm', 'volume group data (lv1, lv2)')] }, 'it holds volume group data (lv1, lv2)'],
    ['a RAID member', { signatures: [signature('md', 'RAID1 array nas:0')] }, 'it holds RAID1 array nas:0'],
    ['an encrypted volume', { signatures: [signature('luks', 'LUKS2')] }, 'it holds LUKS2'],
    ['a Proxmox installation', { system: 'Proxmox VE on pool rpool of host pve1' }, 'it holds Proxmox VE on pool rpool of host pve1'],
    ['a file system', WINDOWS, 'it holds NTFS "Windows"'],
    ['bytes that nobody knows', {}, 'it is not empty, and what is on it is not recognised'],
    ['what can not be read', { unread: 'I/O error at 4096' }, 'it could not be read in full: I/O error at 4096'],
    ['what nobody has read', undefined, 'what is on it is not known: the agent that reported it does not read disks'],
  ])('is refused, in words, until there is a yes to the serial number: %s', (_, holds, why) => {
    const disk = { serial: 'S1', ...(holds === undefined ? {} : { holds }) };
    const refused = plan([disk]);
    expect(refused).toMatchObject({ disks: [], refused: [{ name: 'S1', isNeeded: true }] });
    expect(refused.refused[0]?.why).toBe(`${why} (the system goes there: it is the smallest disk that is large enough)`);
    expect(linesOf(refused)[0]).toContain('say yes to it by --wipe-serial S1');
    expect(plan([disk], IMAGE, { said: ['S1'] })).toMatchObject({ disks: [{ serial: 'S1' }], refused: [] });
  });

  it('is not a swap space, an EFI partition or an empty table', () => {
    const cheap = { ...WINDOWS, partitions: WINDOWS.partitions.slice(0, 2), signatures: [signature('swap', 'swap')] };
    expect(lines([{ serial: 'S1', holds: cheap }])[0]).toContain('erases SSD, 500 GB (serial S1): swap');
    expect(plan([{ serial: 'S1', holds: { ...WINDOWS, signatures: [] } }]).refused[0]?.why).toContain(
      'what is in partition 3 is not recognised',
    );
  });

  it('is given up by a rule only where it is a file system', () => {
    const rule = { overwritesFilesystems: true };
    expect(plan([{ serial: 'S1', holds: WINDOWS }], IMAGE, rule).disks).toHaveLength(1);
    for (const holds of [ZFS, CEPH, { system: 'Proxmox VE' }, {}]) expect(plan([{ serial: 'S1', holds }], IMAGE, rule).disks).toEqual([]);
  });

  it('is left alone on disks that nobody wants', () =>
    expect(
      lines([
        { serial: 'S1', gb: 250, holds: BLANK },
        { serial: 'OSD', gb: 4000, holds: CEPH },
      ]),
    ).toEqual([
      'erases SSD, 250 GB (serial S1): blank; the system goes there: it is the smallest disk that is large enough',
      'keeps SSD, 4 TB (serial OSD): OSD 3 of Ceph cluster 1f2e; the system does not go there',
    ]));

  it('is refused, and not needed, where the profile takes all disks', () => {
    const all = { ...IMAGE, wipe: 'all' } as const;
    const found = plan(
      [
        { serial: 'S1', gb: 250, holds: BLANK },
        { serial: 'D1', holds: BLANK },
        { serial: 'OSD', gb: 4000, holds: CEPH },
      ],
      all,
    );
    expect(found.disks.map(({ serial }) => serial)).toEqual(['S1', 'D1']);
    expect(found.refused).toMatchObject([{ name: 'OSD', isNeeded: false }]);
  });
});

describe('which disk is meant', () => {
  it('is refused where two can not be told apart, and no yes helps', () => {
    const twins = [
      { serial: 'SAME', holds: BLANK },
      { serial: 'SAME', holds: BLANK },
    ];
    expect(plan(twins, IMAGE, { said: ['SAME'] })).toMatchObject({ disks: [], refused: [{ name: null }, { name: null }] });
  });

  it('is not said by a serial number that several disks have: a yes to it erases none of them', () => {
    const namespaces = [
      { serial: 'SYS', gb: 250, holds: BLANK },
      { serial: 'NVME', gb: 500, holds: ZFS },
      { serial: 'NVME', gb: 4000, holds: CEPH },
    ];
    const shared = 'other disks of the machine have its serial number too, so that no yes can mean it alone';
    const found = plan(namespaces, IMAGE, { said: ['NVME'] });
    expect(found.disks.map(({ serial }) => serial)).toEqual(['SYS']);
    expect(found.refused).toMatchObject([
      { name: null, isNeeded: false, why: containing(shared) },
      { name: null, isNeeded: false, why: containing(shared) },
    ]);
    expect(lines(namespaces.slice(1))[0]).toBe(
      'refuses SSD, 500 GB (serial NVME, at an unknown slot): it holds pool tank (guid 77) of host nas; ' +
        `${shared} (the system goes there: it is the smallest disk that is large enough)`,
    );
  });

  it('is said by the WWN where several disks have the serial number, and shown by it', () => {
    const halves = [
      { serial: 'DUAL', wwn: '0x5a', holds: ZFS },
      { serial: 'DUAL', wwn: '0x5b', holds: CEPH },
    ];
    expect(lines(halves)).toEqual([
      expect.stringMatching(/^refuses SSD, 500 GB \(serial DUAL, WWN 0x5a\): .*; say yes to it by --wipe-serial 0x5a$/),
      'keeps SSD, 500 GB (serial DUAL, WWN 0x5b): OSD 3 of Ceph cluster 1f2e; the system does not go there',
      'erases nothing',
    ]);
    expect(plan(halves, IMAGE, { said: ['0x5a'] })).toMatchObject({ disks: [{ serial: 'DUAL', wwn: '0x5a' }], refused: [] });
  });

  it('is said by neither where the WWN is that of several disks too', () => {
    const volumes = [
      { serial: 'RAID', wwn: '0x6c', gb: 250, holds: ZFS },
      { serial: 'RAID', wwn: '0x6c', gb: 500, holds: CEPH },
    ];
    for (const said of [[], ['RAID'], ['0x6c']])
      expect(plan(volumes, IMAGE, { said })).toMatchObject({
        disks: [],
        refused: [{ name: null, why: containing('have its serial number and its WWN too') }, ...(said.length > 0 ? [{ name: null }] : [])],
      });
  });

  it('is told by its slot where nothing is printed on it', () => {
    const bare = [
      { byPath: '/dev/disk/by-path/a', holds: BLANK },
      { byPath: '/dev/disk/by-path/b', gb: 500, holds: BLANK },
    ];
    expect(plan(bare).disks).toMatchObject([{ serial: null, wwn: null, byPath: '/dev/disk/by-path/a' }]);
  });

  it('does not follow what the kernel calls it', () => {
    const disks = [
      { serial: 'A', gb: 250, holds: BLANK },
      { serial: 'B', holds: ZFS },
    ];
    expect(planHash(plan(disks))).toBe(planHash(plan(disks.toReversed())));
  });
});

describe('the hash', () => {
  const disks = [
    { serial: 'A', holds: BLANK },
    { serial: 'B', gb: 900, holds: ZFS },
  ];
  const hash = planHash(plan(disks));

  it('is the same for the same machine, and 64 hexadecimal digits', () => {
    expect(planHash(plan(disks))).toBe(hash);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['another disk', [{ serial: 'C', holds: BLANK }, disks[1]]],
    ['a disk more', [...disks, { serial: 'D', gb: 2000, holds: BLANK }]],
    ['another size', [{ serial: 'A', gb: 501, holds: BLANK }, disks[1]]],
    ['something on it', [{ serial: 'A', holds: { table: 'gpt' as const, tableUuid: 'x' } }, disks[1]]],
    ['something else on a disk that is kept', [disks[0], { serial: 'B', gb: 900, holds: CEPH }]],
  ])('is another one with %s', (_, changed) => {
    const after = plan(changed.filter((disk) => disk !== undefined));
    expect(planHash(after)).not.toBe(hash);
    expect(planDifference(plan(disks), after)).toMatch(/^(?:now|no longer): /);
  });

  it('is another one with another profile, and with a yes to a disk', () => {
    expect(planHash(plan(disks, null))).not.toBe(hash);
    expect(planHash(plan(disks, IMAGE, { said: ['B'] }))).not.toBe(hash);
  });
});

describe('a yes that was given', () => {
  const given = plan([{ serial: 'A', holds: { table: 'gpt', tableUuid: 'x' } }]);
  const trouble = (state: 'approved' | 'standing', disks: readonly DiskWords[], use: Partial<UsedPlan> = {}) =>
    planTrouble(state, { ...given, ...use }, disksOf(report({ disks })));
  const UNKNOWN = [{ serial: 'A', holds: {} }];

  it('holds while the disks are the same, and while less is on them', () => {
    for (const state of ['approved', 'standing'] as const) {
      expect(trouble(state, [{ serial: 'A', holds: { table: 'gpt', tableUuid: 'x' } }])).toBeNull();
      expect(trouble(state, [{ serial: 'A', holds: BLANK }])).toBeNull();
    }
  });

  it('is void when a disk is gone or is another one, also when it stands', () => {
    for (const state of ['approved', 'standing'] as const) {
      expect(trouble(state, [])).toBe('SSD, 500 GB (serial A) is no longer in the machine');
      expect(trouble(state, [{ serial: 'A', gb: 600, holds: BLANK }])).toContain('no longer in the machine');
      expect(trouble(state, [{ serial: 'A' }, { serial: 'A' }])).toContain('can no longer be told from another disk');
    }
  });

  it('is void when more is on a disk than was shown, be it bytes that nobody recognises, unless something was begun', () => {
    expect(trouble('approved', [{ serial: 'A', holds: ZFS }])).toBe(
      'SSD, 500 GB (serial A) holds more than when it was approved: pool tank (guid 77) of host nas',
    );
    expect(trouble('approved', UNKNOWN)).toContain('something that is not recognised');
    expect(trouble('approved', UNKNOWN, { begun: true })).toBeNull();
    expect(trouble('approved', UNKNOWN, { ours: [0] })).toBeNull();
    expect(trouble('approved', [{ serial: 'A', holds: ZFS }], { begun: true })).not.toBeNull();
  });

  it('is void when somebody else put something on a disk that we had erased, and not when we deployed it', () => {
    for (const holds of [ZFS, CEPH, WINDOWS, { signatures: [signature('luks', 'LUKS2')] }]) {
      expect(trouble('standing', [{ serial: 'A', holds }])).toContain('holds what was not put there by us since it was erased');
      expect(trouble('standing', [{ serial: 'A', holds }], { deployed: true })).toBeNull();
    }
    expect(trouble('standing', UNKNOWN)).toBeNull();
  });
});
