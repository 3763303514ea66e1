import { describe, expect, it } from 'vitest';
import { CommandRefused } from '../../../../src/agent/commands/types.ts';
import { resolveDisks } from '../../../../src/agent/disks/resolve.ts';
import type { DiskRef } from '../../../../src/inspect/commands.ts';
import type { DiskContents } from '../../../../src/inspect/disk-contents.ts';
import type { Disk } from '../../../../src/inspect/inventory.ts';

const SIZE = 512_110_190_592;

function disk(name: string, over: Partial<Disk> = {}): Disk {
  return {
    name: `/dev/${name}`,
    model: 'SSD 970',
    size: SIZE,
    rotational: false,
    wwn: null,
    serial: name.toUpperCase(),
    vendor: null,
    wwn_with_extension: null,
    wwn_vendor_extension: null,
    hctl: null,
    by_path: null,
    transport: 'nvme',
    removable: false,
    read_only: false,
    ...over,
  };
}

function ref(over: Partial<DiskRef> = {}): DiskRef {
  return { serial: 'SDA', wwn: null, size: SIZE, byPath: null, expects: null, title: 'the disk', ...over };
}

function contents({ name, serial, wwn, size }: Disk, over: Partial<DiskContents> = {}): DiskContents {
  const nothing = { table: null, tableUuid: null, partitions: [], signatures: [], system: null, isBlank: true, unread: null };
  return { name, serial, wwn, size, ...nothing, ...over };
}

interface There {
  readonly disks: readonly Disk[];
  readonly on?: Partial<DiskContents>;
  readonly uses?: readonly (readonly [string, string])[];
  readonly isResumed?: boolean;
}

async function resolved(refs: readonly DiskRef[], { disks, on = {}, uses = [], isResumed = false }: There): Promise<string> {
  try {
    const found = await resolveDisks(refs, {
      disks: async () => disks,
      look: async (one) => contents(one, on),
      uses: async () => new Map(uses),
      isResumed,
    });
    return found.map(({ path }) => path).join(' ');
  } catch (error) {
    if (error instanceof CommandRefused) return `refused: ${error.message}`;
    throw error;
  }
}

describe('a disk that an order names', () => {
  it('is found by serial and size, whatever the kernel calls it in this boot', async () => {
    const disks = [disk('sda', { serial: 'OTHER' }), disk('sdb', { serial: 'SDA' })];
    expect(await resolved([ref()], { disks })).toBe('/dev/sdb');
  });

  it('is found by WWN where two of a batch have one serial', async () => {
    const disks = [disk('sda', { serial: 'X', wwn: '0x1' }), disk('sdb', { serial: 'X', wwn: '0x2' })];
    expect(await resolved([ref({ serial: 'X', wwn: '0x2' })], { disks })).toBe('/dev/sdb');
  });

  it('is refused with what is there when it is not', async () => {
    expect(await resolved([ref({ serial: 'GONE' })], { disks: [disk('sda')] })).toBe(
      'refused: the disk (serial GONE, 512110190592 bytes) is not on this machine; there are: /dev/sda SSD 970 serial SDA 512110190592 bytes',
    );
    expect(await resolved([ref()], { disks: [disk('sda', { size: SIZE - 512 })] })).toContain('is not on this machine');
    expect(await resolved([ref()], { disks: [] })).toContain('which has no disks');
  });

  it('is refused with the candidates when it could be several', async () => {
    const disks = [disk('sda', { serial: 'X' }), disk('sdb', { serial: 'X' })];
    const said = await resolved([ref({ serial: 'X' })], { disks });
    expect(said).toContain('could be any of 2 disks: /dev/sda SSD 970 serial X');
    expect(said).toContain('/dev/sdb');
  });

  it('without a name is known by its place, and a disk with a name is not it', async () => {
    const bare = { serial: null, by_path: '/dev/disk/by-path/pci-0000:00:04.0' };
    const unnamed = ref({ serial: null, byPath: bare.by_path });
    const disks = [disk('vda', bare), disk('vdb', { serial: null, by_path: '/dev/disk/by-path/pci-0000:00:05.0' })];
    expect(await resolved([unnamed], { disks })).toBe('/dev/vda');
    expect(await resolved([unnamed], { disks: [disk('vda', { ...bare, serial: 'NAMED' })] })).toContain('is not on this machine');
  });

  it('is refused when only its size is known, also where one disk alone has it', async () => {
    const disks = [disk('vda', { serial: null, by_path: '/dev/disk/by-path/pci-0000:00:04.0' })];
    expect(await resolved([ref({ serial: null })], { disks })).toContain('named by nothing but its size');
    expect(await resolved([ref({ serial: '' })], { disks: [disk('vda', { serial: null })] })).toContain('named by nothing but its size');
  });

  it('is refused while it is in use, read-only, or named twice', async () => {
    const disks = [disk('sda')];
    expect(await resolved([ref()], { disks, uses: [['/dev/sda', 'sda1 is mounted at /']] })).toContain('is in use: sda1 is mounted at /');
    expect(await resolved([ref()], { disks: [disk('sda', { read_only: true })] })).toContain('takes no writes');
    expect(await resolved([ref(), ref({ title: 'another' })], { disks })).toContain('another and the disk are the same disk');
  });

  it('is refused together with all others of the order, with every reason', async () => {
    const said = await resolved([ref(), ref({ serial: 'A' }), ref({ serial: 'B' })], { disks: [disk('sda')] });
    expect(said).toContain('serial A');
    expect(said).toContain('serial B');
  });
});

describe('what is on a disk that an order names', () => {
  const ext4 = { kind: 'filesystem', type: 'ext4', offset: 1080, partition: null, label: null, uuid: 'u-1', about: '', ids: {} } as const;
  const swap = { ...ext4, kind: 'swap', type: 'swap', offset: 4086, uuid: null } as const;
  const disks = [disk('sda')];
  const expects = ['ext4 @1080 u-1', 'swap @4086'];

  it('may be what somebody said yes to, or less of it', async () => {
    expect(await resolved([ref({ expects })], { disks, on: { signatures: [ext4, swap], isBlank: false } })).toBe('/dev/sda');
    expect(await resolved([ref({ expects })], { disks, on: { signatures: [swap], isBlank: false } })).toBe('/dev/sda');
    expect(await resolved([ref({ expects })], { disks })).toBe('/dev/sda');
  });

  it('is refused by name when anything else is there', async () => {
    const on = { signatures: [ext4, { ...swap, uuid: 'new' }], isBlank: false };
    expect(await resolved([ref({ expects })], { disks, on })).toBe(
      'refused: the disk holds what it did not hold when somebody said yes: swap @4086 new',
    );
  });

  it('is refused when it was empty and now has bytes that nobody recognises', async () => {
    expect(await resolved([ref({ expects: [] })], { disks })).toBe('/dev/sda');
    expect(await resolved([ref({ expects: [] })], { disks, on: { isBlank: false } })).toContain('unrecognised data');
  });

  it('may be what nobody recognises only where an agent before this one began the order', async () => {
    const on = { isBlank: false };
    expect(await resolved([ref({ expects })], { disks, on })).toContain('unrecognised data');
    for (const agreed of [expects, []]) expect(await resolved([ref({ expects: agreed })], { disks, on, isResumed: true })).toBe('/dev/sda');
    const more = { ...on, signatures: [{ ...ext4, uuid: 'u-2' }] };
    expect(await resolved([ref({ expects })], { disks, on: more, isResumed: true })).toContain('ext4 @1080 u-2');
  });

  it('is refused when it can not be read, but for a disk that is ours whatever is on it', async () => {
    const on = { isBlank: false, unread: 'EIO' };
    expect(await resolved([ref({ expects })], { disks, on })).toContain('could not be looked at (EIO)');
    expect(await resolved([ref()], { disks, on })).toBe('/dev/sda');
  });
});
