// Machines whose firmware does not keep the boot order of their profile, over a real store: from the report of the first boot on, by what the
// agent reads later and by how they start.

import { describe, expect, it } from 'vitest';
import { createBootOrders } from '../../src/install/index.ts';
import { silentLog } from '../../src/lib/index.ts';
import type { ProvisionState } from '../../src/nodes/index.ts';
import { containing } from '../support/containing.ts';
import { firstBootBody, hookBody, type InstallSite, installSite } from '../support/install.ts';

async function installed(order: 'network-first' | 'disk-first', body: object = firstBootBody()) {
  const site = await installSite({ bootOrderOf: () => order });
  const { uuid, urls } = await site.armed();
  await site.ask(urls.answer);
  await site.post(urls.done, hookBody());
  await site.post(urls.firstBoot, body);
  await site.book.reached(uuid, 'root@10.0.0.11');
  await move(site, 'active');
  const { store, nodes, clock, node } = site;
  const orders = createBootOrders({ store, nodes, clock, log: silentLog, bootOrderOf: () => order });
  const seen = (first: string | null): Promise<void> =>
    store.transaction(async (tx) => orders.seen(tx, await nodes.get(node.uuid, tx), first));
  const hands = async (): Promise<unknown> => (await site.install.view(node.uuid)).needsHands;
  return { site, orders, seen, hands, uuid: node.uuid };
}

async function move({ store, node }: InstallSite, state: ProvisionState): Promise<void> {
  await store.db.updateTable('nodes').set({ provision_state: state }).where('uuid', '=', node.uuid).execute();
}

const REFUSED = firstBootBody({ bootOrder: { wanted: 'network-first', did: 'the firmware refused the new boot order', entries: [] } });

describe('a machine whose firmware does not keep its boot order', () => {
  it('needs hands from its first boot on, until the agent sees that somebody has set it, and each is told once', async () => {
    const { site, seen, hands } = await installed('network-first', REFUSED);
    expect(await hands()).toContain('the firmware refused the new boot order');
    const { driverInternalInfo } = await site.nodes.get(site.node.uuid);
    expect(driverInternalInfo.first_boot).toMatchObject({
      ssh_host_keys: [containing('ssh-ed25519')],
      needs_hands: { since: site.clock.now() },
    });
    await seen(null);
    expect(await hands()).not.toBeNull();
    await seen('network');
    await seen('network');
    expect(await hands()).toBeNull();
    expect(await site.events('install.needs_hands')).toHaveLength(1);
    expect(await site.events('install.hands_done')).toEqual([containing('pve1: its boot order is as it should be again')]);
    const after = await site.nodes.get(site.node.uuid);
    expect(after.driverInternalInfo.first_boot).toMatchObject({ ssh_host_keys: [containing('ssh-ed25519')] });
  });

  it('needs hands when that changes later', async () => {
    const { site, seen, hands } = await installed('network-first');
    expect(await hands()).toBeNull();
    await seen('disk');
    await seen('disk');
    expect(await hands()).toContain('not network first any more');
    expect(await site.events('install.needs_hands')).toHaveLength(1);
    expect((await site.install.view(site.node.uuid)).timeline.map(({ type }) => type)).toContain('install.needs_hands');
  });

  it('needs hands when it comes by the network though its disk is to be first, told once, and until the firmware says otherwise', async () => {
    const { site, orders, seen, hands, uuid } = await installed('disk-first');
    for (let at = 0; at < 4; at += 1) await orders.started(uuid);
    expect(await hands()).toContain('it started by the network');
    expect(await site.events('install.needs_hands')).toHaveLength(1);
    await seen('disk');
    expect(await hands()).toBeNull();
  });

  it('is nobody’s business where the network is to be first and it comes, or while another system is made of it', async () => {
    const { site, orders, seen, hands, uuid } = await installed('network-first');
    await orders.started(uuid);
    await orders.started('00000000-0000-4000-8000-000000000001');
    await move(site, 'clean wait');
    await seen('disk');
    expect(await hands()).toBeNull();
    await move(site, 'active');
    await site.store.db.updateTable('installations').set({ plan: '{"profile' }).execute();
    await seen('disk');
    expect((await site.nodes.get(uuid)).driverInternalInfo.first_boot).not.toHaveProperty('needs_hands');
  });
});
