// How the installer finds disks and ports, as its source has it.

import { describe, expect, it } from 'vitest';
import { listedDisks, listedPorts, selectDisks, selectPort } from '../../../../src/install/disks/matching-decide.ts';
import type { Filesystem, UdevDevices } from '../../../../src/install/seam.ts';

const disk = (more: Record<string, string> = {}): Record<string, string> => ({ DEVTYPE: 'disk', ...more });
const BLOCK: UdevDevices = {
  sdb: disk({ ID_SERIAL_SHORT: 'B', ID_MODEL: 'Samsung_1' }),
  sda: disk({ ID_SERIAL_SHORT: 'A', ID_MODEL: 'Samsung_2' }),
  nvme0n1: disk({ ID_SERIAL_SHORT: 'N' }),
};

function select(selection: Parameters<typeof selectDisks>[0]['selection'], filesystem: Filesystem = 'zfs', block = BLOCK) {
  return selectDisks({ selection, filesystem, disks: listedDisks(block) });
}

describe('the installer lists', () => {
  it('disks by name, without what is none, optical drives and CD images', () =>
    expect(
      listedDisks({
        ...BLOCK,
        ...Object.fromEntries(['loop0', 'ram0', 'md127', 'dm-0', 'fd0', 'sr0'].map((name) => [name, disk()])),
        sdc: { DEVTYPE: 'partition' },
        sdd: disk({ ID_CDROM: '1' }),
        sde: disk({ ID_FS_TYPE: 'iso9660' }),
        sdf: disk({ ID_FS_TYPE: 'ext4' }),
      }).map(({ name }) => name),
    ).toEqual(['nvme0n1', 'sda', 'sdb', 'sdf']));

  it('ports by name, without the loopback', () =>
    expect(listedPorts({ lo: {}, eth1: {}, eth0: {} }).map(({ name }) => name)).toEqual(['eth0', 'eth1']));
});

describe('a filter', () => {
  it('selects with "any" what fits by one key', () => {
    expect(select({ filter: { ID_SERIAL_SHORT: 'A' } })).toEqual({ selected: ['sda'] });
    expect(select({ filter: { ID_SERIAL_SHORT: 'A', ID_MODEL: '*_1' }, 'filter-match': 'any' })).toEqual({ selected: ['sda', 'sdb'] });
  });

  it('selects with "all" also what lacks a key', () => {
    expect(select({ filter: { ID_MODEL: 'Samsung_*' }, 'filter-match': 'all' })).toEqual({ selected: ['nvme0n1', 'sda', 'sdb'] });
    expect(select({ filter: { ID_MODEL: '*', ID_SERIAL_SHORT: 'A' }, 'filter-match': 'all' })).toEqual({ selected: ['sda'] });
    expect(select({ filter: { NONE: 'x' }, 'filter-match': 'all' })).toEqual({ selected: ['nvme0n1', 'sda', 'sdb'] });
  });

  it('selects with ext4 and xfs the first that fits by any key, with numbers sorted as texts', () => {
    for (const filesystem of ['ext4', 'xfs'] as const) {
      expect(select({ filter: { ID_MODEL: 'Samsung_*' }, 'filter-match': 'all' }, filesystem)).toEqual({ selected: ['sda'] });
    }
    const twelve = Object.fromEntries(
      Array.from({ length: 12 }, (_, at) => [`sd${String.fromCharCode(97 + at)}`, disk({ K: at === 0 ? 'no' : 'yes' })]),
    );
    expect(select({ filter: { K: 'yes' } }, 'ext4', twelve)).toEqual({ selected: ['sdb'] });
    const late = { ...twelve, sdb: disk({ K: 'no' }) };
    expect(select({ filter: { K: 'yes' } }, 'ext4', late)).toEqual({ selected: ['sdk'] });
  });

  it.each([
    [{ filter: { ID_SERIAL_SHORT: 'X' } }, 'fits no disk'],
    [{ filter: {} }, 'the filter is empty'],
    [{ filter: { K: 1 } }, 'filter.K must be a text'],
    [{ filter: { K: '[' } }, 'filter.K is no pattern'],
    [{ filter: { K: '*' }, 'filter-match': 'some' }, '"any" or "all"'],
    [{ filter: { K: '*' }, 'disk-list': ['sda'] }, 'either filter or disk-list'],
    [{}, 'either filter or disk-list'],
    [{ 'disk-list': [] }, 'at least one disk'],
    [{ 'disk-list': ['sda', 'sda'] }, 'twice'],
    [{ 'disk-list': ['sdz'] }, 'none of the disks'],
    [{ filter: { K: '*' }, strange: 1 }, 'strange is no key'],
  ])('or list stops the installer where it is wrong: %j', (selection, fault) =>
    expect(select(selection)).toEqual({ fault: expect.stringContaining(fault) as unknown }),
  );
});

describe('disk-list', () => {
  it('is read by the end of the path, and what is not there is left out without a word', () => {
    expect(select({ 'disk-list': ['sdb', 'sdz', 'nvme0n1'] })).toEqual({ selected: ['nvme0n1', 'sdb'] });
    expect(select({ 'disk-list': ['b'] })).toEqual({ selected: ['sdb'] });
  });

  it('is its first disk with ext4, which must be there', () => {
    expect(select({ 'disk-list': ['sdb', 'sda'] }, 'ext4')).toEqual({ selected: ['sdb'] });
    expect(select({ 'disk-list': ['sdz', 'sda'] }, 'ext4')).toEqual({ fault: 'there is no disk sdz' });
  });
});

it('the filter of the port takes the first that fits by any key', () => {
  const ports = listedPorts({ eth1: { ID_NET_NAME_MAC: 'enx2', ID_BUS: 'pci' }, eth0: { ID_NET_NAME_MAC: 'enx1', ID_BUS: 'pci' } });
  expect(selectPort({ ID_NET_NAME_MAC: '*2' }, ports)).toEqual({ selected: ['eth1'] });
  expect(selectPort({ ID_NET_NAME_MAC: '*2', ID_BUS: 'pci' }, ports)).toEqual({ selected: ['eth0'] });
  expect(selectPort({ ID_NET_NAME_MAC: '*3' }, ports)).toEqual({ fault: 'the filter fits no device' });
  expect(selectPort({}, ports)).toEqual({ fault: 'the filter is empty' });
});
