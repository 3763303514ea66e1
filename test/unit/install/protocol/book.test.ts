import { expect, it } from 'vitest';
import { installBook } from '../../../../src/install/index.ts';
import { Secret, silentLog, systemRandom } from '../../../../src/lib/index.ts';
import { containing } from '../../../support/containing.ts';
import { addInstalled, installSite, PLAN } from '../../../support/install.ts';

it('begins once for a deployment, and a new deployment voids the one before', async () => {
  const { book, node } = await installSite();
  const order = { nodeUuid: node.uuid, deployment: 'one', plan: PLAN };
  const [first, again] = [await book.begin(order), await book.begin(order)];
  expect(again).toEqual(first);
  const second = await book.begin({ ...order, deployment: 'two' });
  expect(second.uuid).not.toBe(first.uuid);
  expect(await book.get(first.uuid)).toMatchObject({ stage: 'failed', failure: 'another deployment of the node has begun' });
  expect((await book.current(node.uuid))?.uuid).toBe(second.uuid);
  await expect(book.arm(first.uuid)).rejects.toMatchObject({ code: 'install.over' });
});

it('keeps of its secrets what opens with the key only, and nothing once it is over', async () => {
  const { book, node, store } = await installSite();
  const { uuid } = await book.begin({ nodeUuid: node.uuid, deployment: 'one', plan: PLAN });
  const { answer, hook, firstBoot } = await book.secrets(uuid);
  expect(new Set([answer, hook, firstBoot]).size).toBe(3);
  for (const secret of [answer, hook, firstBoot]) expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  const row = await store.db.selectFrom('installations').selectAll().executeTakeFirstOrThrow();
  for (const secret of [answer, hook, firstBoot]) expect(JSON.stringify(row)).not.toContain(secret);
  expect(store.vault.open(row.secrets, `installations/${uuid}/secrets`)).toBeInstanceOf(Secret);
  await book.abandon(node.uuid, 'one', 'the power was cut');
  expect(await store.db.selectFrom('installations').select('secrets').executeTakeFirstOrThrow()).toEqual({ secrets: '' });
  await expect(book.secrets(uuid)).rejects.toMatchObject({ code: 'install.over' });
});

it('forgets installations that are long over, and none that is under way', async () => {
  const { book, node, clock, store } = await installSite();
  for (let at = 0; at < 30; at += 1) {
    await book.begin({ nodeUuid: node.uuid, deployment: `d${at}`, plan: PLAN });
    await clock.advance(1);
  }
  const rows = await store.db.selectFrom('installations').select(['deployment', 'ended_at']).orderBy('created_at', 'desc').execute();
  expect(rows).toHaveLength(20);
  expect(rows[0]).toEqual({ deployment: 'd29', ended_at: null });
});

it('lets the installer boot three times until it has its answer, and no more', async () => {
  const { book, node, events } = await installSite();
  const { uuid } = await book.begin({ nodeUuid: node.uuid, deployment: 'one', plan: PLAN });
  await expect(book.countBoot(uuid)).rejects.toMatchObject({
    code: 'install.over',
    message: containing('not to be booted yet'),
  });
  await book.arm(uuid);
  const { bootId } = await book.get(uuid);
  for (const boots of [1, 2, 3]) {
    expect(await book.countBoot(uuid)).toMatchObject({ boots, stage: 'script' });
    await book.fetched(bootId, 'kernel', 5, 5);
  }
  await expect(book.countBoot(uuid)).rejects.toThrow('booted 3 times');
  expect(await events('install.boot')).toHaveLength(3);
});

it('counts no boot of a script by which nothing was loaded: whoever asks for it again has installed nothing', async () => {
  const { book, armed, events, clock } = await installSite();
  const { uuid } = await armed();
  await book.countBoot(uuid);
  const { signAt } = await book.get(uuid);
  await clock.advance(1000);
  for (let at = 0; at < 5; at += 1) expect(await book.countBoot(uuid)).toMatchObject({ boots: 1, stage: 'script', signAt });
  expect(await events('install.boot')).toHaveLength(1);
});

it('tells people that the machine asked for its boot script again, five times at most, and goes on', async () => {
  const { book, armed, events, clock, ask } = await installSite();
  const { uuid, urls } = await armed();
  await book.countBoot(uuid);
  await ask(urls.answer);
  const { signAt } = await book.get(uuid);
  expect(await book.cameBackAt(await book.get(uuid))).toBeNull();
  await book.cameBack(uuid, 'it had its answer');
  await book.cameBack(uuid, 'it had its answer');
  expect(await events('install.came_back')).toEqual([
    containing('asked for its boot script again: it had its answer. If that was the machine'),
  ]);
  for (let at = 0; at < 20; at += 1) {
    await clock.advance(60_000);
    await book.cameBack(uuid, 'it had its answer');
  }
  expect(await events('install.came_back')).toHaveLength(5);
  const row = await book.get(uuid);
  expect(row).toMatchObject({ stage: 'answered', signAt, failure: null });
  expect(await book.cameBackAt(row)).toBe(clock.now());
});

it('knows after a restart that the machine had asked again, and nothing of what was before its answer', async () => {
  const { book, armed, clock, ask, store, nodes } = await installSite();
  const { uuid, urls } = await armed();
  await book.countBoot(uuid);
  await book.cameBack(uuid, 'too early to say anything');
  await clock.advance(60_000);
  await ask(urls.answer);
  const anew = () =>
    installBook({ store, nodes, clock, random: systemRandom, log: silentLog, certificate: null, onMove: () => Promise.resolve() });
  const row = await book.get(uuid);
  expect([await book.cameBackAt(row), await anew().cameBackAt(row)]).toEqual([null, null]);
  await clock.advance(60_000);
  await book.cameBack(uuid, 'now');
  expect(await anew().cameBackAt(row)).toBe(clock.now());
  expect(await anew().cameBackAt({ ...row, stage: 'installed' })).toBeNull();
});

it('goes through its stages forward only, but for a new boot before the answer', async () => {
  const { book, armed } = await installSite();
  const { uuid, bootId } = await armed();
  await book.fetched(bootId, 'kernel', 5, 5);
  expect((await book.get(uuid)).stage).toBe('armed');
  await book.countBoot(uuid);
  await book.fetched(bootId, 'iso', 10, 100);
  await book.fetched(bootId, 'kernel', 5, 5);
  expect(await book.get(uuid)).toMatchObject({ stage: 'iso', isoBytes: 10, isoTotal: 100 });
  await book.countBoot(uuid);
  expect(await book.get(uuid)).toMatchObject({ stage: 'script', isoBytes: 0, boots: 2 });
  await book.fetched('nobody', 'kernel', 5, 5);
});

it('writes of the bytes of an ISO every two seconds or every twentieth, and always the end', async () => {
  const { book, armed, clock, store, events } = await installSite();
  const { uuid, bootId } = await armed();
  await book.countBoot(uuid);
  const written: number[] = [];
  const stored = async (bytes: number): Promise<void> => {
    await book.fetched(bootId, 'iso', bytes, 10_000);
    const { isoBytes } = await book.get(uuid);
    if (isoBytes === bytes) written.push(bytes);
  };
  await stored(1);
  await stored(2);
  await clock.advance(2000);
  await stored(3);
  await stored(502);
  await stored(503);
  await stored(9999);
  await stored(10_000);
  expect(written).toEqual([1, 3, 503, 9999, 10_000]);
  expect((await events('install.iso_fetched'))[0]).toContain('it has the whole ISO: 10 kB');
  await stored(10_000);
  expect(await events('install.iso_fetched')).toHaveLength(1);
  expect(await store.db.selectFrom('installations').select('iso_total').executeTakeFirst()).toEqual({ iso_total: 10_000 });
});

it('tells the rate of a download while it lasts', async () => {
  const { book, armed, clock } = await installSite();
  const { uuid, bootId } = await armed();
  await book.countBoot(uuid);
  await book.fetched(bootId, 'iso', 0, 1e9);
  expect(book.isoRate(uuid)).toBeNull();
  await clock.advance(2000);
  await book.fetched(bootId, 'iso', 80e6, 1e9);
  expect(book.isoRate(uuid)).toBe(40e6);
  await clock.advance(15_001);
  expect(book.isoRate(uuid)).toBeNull();
});

it('ends once: what comes after changes nothing', async () => {
  const { book, node, armed, events, woken } = await installSite();
  const { uuid } = await armed();
  await book.abandon(node.uuid, 'task-1', 'aborted');
  expect(woken).toEqual([]);
  await book.abandon(node.uuid, 'task-1', 'again');
  await book.abandon(node.uuid, 'no such', 'again');
  await expect(book.reached(uuid, 'x')).rejects.toMatchObject({ code: 'install.over' });
  expect(await book.get(uuid)).toMatchObject({ stage: 'failed', failure: 'the installation was given up: aborted' });
  expect(await events('install.abandoned')).toHaveLength(1);
  expect(await events('install.failed')).toHaveLength(0);
});

it('knows which installers are needed', async () => {
  const site = await installSite();
  await site.armed();
  expect([await site.book.uses(PLAN.installer), await site.book.uses('other')]).toEqual([true, false]);
  await site.book.abandon(site.node.uuid, 'task-1', 'x');
  expect(await site.book.uses(PLAN.installer)).toBe(false);
});

it('goes with its node', async () => {
  const site = await installSite();
  const other = await addInstalled(site, { mac: '52:54:00:00:06:09', name: 'other' }, 'available');
  const { uuid } = await site.book.begin({ nodeUuid: other.uuid, deployment: 'one', plan: PLAN });
  await site.store.transaction(async (tx) => site.nodes.remove(tx, other, { who: 'user', actor: 'test' }));
  await expect(site.book.get(uuid)).rejects.toMatchObject({ code: 'install.no_installation' });
});
