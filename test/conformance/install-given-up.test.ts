// Installations whose nodes went another way: the record says so, and nothing of them is answered any more.

import { describe, expect, it } from 'vitest';
import { createGivenUp } from '../../src/install/index.ts';
import { createVigil, type Log, silentLog } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { addInstalled, type InstallSite, installSite, PLAN } from '../support/install.ts';

async function moveTo({ store, node }: InstallSite, state: string, lastError: string | null = null): Promise<void> {
  await store.db.updateTable('nodes').set({ provision_state: state, last_error: lastError }).where('uuid', '=', node.uuid).execute();
}

const givenUp = ({ store, clock, book }: InstallSite, log: Log = silentLog) =>
  createGivenUp({ store, book, log, vigil: createVigil(clock) });

describe('an installation that was given up', () => {
  it.each([
    ['deploy failed', 'Deployment was aborted by request', 'Deployment was aborted by request'],
    ['deleting', null, 'its node is "deleting"'],
    ['available', null, 'its node is "available"'],
  ])('is over when its node is "%s", with the reason, once', async (state, error, why) => {
    const site = await installSite();
    const { uuid, urls } = await site.armed();
    await moveTo(site, state, error);
    await givenUp(site).tick();
    await givenUp(site).tick();
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'failed', failure: containing(why) });
    expect(await site.events('install.abandoned')).toHaveLength(1);
    expect((await site.ask(urls.answer)).statusCode).not.toBe(200);
  });

  it.each(['deploying', 'wait call-back', 'deploy hold'])('is none while its node is "%s"', async (state) => {
    const site = await installSite();
    const { uuid } = await site.armed();
    await moveTo(site, state, 'an old error');
    await givenUp(site).tick();
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'armed' });
  });

  it('is none when its system was reached', async () => {
    const site = await installSite();
    const { uuid } = await site.armed();
    await site.book.reached(uuid, 'root@10.0.0.11');
    await moveTo(site, 'active');
    await givenUp(site).tick();
    expect(await site.book.get(uuid)).toMatchObject({ stage: 'reached', failure: null });
  });

  it('is over also when the record of another one is damaged, which is told once', async () => {
    const site = await installSite();
    const damaged = await site.armed();
    await site.store.db.updateTable('installations').set({ stage: 'what?' }).where('uuid', '=', damaged.uuid).execute();
    const others = [];
    for (const [at, name] of ['pve2', 'pve3', 'pve4', 'pve5'].entries()) {
      const node = await addInstalled(site, { name, mac: `52:54:00:00:07:0${at}` }, 'deploy failed');
      others.push(await site.book.begin({ nodeUuid: node.uuid, deployment: 'd', plan: PLAN }));
    }
    await moveTo(site, 'deploy failed');
    const told: unknown[] = [];
    const log: Log = { ...silentLog, error: (fields, message) => void told.push([fields, message]) };
    const watch = givenUp(site, log);
    await watch.tick();
    await watch.tick();
    for (const { uuid } of others) expect(await site.book.get(uuid)).toMatchObject({ stage: 'failed' });
    expect(told).toEqual([[expect.objectContaining({ installation: damaged.uuid }), containing('could not be ended')]]);
  });

  it('is looked for by itself, and the looking ends when it is told to', async () => {
    const site = await installSite();
    const { uuid } = await site.armed();
    const watch = givenUp(site);
    await watch.start(new AbortController().signal);
    await moveTo(site, 'deploy failed');
    await site.clock.advance(6000);
    await expect.poll(async () => (await site.book.get(uuid)).stage, { timeout: 20_000 }).toBe('failed');
    await watch.stop();
  });
});
