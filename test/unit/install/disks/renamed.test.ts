import { expect, it } from 'vitest';
import { renamedElsewhere } from '../../../../src/install/disks/renamed-decide.ts';

const disk = (name: string, serial: string) => ({ name, serial, wwn: null, by_path: null, model: 'SSD', size: 10 ** 11, removable: false });
const holds = (name: string, kind: string, ids: Record<string, string>) => ({ name, signatures: [{ kind, type: kind, ids }] });

function ask(contents: object[], filesystem: 'zfs' | 'ext4' | 'xfs' | 'btrfs', product: 'pve' | 'pbs' = 'pve') {
  const report = {
    inventory: { disks: [disk('/dev/sda', 'A'), disk('/dev/sdb', 'B'), disk('/dev/sdc', 'C')] },
    pluginData: { disk_contents: JSON.parse(JSON.stringify(contents)) as never }, // as a report has it
  };
  const chosen = ['A', 'B'].map((serial) => ({ serial, wwn: null, size: 10 ** 11, byPath: null }));
  return renamedElsewhere({ report, chosen, filesystem, product });
}

const POOL = [holds('/dev/sdc', 'zfs', { pool: 'rpool' })];
const GROUP = [holds('/dev/sdc', 'lvm', { vg: 'pve' })];

it.each([
  ['the pool of another installation', POOL, 'zfs', 'pve', 'serial C'],
  ['the volume group of another installation', GROUP, 'ext4', 'pve', 'the volume group pve'],
  ['the same with XFS', GROUP, 'xfs', 'pve', 'the volume group pve'],
] as const)('is refused beside a kept disk with %s', (_, contents, filesystem, product, why) => {
  expect(ask([...contents], filesystem, product)).toContain(why);
});

it.each([
  ['pool on a disk that is erased', [holds('/dev/sda', 'zfs', { pool: 'rpool' })], 'zfs', 'pve'],
  ['pool of another name', [holds('/dev/sdc', 'zfs', { pool: 'tank' })], 'zfs', 'pve'],
  ['pool where no ZFS is made', POOL, 'ext4', 'pve'],
  ['volume group where ZFS is made', GROUP, 'zfs', 'pve'],
  ['volume group of another product', GROUP, 'ext4', 'pbs'],
] as const)('is no matter: a %s', (_, contents, filesystem, product) => {
  expect(ask([...contents], filesystem, product)).toBeNull();
});
