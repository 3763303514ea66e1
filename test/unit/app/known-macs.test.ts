import { expect, it } from 'vitest';
import { createKnownMacs } from '../../../src/app-known-macs.ts';
import { parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const mac = parseMac('52:54:00:00:00:01');

it('the ports of nodes are known after they were read, and read again only after a while', async () => {
  const [store, clock] = [await openTestStore(), createFakeClock()];
  const known = createKnownMacs({ store, clock, log: silentLog });
  if (mac === undefined) throw new Error('not a MAC');
  await known.refresh();
  expect(known.has(mac)).toBe(false);
  const nodes = createNodes({ store, clock, random: systemRandom, log: silentLog });
  await store.transaction((tx) =>
    nodes.create(tx, { driver: 'manual-management', name: 'pve1', ports: [{ address: mac }] }, { who: 'user', actor: 'test' }),
  );
  expect(known.has(mac)).toBe(false);
  await known.refresh();
  expect(known.has(mac)).toBe(true);
  await store.close();
  await clock.advance(30_000);
  expect(known.has(mac), 'a store that fails takes nothing away').toBe(true);
  await known.refresh();
  expect(known.has(mac)).toBe(true);
});
