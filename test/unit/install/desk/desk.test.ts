import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { installBook } from '../../../../src/install/index.ts';
import { silentLog, systemRandom } from '../../../../src/lib/index.ts';
import { containing } from '../../../support/containing.ts';
import { firstBootBody, HOST_KEY, hookBody, MAC, urlsOf } from '../../../support/install.ts';
import { type DeskSettings, deskWorld, GIB, MIRROR, stamped } from './world.ts';

const POOL: NonNullable<DeskSettings['cluster']> = {
  name: 'home',
  links: [],
  addresses: { network: '10.0.0.0/24', first: '10.0.0.11', last: '10.0.0.20', gateway: '10.0.0.1' },
  dhcp_addresses: false,
  observe_only: false,
};
const { addresses: _, ...POOLLESS } = POOL;

describe('preparing an installation', () => {
  it('chooses the disks, gives an address, makes the answer, and says the same when it is asked again', async () => {
    const world = await deskWorld({ cluster: POOL, profile: { cluster: 'home' } });
    const first = await world.desk.prepare(world.order());
    expect(first.disks.map(({ serial }) => serial)).toEqual(['S1', 'S2']);
    expect(first.stamps).toHaveLength(2);
    expect(await world.desk.prepare(world.order())).toEqual(first);
    const row = await world.book.current(world.node.uuid);
    expect(row).toMatchObject({
      stage: 'prepared',
      plan: {
        profile: 'pve',
        filesystem: 'zfs',
        raid: 'raid1',
        fqdn: 'pve1.home.arpa',
        managementMac: MAC,
        address: { cidr: '10.0.0.11/24' },
      },
    });
    expect(world.said.join('; ')).toContain('its address is 10.0.0.11/24');
  });

  it.each<readonly [string, DeskSettings, { readonly serials?: readonly string[] }, string]>([
    ['no installer', { installer: null }, {}, 'none that can be used was imported'],
    ['an installer that can not tell its end', { installer: { release: '8.2' } }, {}, 'that came with 8.3'],
    [
      'an installer into which nothing can be put',
      { installer: { carrier: null, problem: 'its root directory is odd' } },
      {},
      'its root directory is odd',
    ],
    ['too little memory', { machine: { memory: 4 * GIB } }, {}, '4096 MiB of memory can be used'],
    ['Secure Boot', { machine: { boot: { secure_boot: true } } }, {}, 'Secure Boot is on'],
    [
      'a disk too few',
      { profile: { system_disks: { filesystem: 'zfs', raid: 'raidz-1', models: [], serials: ['S*'], kind: 'any' } } },
      {},
      'is not installed',
    ],
    ['a wipe plan without its disks', {}, { serials: ['S1'] }, 'the wipe plan that was approved does not hold'],
    ['a template that nobody has', { profile: { answer_template: 'mine' } }, {}, 'mine'],
    ['a cluster without addresses', { cluster: POOLLESS, profile: { cluster: 'home' } }, {}, 'home'],
  ] as const)(
    'is refused for %s, and nothing is begun',
    async (_, settings, { serials }: { readonly serials?: readonly string[] }, why) => {
      const world = await deskWorld(settings);
      await expect(world.desk.prepare(world.order('task-1', serials))).rejects.toThrow(why);
      expect(await world.book.current(world.node.uuid)).toBeUndefined();
    },
  );

  it('installs anew on the disks of the last system, and takes no data disk for it that would suit better', async () => {
    const system = { filesystem: 'zfs' as const, raid: 'auto' as const, models: [], serials: [], kind: 'any' as const };
    const world = await deskWorld({ profile: { wipe: 'all', system_disks: system } });
    const small = [
      { name: 'sda', serial: 'OSD1', gb: 50, isBlank: false },
      { name: 'sdb', serial: 'OSD2', gb: 50, isBlank: false },
      ...MIRROR,
    ];
    const all = ['S1', 'S2', 'OSD1', 'OSD2'];
    await world.desk.prepare(world.order());
    const { uuid } = (await world.book.current(world.node.uuid)) ?? expect.unreachable();
    await world.store.db.updateTable('installations').set({ answered_at: 1 }).where('uuid', '=', uuid).execute();
    await world.see({ disks: small });
    const chosen = async (deployment: string, more: object): Promise<unknown> => {
      const { disks } = await world.desk.prepare({ ...world.order(deployment, all), ...more });
      return disks.map(({ serial }) => serial);
    };
    expect(await chosen('free', {})).toEqual(['OSD1', 'OSD2']);
    expect(await chosen('rebuilt', { isRebuild: true })).toEqual(['S1', 'S2']);
    const systemOn = world.order('', ['S1', 'S2']).disks;
    expect(await chosen('again', { systemOn })).toEqual(['S1', 'S2']);
    await world.see({ disks: small.filter(({ serial }) => serial !== 'S2') });
    const gone = world.desk.prepare({ ...world.order('gone', all), isRebuild: true });
    await expect(gone).rejects.toMatchObject({
      message: containing('its last system is on'),
      hint: containing('give the node up first'),
    });
  });

  it('is refused for a profile that is none, at once', async () => {
    const { desk } = await deskWorld();
    const target = { uuid: '', instanceInfo: {} };
    expect(desk.refusal({ ...target, extra: { profile: 'pve' } })).toBeNull();
    expect(desk.refusal({ ...target, extra: { profile: 'web' } })).toContain('there is pve');
    expect(desk.refusal({ ...target, extra: {} })).toContain('extra.profile');
    const bare = await deskWorld({ installer: null });
    expect(bare.desk.refusal({ ...target, extra: { profile: 'pve' } })).toContain('rackseed image add');
  });

  it('is refused once it has failed: a further one needs another deployment', async () => {
    const world = await deskWorld();
    await world.desk.prepare(world.order());
    await world.desk.abandon(world.node.uuid, 'task-1', 'aborted');
    await expect(world.desk.prepare(world.order())).rejects.toMatchObject({ code: 'install.over' });
    expect((await world.desk.prepare(world.order('task-2'))).disks).toHaveLength(2);
  });
});

describe('the proof before the installer is let loose', () => {
  it('holds when the agent has just seen the stamps on the chosen disks', async () => {
    const world = await deskWorld();
    const { stamps } = await world.desk.prepare(world.order());
    await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps) });
    await world.desk.arm(world.order());
    expect(await world.book.current(world.node.uuid)).toMatchObject({ stage: 'armed' });
    await world.desk.arm(world.order());
  });

  it.each([
    ['a disk has no stamp', ['S1'], {}],
    ['the foreign disk has the stamp too', ['S1', 'S2', 'DATA'], {}],
    ['a disk is gone', ['S1', 'S2'], { without: 'S2' }],
    ['a disk carries a CD image', ['S1', 'S2'], { medium: 'S1' }],
  ] as const)(
    'fails where %s, and it is not booted',
    async (_, serials, { without, medium }: { readonly without?: string; readonly medium?: string }) => {
      const world = await deskWorld();
      const { stamps } = await world.desk.prepare(world.order());
      const disks = stamped(MIRROR, [...serials], stamps === null ? null : [...stamps, `${stamps[0]?.slice(0, 35) ?? ''}0`])
        .filter(({ serial }) => serial !== without)
        .map((disk) => (disk.serial === medium ? { ...disk, isMedium: true } : disk));
      await world.see({ disks });
      await expect(world.desk.arm(world.order())).rejects.toMatchObject({ code: 'install.refused' });
      expect(await world.book.current(world.node.uuid)).toMatchObject({ stage: 'prepared' });
    },
  );

  it('fails where the port of the answer is not there any more', async () => {
    const world = await deskWorld({ cluster: POOL, profile: { cluster: 'home' } });
    const { stamps } = await world.desk.prepare(world.order());
    await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps), ports: [{ name: 'enp9s0', mac: '52:54:00:00:06:99' }] });
    await expect(world.desk.arm(world.order())).rejects.toThrow(MAC);
  });
});

it('sees an installation through to its end', async () => {
  const world = await deskWorld({ cluster: POOL, profile: { cluster: 'home' } });
  const { desk, node, book } = world;
  const standing = (goal: 'installed' | 'first-boot') => desk.standing(node.uuid, 'task-1', goal);
  const { stamps } = await desk.prepare(world.order());
  await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps) });
  await desk.arm(world.order());
  expect(await standing('installed')).toMatchObject({ state: 'waits', text: 'waits for it to boot into the installer' });
  const uuid = (await book.current(node.uuid))?.uuid ?? '';
  const urls = await urlsOf(book, uuid);
  await book.countBoot(uuid);
  const answer = await world.ask(urls.answer);
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toContain(`ID_PART_TABLE_UUID = "${stamps?.[0]?.slice(0, 8)}-*"`);
  expect(answer.body).toContain(urls.done);
  expect(answer.body).toContain(urls.firstBoot);
  // Whoever lost it gets the same bytes, from an appliance that was started anew too.
  expect((await world.ask(urls.answer)).body).toBe(answer.body);
  expect(await standing('installed')).toMatchObject({ state: 'waits' });
  await world.post(urls.done, hookBody());
  expect(await standing('installed')).toEqual({ state: 'reached' });
  expect(await standing('first-boot')).toMatchObject({ state: 'waits' });
  await world.post(urls.firstBoot, firstBootBody({ addresses: ['10.0.0.11/24', 'fe80::1/64', '10.9.9.9/24'] }), '10.0.0.11');
  expect(await standing('first-boot')).toEqual({ state: 'reached' });
  expect(await desk.signIn(node.uuid, 'task-1', new AbortController().signal)).toEqual({ address: '10.0.0.11', system: 'Linux' });
  expect(world.signedIn).toMatchObject([{ title: 'pve1', addresses: ['10.0.0.11'], hostKeys: [HOST_KEY] }]);
  expect(await book.current(node.uuid)).toMatchObject({ stage: 'reached' });
});

it('says what to look at after a while without a sign, tells people once, and gives up after three times as long', async () => {
  const world = await deskWorld();
  const { desk, node, clock } = world;
  const { stamps } = await desk.prepare(world.order());
  await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps) });
  await desk.arm(world.order());
  const armedAt = clock.now();
  const standing = () => desk.standing(node.uuid, 'task-1', 'installed');
  expect(await standing()).toMatchObject({ until: armedAt + 20 * 60_000 });
  await clock.advance(20 * 60_000);
  expect(await standing()).toMatchObject({ state: 'waits', until: armedAt + 40 * 60_000 });
  await standing();
  expect(await world.events('install.stalled')).toHaveLength(1);
  await clock.advance(40 * 60_000);
  expect(await standing()).toMatchObject({ state: 'failed' });
});

it('holds no time against a machine in which nobody listened', async () => {
  const world = await deskWorld();
  const { desk, node, clock, book, store, nodes } = world;
  const { stamps } = await desk.prepare(world.order());
  await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps) });
  await desk.arm(world.order());
  await clock.advance(24 * 3_600_000);
  const random = systemRandom;
  // As an appliance that was started anew has it, a day later.
  const anew = installBook({ store, nodes, clock, random, log: silentLog, certificate: null, onMove: () => Promise.resolve() });
  const silence = vi.spyOn(book, 'silence').mockImplementation((row) => anew.silence(row));
  onTestFinished(() => silence.mockRestore());
  const standing = () => desk.standing(node.uuid, 'task-1', 'installed');
  expect(await standing()).toMatchObject({ state: 'waits', until: clock.now() + 20 * 60_000 });
  await clock.advance(20 * 60_000);
  expect(await standing()).toMatchObject({
    state: 'waits',
    text: containing('nothing was heard of it for 20 min'),
    until: clock.now() + 20 * 60_000,
  });
  await clock.advance(40 * 60_000);
  expect(await standing()).toMatchObject({ state: 'failed' });
});

it('fails by its silence, and names it when the machine asked for its boot script again', async () => {
  const world = await deskWorld();
  const { desk, node, clock, book } = world;
  const { stamps } = await desk.prepare(world.order());
  await world.see({ disks: stamped(MIRROR, ['S1', 'S2'], stamps) });
  await desk.arm(world.order());
  const { uuid } = (await book.current(node.uuid)) ?? { uuid: '' };
  await book.countBoot(uuid);
  expect((await world.ask((await urlsOf(book, uuid)).answer)).statusCode).toBe(200);
  await clock.advance(5 * 60_000);
  await book.cameBack(uuid, 'it had its answer');
  const standing = () => desk.standing(node.uuid, 'task-1', 'installed');
  expect(await standing()).toMatchObject({ state: 'waits', text: containing('it asked for its boot script again at') });
  await clock.advance(55 * 60_000);
  expect(await standing()).toMatchObject({ state: 'failed', message: containing('its installer failed, or the machine was restarted') });
});
