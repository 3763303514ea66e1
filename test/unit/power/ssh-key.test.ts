import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { createApplianceKey } from '../../../src/power/index.ts';
import { openWorld } from '../nodes/world.ts';

it("the appliance's SSH key is made once, sealed in the store, and the same after a restart", async () => {
  const { store } = await openWorld();
  const first = createApplianceKey(store);
  const [line, again] = await Promise.all([first.publicLine(), first.publicLine()]);
  expect(again).toBe(line);
  expect(line).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ rackseed$/);
  const restarted = createApplianceKey(store);
  expect(await restarted.publicLine()).toBe(line);
  const key = (await restarted.privateKey()).reveal();
  expect(ssh2.utils.parseKey(key)).not.toBeInstanceOf(Error);
  expect(JSON.stringify(await store.db.selectFrom('settings').selectAll().execute())).not.toContain('PRIVATE KEY');
});
