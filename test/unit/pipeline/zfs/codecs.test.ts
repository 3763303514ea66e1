// Forms of what OpenZFS says, by version: the JSON of 2.3 (openzfs/zfs pull request 16217, pdf/zfs_exporter pull request 64), the text of 2.2
// and before (openzfs/zfs issues 16979 and 11863; man zpool-status), and of proxmox-boot-tool 8.

import { describe, expect, it } from 'vitest';
import { readArcMax, withArcMax } from '../../../../src/pipeline/zfs/arc-codec.ts';
import { readBootTool } from '../../../../src/pipeline/zfs/boot-tool-codec.ts';
import { readDisks } from '../../../../src/pipeline/zfs/disks-codec.ts';
import { readImportable, readLabel } from '../../../../src/pipeline/zfs/import-codec.ts';
import { layoutOf, leavesOf, readPoolJson, readPoolText } from '../../../../src/pipeline/zfs/pool-codec.ts';

describe('zpool status as text', () => {
  const text = `  pool: tank
 state: DEGRADED
status: One or more devices is currently being resilvered.  The pool will
	continue to function, possibly in a degraded state.
action: Wait for the resilver to complete.
  scan: resilver in progress since Tue Jan 21 06:44:45 2025
	1.38T / 1.38T scanned, 144G / 177G issued at 1.29G/s
	43.4G resilvered, 81.25% done, 07:21:15 to go
config:

	NAME                                          STATE     READ WRITE CKSUM
	tank                                          DEGRADED     0     0     0
	  mirror-0                                    DEGRADED     0     0     0
	    /dev/disk/by-id/ata-A_1-part1             ONLINE       0     0     0
	    replacing-1                               DEGRADED     0     0     0
	      9926059460638940645                     UNAVAIL      0     0     0  was /dev/disk/by-id/ata-B_2-part1
	      /dev/disk/by-id/ata-C_3-part1           ONLINE       0     0     0  (resilvering)
	  mirror-1                                    ONLINE       0     0     0
	    /dev/disk/by-id/ata-D_4-part1             ONLINE       0     0     0
	    /dev/disk/by-id/ata-E_5-part1             ONLINE       0     0     0
	special
	  mirror-2                                    ONLINE       0     0     0
	    /dev/disk/by-id/nvme-F_6-part1            ONLINE       0     0     0
	logs
	  /dev/disk/by-id/nvme-G_7-part1              ONLINE       0     0     0
	spares
	  /dev/disk/by-id/ata-H_8                     AVAIL

errors: No known data errors
`;

  it('is read with what it does, and without logs, spares and the like', () => {
    const pool = readPoolText(text, 'tank');
    expect(pool).toMatchObject({
      state: 'DEGRADED',
      scan: { what: 'resilver', is: 'running', fraction: 0.8125, errors: null },
      status: 'One or more devices is currently being resilvered. The pool will continue to function, possibly in a degraded state.',
    });
    if (pool === undefined) throw new Error('not read');
    expect(layoutOf(pool)).toBe('raid10');
    expect(leavesOf(pool.data).map(({ path, state }) => `${path ?? ''} ${state}`)).toEqual([
      '/dev/disk/by-id/ata-A_1-part1 ONLINE',
      '9926059460638940645 UNAVAIL',
      '/dev/disk/by-id/ata-C_3-part1 ONLINE',
      '/dev/disk/by-id/ata-D_4-part1 ONLINE',
      '/dev/disk/by-id/ata-E_5-part1 ONLINE',
    ]);
    expect(readPoolText(text, 'tan')).toBeUndefined();
  });

  it.each([
    [
      'scrub repaired 0B in 00:19:07 with 0 errors on Sun Nov  9 00:43:08 2025',
      { what: 'scrub', is: 'finished', errors: 0, endedMs: Date.UTC(2025, 10, 9, 0, 43, 8) },
    ],
    [
      'resilvered 2.31T in 1 days 02:55:32 with 0 errors on Sat Dec 24 02:33:08 2022',
      { what: 'resilver', is: 'finished', errors: 0, endedMs: Date.UTC(2022, 11, 24, 2, 33, 8) },
    ],
    ['scrub canceled on Sun Nov  9 00:43:08 2025', { what: 'scrub', is: 'cancelled', errors: null }],
    [
      'scrub in progress since Sun Nov  9 00:24:01 2025\n\t10G / 10G scanned, 0B / 10G issued\n\t0B repaired, 0.00% done, no estimated completion time',
      { what: 'scrub', is: 'running', fraction: 0 },
    ],
  ])('says how a scan goes: %s', (scan, wanted) => {
    const said = `  pool: r\n state: ONLINE\n  scan: ${scan}\nconfig:\n\n\tNAME  STATE\n\tr  ONLINE\n\t  sda  ONLINE\n\nerrors: No known data errors\n`;
    expect(readPoolText(said, 'r')).toMatchObject({ scan: wanted, data: [{ path: 'sda' }] });
  });
});

describe('zpool status as JSON', () => {
  const leaf = (name: string, state = 'ONLINE') => ({
    name,
    vdev_type: 'disk',
    guid: '1',
    path: `/dev/disk/by-id/${name}`,
    class: 'normal',
    state,
    read_errors: '0',
  });
  const said = (vdevs: object, more: object = {}) =>
    JSON.stringify({
      output_version: { command: 'zpool status', vers_major: 0, vers_minor: 1 },
      pools: {
        tank: {
          name: 'tank',
          state: 'DEGRADED',
          pool_guid: '501630275724724435',
          txg: '1553',
          ...more,
          vdevs: { tank: { name: 'tank', vdev_type: 'root', vdevs } },
        },
      },
    });

  it('is read alike', () => {
    const json = said(
      {
        'raidz2-0': { name: 'raidz2-0', vdev_type: 'raidz', vdevs: { 'a-part1': leaf('a-part1'), 'b-part1': leaf('b-part1', 'FAULTED') } },
      },
      { scan_stats: { function: 'RESILVER', state: 'SCANNING', to_examine: '400', issued: '100', errors: '0' }, logs: { l: leaf('l') } },
    );
    const pool = readPoolJson(json, 'tank');
    expect(pool).toMatchObject({ state: 'DEGRADED', scan: { what: 'resilver', is: 'running', fraction: 0.25 } });
    if (pool === undefined) throw new Error('not read');
    expect([layoutOf(pool), leavesOf(pool.data).map(({ state }) => state)]).toEqual(['raidz2', ['ONLINE', 'FAULTED']]);
    expect(readPoolJson(json, 'other')).toBeUndefined();
  });

  it('says when a scan ended, in seconds or as a date, and nothing where sizes are for people', () => {
    const ended = (end: string, issued = '1') =>
      readPoolJson(
        said(
          { a: leaf('a') },
          { scan_stats: { function: 'SCRUB', state: 'FINISHED', end_time: end, to_examine: '38.2T', issued, errors: '0' } },
        ),
        'tank',
      )?.scan;
    expect(ended('1767829343')).toMatchObject({ endedMs: 1_767_829_343_000, fraction: null });
    expect(ended('Wed Jan  7 03:42:23 PM PST 2026')).toMatchObject({ endedMs: Date.UTC(2026, 0, 7, 15, 42, 23) });
    expect(ended('Wed Jan  7 15:42:23 2026')).toMatchObject({ endedMs: Date.UTC(2026, 0, 7, 15, 42, 23) });
  });
});

describe('what else is read', () => {
  it('pools to import, and labels', () => {
    const text = `   pool: tank
     id: 15451357997522795478
  state: ONLINE
status: The pool was last accessed by another system.
 action: The pool can be imported using its name or numeric identifier and
	the '-f' flag.
   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-EY
 config:

	tank                 ONLINE
	  mirror-0           ONLINE
	    ata-A_1-part1    ONLINE
	    ata-B_2-part1    ONLINE

   pool: gone
     id: 7
  state: UNAVAIL
status: One or more devices are missing from the system.
 action: The pool cannot be imported. Attach the missing
	devices and try again.
 config:

	gone        UNAVAIL  insufficient replicas
	  sdz       UNAVAIL
`;
    expect(readImportable(text)).toEqual([
      {
        name: 'tank',
        guid: '15451357997522795478',
        state: 'ONLINE',
        status: 'The pool was last accessed by another system.',
        members: ['ata-A_1-part1', 'ata-B_2-part1'],
      },
      { name: 'gone', guid: '7', state: 'UNAVAIL', status: 'One or more devices are missing from the system.', members: ['sdz'] },
    ]);
    expect(readImportable('no pools available to import\n')).toEqual([]);
    const label =
      "LABEL 0\n    version: 5000\n    name: 'tank'\n    pool_guid: 7\n    hostid: 2148013581\n    hostname: 'pve1'\n    vdev_tree:\n        name: 'no'\n";
    expect(readLabel(label)).toEqual({ pool: 'tank', guid: '7', hostname: 'pve1', hostid: '2148013581' });
    expect(readLabel('failed to unpack label 0\n')).toBeUndefined();
  });

  it('which loader proxmox-boot-tool keeps', () => {
    const grub =
      'System currently booted with legacy bios\nD91B-B982 is configured with: grub (versions: 6.8.12-18-pve)\nD91C-8216 is configured with: grub (versions: 6.8.12-18-pve)\n';
    expect(readBootTool(grub)).toEqual({ uuids: ['D91B-B982', 'D91C-8216'], isGrub: true });
    expect(
      readBootTool(
        'System currently booted with uefi\nD91B-B982 is configured with: uefi (versions: 6.8.4-2-pve, 6.8.12-18-pve), grub (versions: 6.8.12-18-pve)\n',
      ).isGrub,
    ).toBe(false);
    expect(readBootTool('E: /etc/kernel/proxmox-boot-uuids does not exist.\n')).toEqual({ uuids: [], isGrub: false });
  });

  it('the limit of the cache, which is written once', () => {
    const text = '# mine\noptions zfs zfs_arc_max=1 zfs_txg_timeout=5\noptions zfs zfs_arc_max=2\noptions kvm nested=1\n';
    expect(readArcMax(text)).toBe(2);
    expect(withArcMax(text, 3)).toBe('# mine\noptions zfs zfs_txg_timeout=5\noptions kvm nested=1\noptions zfs zfs_arc_max=3\n');
    expect(readArcMax(withArcMax('', 4))).toBe(4);
    expect(readArcMax('options zfs zfs_arc_min=4\n')).toBeNull();
  });

  it('disks by the name that is printed on them, whatever else udev calls them', () => {
    const json = JSON.stringify({
      blockdevices: [
        {
          path: '/dev/nvme0n1',
          type: 'disk',
          size: 1e12,
          serial: 'S5GX',
          wwn: 'eui.0025',
          model: 'Samsung SSD 980',
          tran: 'nvme',
          rota: false,
          rm: '0',
          'log-sec': 512,
          pttype: null,
          fstype: null,
          mountpoints: [null],
        },
        { path: '/dev/zd0', type: 'disk', size: 1, mountpoints: [null] },
        { path: '/dev/sr0', type: 'rom', size: 1 },
      ],
    });
    const links = ['nvme-eui.0025', 'nvme-Samsung_SSD_980_S5GX_1', 'nvme-Samsung_SSD_980_S5GX', 'wwn-0x5']
      .map((name) => `/dev/nvme0n1\t/dev/disk/by-id/${name}\n`)
      .join('');
    const [disk, ...others] = readDisks(json, links);
    expect(others).toEqual([]);
    expect(disk?.ids[0]).toBe('/dev/disk/by-id/nvme-Samsung_SSD_980_S5GX');
    expect(disk).toMatchObject({ serial: 'S5GX', wwn: 'eui.0025', isRemovable: false, table: null, parts: [] });
  });
});
