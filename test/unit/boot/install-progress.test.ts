import { expect, it } from 'vitest';
import { createInstallBook } from '../../../src/boot/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore, temporaryUrl } from '../../support/store.ts';

const NODE = '00000000-0000-4000-8000-000000000001';

it('the boots of an installer are counted across a restart, and anew for another deployment', async () => {
  const url = await temporaryUrl();
  const clock = createFakeClock();
  const earlier = await openTestStore({ url });
  const before = createInstallBook({ store: earlier, clock });
  expect(await before.get(NODE, 'one')).toEqual({ boots: 0, answerServed: false, done: false });
  expect((await before.countBoot(NODE, 'one')).boots).toBe(1);
  expect((await before.countBoot(NODE, 'one')).boots).toBe(2);
  await earlier.close();
  const store = await openTestStore({ url });
  const book = createInstallBook({ store, clock });
  expect(await book.get(NODE, 'one')).toEqual({ boots: 2, answerServed: false, done: false });
  await store.transaction((tx) => book.mark(tx, NODE, 'one', 'answerServed'));
  expect(await book.get(NODE, 'one')).toEqual({ boots: 2, answerServed: true, done: false });
  expect(await book.get(NODE, 'two')).toEqual({ boots: 0, answerServed: false, done: false });
  expect(await book.countBoot(NODE, 'two')).toEqual({ boots: 1, answerServed: false, done: false });
});

it('a count that cannot be read is taken for used up', async () => {
  const store = await openTestStore();
  await store.db
    .insertInto('settings')
    .values({ key: `install.${NODE}`, value: JSON.stringify({ deployment: 'one' }), updated_at: 0 })
    .execute();
  expect((await createInstallBook({ store, clock: createFakeClock() }).get(NODE, 'one')).boots).toBeGreaterThan(3);
});
