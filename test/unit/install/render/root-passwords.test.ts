import { expect, test } from 'vitest';
import { createRootPasswords } from '../../../../src/install/render/root-passwords.ts';
import { Secret, sha512Crypt, silentLog, systemClock, systemRandom } from '../../../../src/lib/index.ts';
import { createNodes } from '../../../../src/nodes/index.ts';
import { openTestStore } from '../../../support/store.ts';

async function world(first: string | null = null) {
  const store = await openTestStore();
  const nodes = createNodes({ store, clock: systemClock, random: systemRandom, log: silentLog });
  const node = (name: string) => store.transaction((tx) => nodes.create(tx, { name, driver: 'manual-management' }, { who: 'user' }));
  let configured = first;
  const passwords = createRootPasswords({
    store,
    random: systemRandom,
    configured: () => Promise.resolve(configured === null ? null : new Secret(configured)),
  });
  return {
    store,
    nodes,
    node,
    passwords,
    configure: (text: string | null) => {
      configured = text;
    },
  };
}

test('each node has one of its own, of letters that nobody mistakes, and keeps it', async () => {
  const { passwords, node, store } = await world();
  const [one, two] = [await node('one'), await node('two')];
  const made = await passwords.of(one.uuid);
  expect(made.clear.reveal()).toMatch(/^[abcdefghjkmnpqrstuvwx2-9]{20}$/);
  expect(sha512Crypt(made.clear.reveal(), made.hashed.split('$')[2] ?? '')).toBe(made.hashed);
  expect((await passwords.of(one.uuid)).hashed).toBe(made.hashed);
  expect((await passwords.of(two.uuid)).clear.reveal()).not.toBe(made.clear.reveal());
  expect((await passwords.show({ uuid: one.uuid, title: 'one' }, 'olga')).reveal()).toBe(made.clear.reveal());
  const [event] = await store.events.list({ after: 0, limit: 10, type: 'install.password_shown' });
  expect(event).toMatchObject({ nodeUuid: one.uuid, message: 'olga read the password of root' });
});

test('asked for twice at once it is one', async () => {
  const { passwords, node } = await world();
  const { uuid } = await node('one');
  const made = await Promise.all([passwords.of(uuid), passwords.of(uuid), passwords.of(uuid)]);
  expect(new Set(made.map(({ hashed }) => hashed)).size).toBe(1);
});

test('that of the configuration comes first, also when it comes or goes later; shown is what was last given', async () => {
  const { passwords, node, configure } = await world('correct horse');
  const { uuid } = await node('one');
  const first = await passwords.of(uuid);
  expect(first.clear.reveal()).toBe('correct horse');
  expect((await passwords.of(uuid)).hashed).toBe(first.hashed);
  configure('battery staple');
  expect((await passwords.show({ uuid, title: 'one' }, 'olga')).reveal()).toBe('correct horse');
  expect((await passwords.of(uuid)).clear.reveal()).toBe('battery staple');
  configure(null);
  expect((await passwords.of(uuid)).clear.reveal()).toMatch(/^[a-x2-9]{20}$/);
});

test.each([
  ['short', 'has 5 bytes'],
  ['x'.repeat(65), 'has 65 bytes'],
  ['two lines\nof it', 'holds a line break'],
])('%j is refused before anything is touched, and not repeated in the words', async (text, words) => {
  const { passwords, node } = await world(text);
  const { uuid } = await node('one');
  await expect(passwords.of(uuid)).rejects.toMatchObject({
    code: 'install.weak_root_password',
    message: expect.stringContaining(words) as unknown,
  });
  await expect(passwords.of(uuid)).rejects.not.toThrow(text);
});

test('a node that was never installed has none, and those of nodes that are gone go', async () => {
  const { store, nodes, passwords, node } = await world();
  const [one, two] = [await node('one'), await node('two')];
  await expect(passwords.show({ uuid: one.uuid, title: 'one' }, 'olga')).rejects.toMatchObject({ code: 'install.no_root_password' });
  await passwords.of(one.uuid);
  await store.transaction((tx) => nodes.remove(tx, one, { who: 'user' }));
  await passwords.of(two.uuid);
  const names = await store.db.selectFrom('secrets').select('name').where('name', 'like', 'node-root-password/%').execute();
  expect(names.map(({ name }) => name)).toEqual([`node-root-password/${two.uuid}`]);
});
