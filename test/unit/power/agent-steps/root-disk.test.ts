import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { chooseRootDisk, hintsRefusal, refForWriting } from '../../../../src/power/agent-steps/root-disk-decide.ts';
import type { SeenDisk } from '../../../../src/power/agent-steps/seen-disks.ts';

const GIB = 2 ** 30;

const disk = (fields: Partial<SeenDisk>): SeenDisk => ({
  name: '/dev/sda',
  model: 'Samsung SSD 870',
  vendor: 'ATA',
  serial: 'S1',
  wwn: null,
  wwnWithExtension: null,
  wwnVendorExtension: null,
  hctl: '0:0:0:0',
  byPath: '/dev/disk/by-path/pci-0-ata-1',
  size: 500 * GIB,
  isRotational: false,
  isRemovable: false,
  isReadOnly: false,
  isUsb: false,
  isBlank: null,
  holds: [],
  ...fields,
});

const small = disk({ name: '/dev/sdb', serial: 'S2', size: 100 * GIB, model: 'Kingston A400', hctl: '1:0:0:0' });
const spinning = disk({ name: '/dev/sdc', serial: 'S3', size: 4000 * GIB, isRotational: true, model: 'WDC Red Plus', vendor: 'WD' });
const DISKS = [disk({}), small, spinning];

const chosen = (hints: JsonObject | undefined, disks = DISKS, plan: readonly SeenDisk[] = []): string => {
  const choice = chooseRootDisk(disks, { hints, plan });
  return 'disk' in choice ? (choice.disk.serial ?? '') : choice.refused;
};

describe('the disk for the system', () => {
  it.each<[JsonObject, string]>([
    [{ serial: 's3' }, 'S3'],
    [{ serial: 's== S3' }, 'S3'],
    [{ size: 100 }, 'S2'],
    [{ size: '== 500' }, 'S1'],
    [{ size: '>= 501' }, 'S3'],
    [{ size: '= 501' }, 'S3'],
    [{ size: '< 200' }, 'S2'],
    [{ size: '<or> 7 <or> 100' }, 'S2'],
    [{ rotational: true }, 'S3'],
    [{ rotational: 'yes' }, 'S3'],
    [{ model: '<in> a400' }, 'S2'],
    [{ model: '<all-in> wdc plus' }, 'S3'],
    [{ model: '<or> nothing <or> Kingston%20A400' }, 'S2'],
    [{ vendor: 's!= ata' }, 'S3'],
    [{ hctl: '1:0:0:0' }, 'S2'],
    [{ name: '/dev/sdc' }, 'S3'],
    [{ rotational: false, size: '> 200' }, 'S1'],
  ])('is found by the hints %j', (hints, serial) => {
    expect(chosen(hints)).toBe(serial);
  });

  it('is the smallest of at least 4 GiB without hints', () => {
    expect(chosen(undefined)).toBe('S2');
    expect(chosen(undefined, [disk({ size: 3 * GIB, serial: 'tiny' }), ...DISKS])).toBe('S2');
    expect(chosen({}, [disk({ size: 8 * GIB, serial: 'stick', isRemovable: true }), ...DISKS])).toBe('S2');
  });

  it('is refused with the candidates where hints fit several, or two are equally small', () => {
    expect(chosen({ vendor: 'ata' })).toMatch(/^2 disks are what the root device hints .* ask for: .*S1.*; .*S2/);
    const twin = disk({ ...small, serial: 'S9', name: '/dev/sdd' });
    expect(chosen(undefined, [...DISKS, twin])).toMatch(/^2 disks are the smallest disk of at least 4 GiB: .*S2.*; .*S9/);
  });

  it('is the one of several that the plan names', () => {
    const twin = disk({ ...small, serial: 'S9', name: '/dev/sdd' });
    expect(chosen(undefined, [...DISKS, twin], [twin])).toBe('S9');
    expect(chosen({ vendor: 'ata' }, DISKS, [small])).toBe('S2');
  });

  it('is refused where nothing fits, with what there is', () => {
    expect(chosen({ serial: 'nobody' })).toMatch(/^no disk of this machine is what .* there are: .*S1.*S2.*S3/);
    expect(chosen(undefined, [])).toContain('it has no disks');
    expect(chosen({ wwn: '0x5' })).toContain('no disk of this machine');
  });

  it('takes no hint that it does not know', () => {
    expect(hintsRefusal({ colour: 'red' })).toContain('root_device has the hint colour');
    expect(hintsRefusal({ size: '>= large' })).toContain('needs a number');
    expect(hintsRefusal({ rotational: 'perhaps' })).toContain('neither true nor false');
    expect(hintsRefusal('sda')).toContain('no object');
    expect(hintsRefusal({ size: '>= 40', serial: 'x' })).toBeNull();
  });
});

describe('a disk is written', () => {
  const planned = { serial: 'S2', wwn: null, size: 100 * GIB, byPath: null, expects: ['table gpt x'], title: 'the small one' };

  it('when the plan names it: with what was agreed to be on it', () => {
    const found = refForWriting(small, [planned], undefined);
    expect('ref' in found && found.ref.expects).toEqual(['table gpt x']);
    const standing = refForWriting(small, [{ ...planned, expects: null }], undefined);
    expect('ref' in standing && standing.ref.expects).toBeNull();
  });

  it('when it is blank, or was written by this work', () => {
    const blank = refForWriting({ ...small, isBlank: true }, [], undefined);
    expect('ref' in blank && blank.ref.expects).toEqual([]);
    const written = { ...small, isBlank: false };
    const ours = refForWriting(written, [], { disk: written, holds: null });
    expect('ref' in ours && ours.ref.expects).toBeNull();
    const told = refForWriting(written, [], { disk: written, holds: ['table gpt x'] });
    expect('ref' in told && told.ref.expects).toEqual(['table gpt x']);
  });

  it('never whatever it holds when it has no name of its own, be it written by this work', () => {
    const nameless = { ...small, serial: null, wwn: null, isBlank: false };
    expect(refForWriting(nameless, [], { disk: nameless, holds: null })).toHaveProperty('refused');
    const told = refForWriting(nameless, [], { disk: nameless, holds: ['table gpt x'] });
    expect('ref' in told && told.ref.expects).toEqual(['table gpt x']);
  });

  it('is not taken for another one of the same title', () => {
    const other = { ...small, wwn: '0xb' };
    expect(refForWriting(other, [], { disk: { ...small, wwn: '0xa' }, holds: null })).toHaveProperty('refused');
  });

  it('never when it holds something that nobody said yes to, or that nobody knows', () => {
    expect(refForWriting({ ...small, isBlank: false, holds: ['pool rpool of host pve1'] }, [], undefined)).toEqual({
      refused: expect.stringContaining('pool rpool of host pve1') as string,
    });
    expect(refForWriting(small, [], undefined)).toEqual({ refused: expect.stringContaining('nobody knows what is on it') as string });
    expect(refForWriting(small, [{ ...planned, size: 7 }], undefined)).toHaveProperty('refused');
  });
});
