// From a report to a machine that is taken in: proposals, the yes and the no, what makes them void, and what stops on the way.

import { expect, it } from 'vitest';
import { UNRECOGNISED } from '../../../src/inspect/index.ts';
import { RackseedError, systemClock } from '../../../src/lib/index.ts';
import { containing } from '../../support/containing.ts';
import { CEPH, report, WINDOWS, ZFS } from './machines.ts';
import { enrolWorld, OLGA, profile, rule } from './world.ts';

const MAC2 = '52:54:00:00:00:02';

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing was refused',
    (error: unknown) => (error instanceof RackseedError ? error.code : String(error)),
  );
}

it('proposes what the first rule that fits says, with a plan in the store, and takes in by one yes', async () => {
  const world = await enrolWorld({ rules: [rule({ name: 'other', match: { manufacturer: 'Dell*' } }), rule()] });
  const node = await world.discover(report());
  expect(await world.row(node)).toEqual({
    state: 'proposed',
    rule: 'minis',
    profile: 'web',
    name: 'web1',
    reason: 'rule minis fits: manufacturer is Example',
  });
  const { plan, matched } = await world.enrolment.proposal(node);
  expect([plan?.state, plan?.plan.disks.map(({ serial }) => serial), matched?.rule?.name]).toEqual(['proposed', ['S1'], 'minis']);
  expect(world.ran).toEqual([]);
  const approved = await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA);
  expect(approved).toMatchObject({ name: 'web1', next: containing('boot it again') });
  expect(await world.reachesRow(node, 'done')).toBe('it is active, as profile web says');
  expect(world.ran).toEqual(['web1 erase', 'web1 write']);
  expect(world.given).toMatchObject([{ disks: [{ serial: 'S1', expects: [] }] }, { disks: [{ serial: 'S1', expects: [UNRECOGNISED] }] }]);
  const after = await world.nodes.get(node.uuid);
  expect(after).toMatchObject({
    name: 'web1',
    provisionState: 'active',
    resourceClass: 'mini',
    interfaces: { deploy: 'direct' },
    instanceInfo: { image_source: 'http://images/web.raw', root_device: { serial: 'S1' } },
    extra: { profile: 'web' },
  });
  expect(after.driverInternalInfo).not.toHaveProperty('keep_agent');
  const [move] = (await world.nodes.history(node.uuid)).filter(({ event }) => event === 'manage');
  expect([move?.who, move?.actor]).toEqual(['user', 'olga']);
});

it('takes in by itself what a rule with auto_approve fits, each under a name of its own', async () => {
  const world = await enrolWorld({ rules: [rule({ auto_approve: true })] });
  await world.enrol('web2');
  const nodes = [await world.discover(report()), await world.discover(report({ mac: MAC2, disks: [{ serial: 'S2', holds: null }] }))];
  for (const node of nodes) await world.reachesRow(node, 'done');
  const names = await Promise.all(nodes.map(async ({ uuid }) => (await world.nodes.get(uuid)).name));
  expect(names).toEqual(['web1', 'web3']);
  const [plan] = await world.store.db.selectFrom('wipe_plans').select(['approved_by', 'state']).execute();
  expect(plan).toEqual({ approved_by: 'rule minis', state: 'standing' });
});

it('gives no number twice, also when the machine that had it is gone', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  for (const name of ['web1', 'web2']) {
    const node = await world.discover(report());
    const { plan } = await world.enrolment.proposal(node);
    expect((await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA)).name).toBe(name);
    await world.reachesRow(node, 'done');
    await world.ask(name, 'deleted');
    await world.store.transaction(async (tx) => world.nodes.remove(tx, await world.nodes.get(name, tx), OLGA));
  }
});

it('asks a person where a disk holds what may be missed, and takes a yes to its serial number', async () => {
  const world = await enrolWorld({ rules: [rule({ auto_approve: true })] });
  const node = await world.discover(report({ disks: [{ serial: 'OSD7', holds: CEPH }] }));
  const row = await world.row(node);
  expect([row?.state, row?.reason]).toEqual([
    'proposed',
    expect.stringContaining('rule minis would say yes, but SSD, 500 GB (serial OSD7): it holds OSD 3'),
  ]);
  const { plan } = await world.enrolment.proposal(node);
  const planHash = plan?.hash ?? '';
  await expect(world.enrolment.approve(node, { planHash }, OLGA)).rejects.toMatchObject({
    code: 'enrol.disks_refused',
    hint: containing('--wipe-serial OSD7'),
  });
  expect(await code(world.enrolment.approve(node, { planHash, wipeSerials: ['OSD8'] }, OLGA))).toBe('enrol.unknown_disk');
  expect(await code(world.enrolment.approve(node, { planHash: '0'.repeat(64), wipeSerials: ['OSD7'] }, OLGA))).toBe('enrol.plan_changed');
  await world.enrolment.approve(node, { planHash, wipeSerials: ['OSD7'] }, OLGA);
  await world.reachesRow(node, 'done');
  expect(world.given[0]).toMatchObject({ disks: [{ serial: 'OSD7', expects: ['ceph @0'] }] });
});

it('takes no serial number that two disks have for a yes, so that a disk which was shown as kept stays, and takes the WWN', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const disks = [
    { serial: 'DUAL', wwn: '0x5a', gb: 250, holds: ZFS },
    { serial: 'DUAL', wwn: '0x5b', holds: CEPH },
  ];
  const node = await world.discover(report({ disks }));
  const { plan } = await world.enrolment.proposal(node);
  expect(plan?.plan).toMatchObject({ refused: [{ name: '0x5a' }], kept: [{ title: 'SSD, 500 GB (serial DUAL, WWN 0x5b)' }] });
  const planHash = plan?.hash ?? '';
  const shared = { code: 'enrol.unknown_disk', message: containing('2 disks of'), hint: 'Its disks are 0x5a, 0x5b.' };
  await expect(world.enrolment.approve(node, { planHash, wipeSerials: ['DUAL'] }, OLGA)).rejects.toMatchObject(shared);
  await expect(world.enrolment.plan(node, { said: ['DUAL'] }, OLGA)).rejects.toMatchObject(shared);
  await world.enrolment.approve(node, { planHash, wipeSerials: ['0x5a'] }, OLGA);
  await world.reachesRow(node, 'done');
  expect(world.given[0]).toMatchObject({ disks: [{ serial: 'DUAL', wwn: '0x5a' }] });
});

it('takes the old hash for a disk that was shown as kept only with a name of its own', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const disks = [
    { serial: 'SYS', gb: 250, holds: null },
    { serial: 'NVME', holds: ZFS },
    { serial: 'NVME', gb: 4000, holds: CEPH },
    { serial: 'OLD', gb: 900, holds: ZFS },
  ];
  const node = await world.discover(report({ disks }));
  const planHash = (await world.enrolment.proposal(node)).plan?.hash ?? '';
  expect(await code(world.enrolment.approve(node, { planHash, wipeSerials: ['NVME'] }, OLGA))).toBe('enrol.unknown_disk');
  await world.enrolment.approve(node, { planHash, wipeSerials: ['OLD'] }, OLGA);
  await world.reachesRow(node, 'done');
  expect(world.given[0]).toMatchObject({ disks: [{ serial: 'SYS' }, { serial: 'OLD' }] });
});

it('does not say yes by a rule to what a person has only looked at', async () => {
  const world = await enrolWorld({ rules: [rule({ auto_approve: true })] });
  const words = report({ disks: [{ serial: 'Z', holds: ZFS }] });
  const node = await world.discover(words);
  expect((await world.enrolment.plan(node, { said: ['Z'] }, OLGA)).plan.refused).toEqual([]);
  await world.again(node, words);
  expect(await world.row(node)).toMatchObject({ state: 'proposed', reason: containing('a person has asked for a plan with Z') });
});

it('lets a rule overwrite file systems, and nothing more precious', async () => {
  const world = await enrolWorld({ rules: [rule({ auto_approve: true, overwrite_filesystems: true })] });
  const windows = await world.discover(report({ disks: [{ serial: 'W', holds: WINDOWS }] }));
  const pool = await world.discover(report({ mac: MAC2, disks: [{ serial: 'Z', holds: ZFS }] }));
  await world.reachesRow(windows, 'done');
  expect((await world.row(pool))?.state).toBe('proposed');
});

it('refuses a yes to disks that have changed since, and leaves the plan that holds now', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const node = await world.discover(report());
  const { plan: shown } = await world.enrolment.proposal(node);
  expect(await world.again(node, report({ disks: [{ serial: 'S2', holds: null }] }))).toContain(
    'rule minis fits it; waits 10 minutes for a yes',
  );
  await expect(world.enrolment.approve(node, { planHash: shown?.hash ?? '' }, OLGA)).rejects.toMatchObject({
    status: 409,
    code: 'enrol.plan_changed',
  });
  const { plan: now } = await world.enrolment.proposal(node);
  expect(now?.plan.disks.map(({ serial }) => serial)).toEqual(['S2']);
  expect(now?.hash).not.toBe(shown?.hash);
  const [event] = await world.store.events.list({ after: 0, limit: 10, type: 'enrol.plan_changed' });
  expect(event?.message).toMatch(/now: erases SSD, 500 GB \(serial S2\)/);
  expect(world.ran).toEqual([]);
});

it('proposes the same plan as long as nothing changes, and forgets a yes to a serial when something does', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const disks = [{ serial: 'Z', holds: ZFS }];
  const node = await world.discover(report({ disks }));
  const chosen = await world.enrolment.plan(node, { said: ['Z'] }, OLGA);
  expect(chosen.plan).toMatchObject({ said: ['Z'], refused: [] });
  await world.again(node, report({ disks }));
  expect((await world.enrolment.proposal(node)).plan?.hash).toBe(chosen.hash);
  await world.again(node, report({ disks: [{ serial: 'Z', holds: CEPH }] }));
  expect((await world.enrolment.proposal(node)).plan?.plan).toMatchObject({ said: [], disks: [], refused: [{ name: 'Z' }] });
  expect(await world.store.db.selectFrom('wipe_plans').select('state').where('state', '=', 'proposed').execute()).toHaveLength(1);
});

it('voids a yes when the disks change after it, and cleaning fails rather than doing something else', async () => {
  let swap: (() => Promise<unknown>) | undefined;
  const world = await enrolWorld({ rules: [rule()], act: async (step) => void (step === 'erase' && (await swap?.())) });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  swap = () => world.again(node, report({ disks: [{ serial: 'NEW', holds: null }] }));
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA);
  expect(await world.reachesRow(node, 'failed')).toMatch(
    /deploy failed.*was approved is void: SSD, 500 GB \(serial S1\) is no longer in the machine/,
  );
  expect(world.ran).toEqual(['web1 erase']);
  expect((await world.nodes.get(node.uuid)).driverInternalInfo).not.toHaveProperty('keep_agent');
});

it('stops with what was wrong and the next step, and goes on by another yes', async () => {
  let isBroken = true;
  const act = (step: string): void => {
    if (step === 'erase' && isBroken)
      throw new RackseedError('power.step_failed', { status: 500, about: '' }, { message: 'disk S1 does not answer' });
  };
  const world = await enrolWorld({ rules: [rule()], act });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  const planHash = plan?.hash ?? '';
  await world.enrolment.approve(node, { planHash }, OLGA);
  expect(await world.reachesRow(node, 'failed')).toMatch(
    /Clean did not come to its end: node web1 is clean failed: .*disk S1 does not answer.*rackseed node approve web1/,
  );
  expect(await world.nodes.get(node.uuid)).toMatchObject({ name: 'web1', provisionState: 'clean failed', maintenance: true });
  isBroken = false;
  const { plan: again } = await world.enrolment.proposal(node);
  await world.enrolment.approve(await world.nodes.get('web1'), { planHash: again?.hash ?? '' }, OLGA);
  await world.reachesRow(node, 'done');
  expect(await world.nodes.get('web1')).toMatchObject({ provisionState: 'active', maintenance: false });
});

it('goes on by the yes that was given when it stopped after cleaning, as the disks are ours then', async () => {
  let isBroken = true;
  const act = (step: string): void => {
    if (step === 'write' && isBroken) throw new RackseedError('power.step_failed', { status: 500, about: '' }, { message: 'no image' });
  };
  const world = await enrolWorld({ rules: [rule()], act });
  const node = await world.discover(report({ disks: [{ serial: 'S1', holds: { table: 'gpt', tableUuid: 'x' } }] }));
  const { plan } = await world.enrolment.proposal(node);
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA);
  expect(await world.reachesRow(node, 'failed')).toContain('Deploy did not come to its end: node web1 is deploy failed');
  await world.again(await world.nodes.get('web1'), report());
  const { plan: standing } = await world.enrolment.proposal(await world.nodes.get('web1'));
  expect([standing?.state, standing?.hash]).toEqual(['standing', plan?.hash]);
  isBroken = false;
  await world.enrolment.approve(await world.nodes.get('web1'), { planHash: standing?.hash ?? '' }, OLGA);
  await world.reachesRow(node, 'done');
  expect(world.ran).toEqual(['web1 erase', 'web1 write', 'web1 write']);
});

it('goes on to an installation of Proxmox where one can be made', async () => {
  const world = await enrolWorld({ rules: [rule({ profile: 'pve' })], profiles: [profile({ name: 'pve', os: 'proxmox' })] });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '', name: 'pve7' }, OLGA);
  expect(await world.reachesRow(node, 'done')).toBe('it is active, as profile pve says');
  expect(world.ran).toEqual(['pve7 erase', 'pve7 write']);
});

it('is over when the machine is installed, also where its pipeline began at once and failed', async () => {
  const world = await enrolWorld({
    rules: [rule({ profile: 'pve' })],
    profiles: [profile({ name: 'pve', os: 'proxmox', pipeline: 'standalone' })],
  });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  // Whoever begins pipelines may be quicker than the task looks.
  const moved: Promise<void>[] = [];
  const failIt = async (): Promise<void> => {
    const now = await world.nodes.get(node.uuid);
    if (now.provisionState === 'active') await world.put(now, 'service failed');
  };
  const unwatch = world.store.events.subscribe(() => moved.push(failIt()));
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '', name: 'pve7' }, OLGA);
  const words = await world.reachesRow(node, 'done');
  unwatch();
  await Promise.all(moved);
  expect(words).toMatch(/^it is (?:active|service failed), as profile pve says; its pipeline standalone follows$/);
  expect((await world.nodes.get(node.uuid)).provisionState).toBe('service failed');
});

it('voids the yes to disks that were erased when somebody installs something on them by hand, and says yes to nothing by itself', async () => {
  let isBroken = true;
  const act = (step: string): void => {
    if (step === 'write' && isBroken) throw new RackseedError('power.step_failed', { status: 500, about: '' }, { message: 'no image' });
  };
  const world = await enrolWorld({ rules: [rule()], act });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA);
  await world.reachesRow(node, 'failed');
  await world.again(await world.nodes.get('web1'), report({ disks: [{ serial: 'S1', holds: ZFS }] }));
  const row = await world.store.db
    .selectFrom('wipe_plans')
    .select(['state', 'reason'])
    .where('hash', '=', plan?.hash ?? '')
    .executeTakeFirst();
  expect(row).toEqual({ state: 'void', reason: containing('holds what was not put there by us since it was erased: pool tank') });
  const { plan: now } = await world.enrolment.proposal(await world.nodes.get('web1'));
  expect(now).toMatchObject({ state: 'proposed', plan: { disks: [], refused: [{ name: 'S1', isNeeded: true }] } });
  isBroken = false;
  const work = world.enrolment.approve(await world.nodes.get('web1'), { planHash: now?.hash ?? '' }, OLGA);
  await expect(work).rejects.toMatchObject({ code: 'enrol.disks_refused' });
  expect(world.ran).toEqual(['web1 erase', 'web1 write']);
});

it('stops after cleaning for Proxmox while no installer is there, with the reason, and without a profile', async () => {
  const world = await enrolWorld({
    installRefusal: 'no installer of Proxmox VE has been imported',
    rules: [rule({ profile: 'pve' })],
    profiles: [profile({ name: 'pve', os: 'proxmox', cluster: 'home' })],
  });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  await world.enrolment.approve(node, { planHash: plan?.hash ?? '', name: 'pve7' }, OLGA);
  expect(await world.reachesRow(node, 'done')).toBe(
    'it is available, and not installed: no installer of Proxmox VE has been imported; deploy it when that is put right',
  );
  expect(await world.nodes.get('pve7')).toMatchObject({
    provisionState: 'available',
    interfaces: { deploy: 'proxmox' },
    extra: { profile: 'pve', cluster: 'home' },
  });
  const other = await world.discover(report({ mac: MAC2, disks: [{ serial: 'S2', holds: null }] }));
  const chosen = await world.enrolment.plan(other, { profile: null }, OLGA);
  await world.enrolment.approve(other, { planHash: chosen.hash, profile: null }, OLGA);
  expect(await world.reachesRow(other, 'done')).toBe('it is available, without a profile');
});

it('binds the yes to the profile too', async () => {
  const world = await enrolWorld({ rules: [rule()], profiles: [profile(), profile({ name: 'all', wipe: 'all' })] });
  const node = await world.discover(
    report({
      disks: [
        { serial: 'A', gb: 250, holds: null },
        { serial: 'B', holds: null },
      ],
    }),
  );
  const { plan } = await world.enrolment.proposal(node);
  expect(await code(world.enrolment.approve(node, { planHash: plan?.hash ?? '', profile: 'all' }, OLGA))).toBe('enrol.plan_changed');
  expect(await code(world.enrolment.approve(node, { planHash: plan?.hash ?? '', profile: 'nope' }, OLGA))).toBe('enrol.unknown_profile');
  const chosen = await world.enrolment.plan(node, { profile: 'all' }, OLGA);
  expect(chosen.plan.disks.map(({ serial }) => serial)).toEqual(['A', 'B']);
  expect((await world.enrolment.approve(node, { planHash: chosen.hash }, OLGA)).plan.plan.profile).toBe('all');
  await world.reachesRow(node, 'done');
});

it('refuses what can not be approved, in words', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const node = await world.discover(report());
  const yes = { planHash: (await world.enrolment.proposal(node)).plan?.hash ?? '' };
  await world.enrol('bare');
  expect(await code(world.enrolment.approve(await world.nodes.get('bare'), yes, OLGA))).toBe('enrol.not_ready');
  await world.enrolment.reject(node, 'not ours', OLGA);
  expect(await code(world.enrolment.approve(node, yes, OLGA))).toBe('enrol.wrong_state');
  await world.enrolment.unreject(node, OLGA);
  await world.store.transaction(async (tx) => world.nodes.update(tx, await world.nodes.get(node.uuid, tx), { ignored: true }, OLGA));
  await expect(world.enrolment.approve(node, yes, OLGA)).rejects.toMatchObject({ message: containing('it is ignored') });
  await world.store.transaction(async (tx) =>
    world.nodes.update(tx, await world.nodes.get(node.uuid, tx), { ignored: false, name: 'taken' }, OLGA),
  );
  expect(await code(world.enrolment.approve(node, { ...yes, name: 'bare' }, OLGA))).toBe('nothing was refused');
  expect(await world.reachesRow(node, 'failed')).toContain('bare');
  await world.put(await world.nodes.get(node.uuid), 'active');
  expect(await code(world.enrolment.approve(node, yes, OLGA))).toBe('enrol.wrong_state');
});

it('takes nothing in on a site that only watches', async () => {
  const world = await enrolWorld({ rules: [rule({ auto_approve: true })], observeOnly: () => 'this site is observe-only' });
  const node = await world.discover(report());
  expect((await world.row(node))?.reason).toContain('but this site is observe-only');
  const { plan } = await world.enrolment.proposal(node);
  expect(await code(world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA))).toBe('enrol.observe_only');
});

it('is listed by pages, the oldest first, also when the last one of a page is no longer in its state', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const nodes = await Promise.all(['02', '03', '04'].map((end) => world.discover(report({ mac: `52:54:00:00:00:${end}` }))));
  const first = await world.enrolment.list(['proposed'], { limit: 2 });
  const [one, two, three] = [...nodes].map(({ uuid }) => uuid);
  const page = (rows: typeof first) => rows.map(({ node }) => node.uuid);
  const all = page(await world.enrolment.list(['proposed'], { limit: 50 }));
  expect(new Set(all)).toEqual(new Set([one, two, three]));
  expect(page(first)).toEqual(all.slice(0, 2));
  const last = nodes.find(({ uuid }) => uuid === all[1]) ?? expect.unreachable();
  await world.enrolment.reject(last, 'the printer', OLGA);
  expect(page(await world.enrolment.list(['proposed'], { limit: 2, after: last.uuid }))).toEqual(all.slice(2));
});

it('keeps a rejected machine in the list, and neither rules nor reports take it in', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const node = await world.discover(report());
  const rejected = await world.enrolment.reject(node, 'the printer', OLGA);
  expect(rejected.driverInternalInfo).toMatchObject({ enrol_rejected: 'rejected by olga: the printer' });
  expect(await world.again(node, report())).toContain('is rejected by olga: the printer; it goes on to its own disk');
  expect((await world.enrolment.list(['rejected'])).map((one) => one.node.uuid)).toEqual([node.uuid]);
  expect((await world.enrolment.unreject(node, OLGA)).driverInternalInfo).not.toHaveProperty('enrol_rejected');
  expect((await world.row(node))?.state).toBe('proposed');
  expect(await code(world.enrolment.unreject(node, OLGA))).toBe('enrol.wrong_state');
});

it('sends a machine to its own disk when nobody said yes in time, once, and says so; not before, and not while nobody runs there', async () => {
  const world = await enrolWorld({ rules: [rule()], waitMinutes: 10 });
  const node = await world.discover(report());
  const orders = () => world.played.placed.map(({ name }) => name);
  world.played.heard(node.uuid);
  await world.enrolment.tick();
  expect(orders()).toEqual([]);
  const begun = systemClock.now() - 10 * 60_000;
  await world.store.db.updateTable('nodes').set({ created_at: begun }).where('uuid', '=', node.uuid).execute();
  world.window.since = systemClock.now();
  await world.enrolment.tick();
  expect(orders()).toEqual([]);
  world.window.since = null;
  await world.enrolment.tick();
  await world.enrolment.tick();
  expect(orders()).toEqual(['reboot']);
  const told = await world.store.events.list({ after: 0, limit: 10, type: 'enrol.sent_away' });
  expect(told.map(({ message }) => message)).toEqual([
    expect.stringContaining('nobody said yes to it within 10 minutes; approve it and boot it again'),
  ]);
  expect((await world.row(node))?.reason).toContain('it was told to start its own disk');
  expect(world.played.take(node.uuid)).toBe('reboot');
  await world.enrolment.tick();
  expect(orders()).toEqual(['reboot']);
});

it('sends a rejected machine away at once', async () => {
  const world = await enrolWorld();
  const node = await world.discover(report());
  world.played.heard(node.uuid);
  await world.enrolment.reject(node, '', OLGA);
  await world.enrolment.tick();
  expect(world.played.placed.map(({ name }) => name)).toEqual(['reboot']);
});

it('looks at machines whose report came by another way, and leaves nodes that a person made alone', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const { inventory, pluginData } = report();
  const input = { ports: [], interfaces: { power: 'fake' } } as const;
  const [found, made] = await world.store.transaction(async (tx) => {
    const nodes = [
      await world.nodes.create(tx, { driver: 'manual-management', ...input }, OLGA),
      await world.nodes.create(tx, { driver: 'fake-hardware', ports: [] }, OLGA),
    ];
    for (const node of nodes)
      await world.nodes.saveInventory(tx, node.uuid, { inventory: { ...inventory }, pluginData: { ...pluginData } });
    return nodes;
  });
  if (found === undefined || made === undefined) return expect.unreachable();
  await world.enrolment.tick();
  expect((await world.row(found))?.rule).toBe('minis');
  expect(await world.row(made)).toBeUndefined();
});

it('keeps few plans of a machine that says something else each time', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const node = await world.discover(report());
  for (let at = 0; at < 30; at += 1) await world.again(node, report({ disks: [{ serial: `S${at}`, gb: 100 + at, holds: null }] }));
  const rows = await world.store.db.selectFrom('wipe_plans').select('state').execute();
  expect(rows.length).toBeLessThanOrEqual(21);
  expect(rows.filter(({ state }) => state === 'proposed')).toHaveLength(1);
});

it('tells what rules would do, and uses up no name for it', async () => {
  const world = await enrolWorld({ rules: [rule()] });
  const { inventory, pluginData } = report();
  const ask = () => world.enrolment.test({ inventory: { ...inventory }, pluginData: { ...pluginData } });
  expect(await ask()).toMatchObject({ rule: { name: 'minis' }, name: 'web1' });
  expect(await ask()).toMatchObject({ name: 'web1', traces: [{ rule: 'minis', fits: true }] });
});

it('says that it stopped when its task was cancelled while it waited', async () => {
  const held = Promise.withResolvers<undefined>();
  const world = await enrolWorld({ rules: [rule()], act: () => held.promise });
  const node = await world.discover(report());
  const { plan } = await world.enrolment.proposal(node);
  const { taskId } = await world.enrolment.approve(node, { planHash: plan?.hash ?? '' }, OLGA);
  await expect.poll(() => world.ran.length).toBe(1);
  await world.store.transaction((tx) => world.tasks.cancel(tx, taskId, 'olga thought better of it'));
  expect(await world.reachesRow(node, 'failed')).toContain('olga thought better of it');
  held.resolve(undefined);
});
