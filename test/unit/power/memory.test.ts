import { describe, expect, it } from 'vitest';
import { createMemory, forgetGoneNodes } from '../../../src/power/index.ts';
import { openWorld } from '../nodes/world.ts';

describe('what a driver remembers', () => {
  it('is there after a restart, and gone when it forgets it', async () => {
    const { store, clock } = await openWorld();
    const uuid = '11111111-2222-4333-8444-555555555555';
    await createMemory({ store, clock }).write('ssh', uuid, { key: 'SHA256:abc' });
    const again = createMemory({ store, clock });
    expect(await again.read('ssh', uuid)).toEqual({ key: 'SHA256:abc' });
    expect(await again.read('wol', uuid)).toEqual({});
    await again.write('ssh', uuid, {});
    expect(await createMemory({ store, clock }).read('ssh', uuid)).toEqual({});
    expect(await store.db.selectFrom('settings').selectAll().where('key', 'like', 'driver:%').execute()).toEqual([]);
  });

  it('is right with many writing at once and few kept at hand', async () => {
    const { store, clock } = await openWorld();
    const memory = createMemory({ store, clock, maxCached: 3 });
    const uuids = Array.from({ length: 30 }, (_, index) => `00000000-0000-4000-8000-0000000000${10 + index}`);
    await Promise.all(uuids.flatMap((uuid) => [1, 2, 3].map((round) => memory.write('fake', uuid, { round }))));
    for (const uuid of uuids) expect(await memory.read('fake', uuid)).toEqual({ round: 3 });
  });

  it('goes with the node', async () => {
    const world = await openWorld();
    const { store, clock } = world;
    const memory = createMemory({ store, clock });
    const node = await world.enrol();
    const gone = '11111111-2222-4333-8444-555555555555';
    for (const uuid of [node.uuid, gone]) for (const driver of ['ssh', 'fake']) await memory.write(driver, uuid, { a: 1 });
    await forgetGoneNodes(store);
    const rows = await store.db.selectFrom('settings').select('key').where('key', 'like', 'driver:%').orderBy('key').execute();
    expect(rows.map((row) => row.key)).toEqual([`driver:fake:${node.uuid}`, `driver:ssh:${node.uuid}`]);
  });
});
