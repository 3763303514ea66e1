// Installations whose nodes went another way: the record says so, and nothing of them is answered any more.

import { describe, expect, it } from 'vitest';
import { createGivenUp } from '../../src/install/index.ts';
import { silentLog } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { type InstallSite, installSite } from '../support/install.ts';

async function moveTo({ store, node }: InstallSite, state: string, lastError: string | null = null): Promise<void> {
  await store.db.updateTable('nodes').set({ provision_state: state, last_error: lastError }).where('uuid', '=', node.uuid).execute();
}

const givenUp = ({ store, clock, book }: InstallSite) => createGivenUp({ store, clock, book, log: silentLog });

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
