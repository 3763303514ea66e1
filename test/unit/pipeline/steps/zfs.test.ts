import { describe, expect, it } from 'vitest';
import { step as attach } from '../../../../src/pipeline/steps/zfs-attach.ts';
import { step as importPool } from '../../../../src/pipeline/steps/zfs-import.ts';
import { step as dataPool } from '../../../../src/pipeline/steps/zfs-pool.ts';
import { step as rpool } from '../../../../src/pipeline/steps/zfs-rpool.ts';
import { step as scrub } from '../../../../src/pipeline/steps/zfs-scrub.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence, type StepWorld } from '../../../support/pipeline.ts';
import { disk, idOf, online, pool, systemDisk, type ZfsState, zfsWorld } from '../zfs/zfs-machine.ts';

const A = systemDisk('SYSA');
const part = (serial: string, number: number): string => `${idOf({ serial })}-part${number}`;
const UUIDS = { '/etc/kernel/proxmox-boot-uuids': 'D91B-B982\n' };
const single = () => pool([{ kind: 'disk', members: online(part('SYSA', 3)) }]);
const mirror = () => pool([{ kind: 'mirror', members: online(part('SYSA', 3), part('NEWB', 3)) }]);

function stateOf({ machine }: StepWorld): ZfsState {
  return machine.state as ZfsState; // zfsWorld made it
}

describe("the system's pool", () => {
  const world = (more: Partial<ZfsState> = {}, raid = 'auto') =>
    zfsWorld(
      { pools: { rpool: mirror() }, ...more },
      {
        profile: { name: 'pve', system_disks: { raid } },
        files: { '/etc/modprobe.d/zfs.conf': 'options zfs zfs_arc_max=1 zfs_txg_timeout=5\n' },
      },
    );

  it.each([true, false])('gets autotrim and its limit, in what it starts from too (JSON: %s)', async (isNew) => {
    const { first } = await provesIdempotence(rpool, { arc_max_mb: 1024 }, () => world({ isNew }, 'raid1'));
    expect(first).toEqual({
      is: 'needed',
      plan: [
        'autotrim of rpool is switched on',
        "/etc/modprobe.d/zfs.conf: ZFS's cache takes at most 1024 MiB",
        "ZFS's cache takes at most 1024 MiB from now on",
      ],
    });
    const one = world();
    await rpool.apply(one.context(rpool, { arc_max_mb: 1024 }));
    expect(stateOf(one)).toMatchObject({
      arcMax: '1073741824',
      pending: false,
      initramfs: 'options zfs zfs_txg_timeout=5\noptions zfs zfs_arc_max=1073741824\n',
    });
  });

  it('is not what was asked for: the way to a mirror is named', async () => {
    const one = world({ pools: { rpool: single() } }, 'raid1');
    expect(await rpool.check(one.context(rpool, {}))).toMatchObject({ is: 'impossible', hint: containing('zfs-attach') });
    expect(await rpool.check(world({ pools: { rpool: single() } }).context(rpool, { autotrim: false }))).toMatchObject({ is: 'satisfied' });
  });

  it('is not whole, or not there', async () => {
    const broken = mirror();
    broken.vdevs[0]?.members.splice(1, 1, { path: part('NEWB', 3), state: 'FAULTED' });
    const one = world({ pools: { rpool: broken } });
    expect(await rpool.check(one.context(rpool, {}))).toMatchObject({
      is: 'impossible',
      reason: containing('ata-SSD_NEWB-part3 is FAULTED'),
    });
    await expect(rpool.apply(one.context(rpool, {}))).rejects.toThrow('FAULTED');
    expect(await rpool.check(world({ pools: {} }).context(rpool, {}))).toMatchObject({
      is: 'impossible',
      reason: 'the machine has no pool rpool',
    });
  });
});

describe('the second disk of the system', () => {
  const world = (more: Partial<ZfsState> = {}) =>
    zfsWorld(
      { disks: [A, disk('NEWB')], pools: { rpool: single() }, ...more },
      { files: UUIDS, node: { systemDisks: [{ serial: 'SYSA', wwn: null, title: 'SSD SYSA' }] } },
    );

  it.each([true, false])('gets the partitions, what starts the machine, and a copy of all (JSON: %s)', async (isNew) => {
    const { first } = await provesIdempotence(attach, {}, () => world({ isNew }));
    expect(first).toEqual({
      is: 'needed',
      plan: [
        'SSD NEWB (480 GB) gets the partitions of SSD SYSA (480 GB)',
        'SSD NEWB (480 GB): its EFI partition is formatted and kept by proxmox-boot-tool',
        'rpool copies itself to SSD NEWB (480 GB) and is a mirror',
      ],
    });
  });

  it('is named by identity in every command that writes, and the copy goes from the pool to the new disk', async () => {
    const one = world({ loader: 'grub' });
    await one.clock.until(attach.apply(one.context(attach, {})));
    const writes = one.machine.commands.filter(
      ([program, verb]) => ['proxmox-boot-tool', 'zpool', 'sh'].includes(program ?? '') && verb !== 'status',
    );
    expect(
      writes
        .filter(([, , text]) => text?.startsWith('# the names of') !== true)
        .map((words) => words.filter((word) => !word.startsWith('# '))),
    ).toEqual([
      ['sh', '-eu', idOf({ serial: 'SYSA' }), idOf({ serial: 'NEWB' }), '/var/lib/rackseed/zfs/SYSA.gpt'],
      ['sh', '-eu', idOf({ serial: 'NEWB' })],
      ['proxmox-boot-tool', 'format', part('NEWB', 2), '--force'],
      ['proxmox-boot-tool', 'init', part('NEWB', 2), 'grub'],
      ['zpool', 'attach', 'rpool', part('SYSA', 3), part('NEWB', 3)],
    ]);
  });

  it('is never one that something is on, nor guessed among several', async () => {
    const full = world({ disks: [A, disk('NEWB', { content: 'ext4' })] });
    expect(await attach.check(full.context(attach, {}))).toMatchObject({
      is: 'impossible',
      reason: containing('not free: SSD NEWB (480 GB): ext4'),
    });
    const several = world({ disks: [A, disk('NEWB'), disk('NEWC')] });
    expect(await attach.check(several.context(attach, {}))).toMatchObject({
      is: 'impossible',
      reason: containing('2 free disks fit, 1 are asked for'),
    });
    await provesIdempotence(attach, { serials: ['newc'] }, () => world({ disks: [A, disk('NEWB'), disk('NEWC')] }));
  });

  it('is refused when something came onto it since it was looked at', async () => {
    const one = world();
    one.machine.on(['wipefs', '--noheadings'], 'ext4\n');
    await expect(attach.apply(one.context(attach, {}))).rejects.toThrow('SSD NEWB (480 GB) is not empty: ext4');
    expect(one.machine.commands.some((words) => words[2]?.startsWith('# copies'))).toBe(false);
  });

  it('must fit: as large, with the same sectors, named by something', async () => {
    const small = world({ disks: [A, disk('NEWB', { bytes: 240e9 })] });
    expect(await attach.check(small.context(attach, {}))).toMatchObject({ reason: containing('is smaller than') });
    const sectors = world({ disks: [A, disk('NEWB', { sector: 4096 })] });
    expect(await attach.check(sectors.context(attach, {}))).toMatchObject({ reason: containing('has sectors of 4096 bytes') });
    const nameless = world({ disks: [A, disk('NEWB', { serial: null })] });
    expect(await attach.check(nameless.context(attach, {}))).toMatchObject({ reason: containing('neither serial number nor WWN') });
    const usb = world({ disks: [A, disk('NEWB', { tran: 'usb' })] });
    expect(await attach.check(usb.context(attach, {}))).toMatchObject({ reason: containing('0 free disks fit') });
  });

  it('is left alone when a pool has other partitions than the installer makes', async () => {
    const odd = world({ pools: { rpool: pool([{ kind: 'disk', members: online(part('SYSA', 4)) }]) } });
    expect(await attach.check(odd.context(attach, {}))).toMatchObject({ is: 'impossible', hint: containing('as the installer') });
  });

  it('is waited for while the pool copies itself, by whoever began it', async () => {
    const B = {
      ...systemDisk('NEWB'),
      parts: systemDisk('NEWB').parts.map((one) => ({ ...one, uuid: one.uuid === '' ? '' : 'BBBB-0002' })),
    };
    const both = zfsWorld(
      { disks: [A, B], pools: { rpool: { ...mirror(), scan: { what: 'RESILVER', state: 'SCANNING', issued: 100, errors: 0, end: 0 } } } },
      { files: { '/etc/kernel/proxmox-boot-uuids': 'BBBB-0002\nD91B-B982\n' } },
    );
    expect(await attach.check(both.context(attach, {}))).toEqual({
      is: 'needed',
      plan: ['waits until rpool has copied itself to all its disks'],
    });
    const copying = attach.apply(both.context(attach, {}));
    await both.clock.advance(20_000);
    expect(stateOf(both).pools.rpool?.scan?.state).toBe('SCANNING');
    Object.assign(stateOf(both).pools.rpool?.scan ?? {}, { state: 'FINISHED' });
    await both.clock.until(copying);
    expect(await attach.check(both.context(attach, {}))).toMatchObject({ is: 'satisfied' });
  });
});

describe('a pool for data', () => {
  const world = (more: Partial<ZfsState> = {}) =>
    zfsWorld(
      { disks: [A, disk('DATB'), disk('DATC')], pools: { rpool: single() }, ...more },
      { node: { systemDisks: [{ serial: 'SYSA', wwn: null, title: '' }] } },
    );

  it('is made of free disks by their names, all in one act', async () => {
    const one = world();
    const { first, cuts } = await provesIdempotence(dataPool, {}, world);
    expect(first).toEqual({ is: 'needed', plan: ['tank is made, a mirror of SSD DATB (480 GB), SSD DATC (480 GB): all of each disk'] });
    expect(cuts).toBeGreaterThan(4);
    await dataPool.apply(one.context(dataPool, {}));
    expect(one.machine.commands.at(-1)).toEqual([
      'zpool',
      'create',
      '-o',
      'ashift=12',
      '-o',
      'autotrim=on',
      '-O',
      'compression=on',
      'tank',
      'mirror',
      idOf({ serial: 'DATB' }),
      idOf({ serial: 'DATC' }),
    ]);
  });

  it('is made of mirrors of two where raid10 is asked for', async () => {
    const disks = ['DATB', 'DATC', 'DATD', 'DATE'].map((serial) => disk(serial));
    const one = world({ disks: [A, ...disks] });
    await dataPool.apply(one.context(dataPool, { layout: 'raid10' }));
    expect(one.machine.commands.at(-1)?.slice(9)).toEqual([
      'mirror',
      idOf({ serial: 'DATB' }),
      idOf({ serial: 'DATC' }),
      'mirror',
      idOf({ serial: 'DATD' }),
      idOf({ serial: 'DATE' }),
    ]);
    expect(await dataPool.check(one.context(dataPool, { layout: 'raid10' }))).toMatchObject({ is: 'satisfied' });
  });

  it('is not made where a disk is not as it was, of unequal ones, or of the wrong number', async () => {
    const late = world();
    late.machine.on(['wipefs', '--noheadings'], 'ceph_bluestore\n');
    await expect(dataPool.apply(late.context(dataPool, {}))).rejects.toThrow('is not as it was a moment ago: ceph_bluestore');
    const unequal = world({ disks: [A, disk('DATB'), disk('DATC', { bytes: 960e9 })] });
    expect(await dataPool.check(unequal.context(dataPool, {}))).toMatchObject({ reason: containing('differ in size') });
    expect(await dataPool.check(world().context(dataPool, { layout: 'raidz1', count: 2 }))).toMatchObject({
      reason: 'a raidz1 is not made of 2 disks',
    });
    expect(() => world().context(dataPool, { name: 'mirror-x' })).toThrow('arguments of');
  });

  it('is not made over one that is there and not imported', async () => {
    const lost = pool([{ kind: 'mirror', members: online(part('DATB', 1), part('DATC', 1)) }], { imported: false });
    expect(await dataPool.check(world({ pools: { tank: lost } }).context(dataPool, {}))).toMatchObject({
      is: 'impossible',
      hint: containing('zfs-import'),
    });
  });

  it('that is there is looked at: layout, disks, autotrim', async () => {
    const one = world({
      pools: { tank: pool([{ kind: 'raidz1', members: online('/dev/disk/by-id/a', '/dev/disk/by-id/b', '/dev/disk/by-id/c') }]) },
    });
    expect(await dataPool.check(one.context(dataPool, {}))).toMatchObject({ is: 'impossible', reason: containing('laid out as raidz1') });
    expect(await dataPool.check(one.context(dataPool, { layout: 'raidz1' }))).toEqual({
      is: 'needed',
      plan: ['autotrim of tank is switched on'],
    });
    await dataPool.apply(one.context(dataPool, { layout: 'raidz1' }));
    expect(await dataPool.check(one.context(dataPool, { layout: 'raidz1' }))).toMatchObject({ is: 'satisfied' });
  });
});

describe('a pool that outlived the system', () => {
  const labelled = (serial: string) => disk(serial, { table: 'gpt', parts: [{ number: 1, content: 'zfs_member', uuid: '' }] });
  const lost = (hostname: string, guid = '42') =>
    pool([{ kind: 'mirror', members: online(part('DATB', 1), part('DATC', 1)) }], { imported: false, hostname, guid });
  const world = (pools: ZfsState['pools']) =>
    zfsWorld(
      { disks: [A, labelled('DATB'), labelled('DATC')], pools },
      { node: { systemDisks: [{ serial: 'SYSA', wwn: null, title: '' }] } },
    );

  it('is taken back where this node had it', async () => {
    const { first } = await provesIdempotence(importPool, { name: 'tank' }, () => world({ tank: lost('pve1') }));
    expect(first).toEqual({
      is: 'needed',
      plan: ['the pool tank (42, ONLINE, last had by pve1) on ata-SSD_DATB-part1, ata-SSD_DATC-part1 is imported'],
    });
  });

  it('of another is refused, unless its number is named', async () => {
    const one = world({ tank: lost('nas') });
    expect(await importPool.check(one.context(importPool, { name: 'tank' }))).toEqual({
      is: 'impossible',
      reason: 'the pool tank (42) was last had by nas, not by pve1',
      hint: 'If it is really to be this node\'s, name it: guid = "42".',
    });
    await expect(importPool.apply(one.context(importPool, { name: 'tank' }))).rejects.toThrow('last had by nas');
    expect(stateOf(one).pools.tank?.imported).toBe(false);
    await provesIdempotence(importPool, { name: 'tank', guid: '42' }, () => world({ tank: lost('nas') }));
  });

  it('is not guessed where two have its name, nor taken for another that is imported', async () => {
    const two = world({ 'tank#1': lost('pve1', '1'), 'tank#2': lost('pve1', '2') });
    expect(await importPool.check(two.context(importPool, { name: 'tank' }))).toMatchObject({ reason: '2 pools are called tank: 1, 2' });
    const other = world({ tank: { ...lost('pve1'), imported: true } });
    expect(await importPool.check(other.context(importPool, { name: 'tank', guid: '7' }))).toMatchObject({
      reason: containing('another pool tank'),
    });
  });

  it('that is not there is an error, unless it may be away', async () => {
    const none = world({ other: lost('pve1') });
    expect(await importPool.check(none.context(importPool, { name: 'tank' }))).toMatchObject({
      reason: 'there is no pool tank to import; there are other (42)',
    });
    expect(await importPool.check(none.context(importPool, { name: 'tank', optional: true }))).toMatchObject({ is: 'satisfied' });
  });
});

describe('reading a pool through', () => {
  const world = (more: Partial<ZfsState> = {}) => zfsWorld({ pools: { rpool: pool(mirror().vdevs, { property: 'disable' }) }, ...more });
  const scanned = (errors: number, end: number) =>
    pool(mirror().vdevs, { scan: { what: 'SCRUB', state: 'FINISHED', issued: 1000, errors, end } });

  it('is done each month, or each week in place of that', async () => {
    expect((await provesIdempotence(scrub, {}, world)).first).toEqual({
      is: 'needed',
      plan: ['the monthly scrub of rpool is switched on'],
    });
    const weekly = () => world({ pools: { rpool: mirror() } });
    expect((await provesIdempotence(scrub, { schedule: 'weekly' }, weekly)).first).toEqual({
      is: 'needed',
      plan: ['the monthly scrub of rpool is switched off', 'the weekly scrub of rpool is switched on'],
    });
  });

  it.each([true, false])('is done now where that was long ago (JSON: %s)', async (isNew) => {
    const args = { schedule: 'leave', max_age_days: 30 };
    const old = () => world({ isNew, pools: { rpool: scanned(0, 1_690_000_000) } });
    expect((await provesIdempotence(scrub, args, old)).first).toEqual({
      is: 'needed',
      plan: ['rpool is read through: the last time was on 2023-07-22, with 0 errors'],
    });
    const fresh = world({ isNew, pools: { rpool: scanned(0, 1_699_900_000) } });
    expect(await scrub.check(fresh.context(scrub, args))).toMatchObject({ is: 'satisfied' });
    const bad = world({ isNew, pools: { rpool: scanned(3, 1_699_900_000) } });
    expect(await scrub.check(bad.context(scrub, args))).toMatchObject({ is: 'needed' });
  });

  it('that finds errors is an error', async () => {
    const one = world({ pools: { rpool: mirror() }, scrubErrors: 2 });
    await expect(one.clock.until(scrub.apply(one.context(scrub, { max_age_days: 1 })))).rejects.toThrow('ended with 2 errors');
  });
});
