import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Secret, systemClock, systemRandom } from '../../../../src/lib/index.ts';
import {
  driverInfoContext,
  loadStoreKeys,
  ROTATION_STEPS,
  type RotationStep,
  rotateStoreKey,
  type Store,
  type StoreKey,
} from '../../../../src/store/index.ts';
import { addNode, NODE, TASK } from '../rows.ts';
import type { Bench } from '../suite.ts';

export function rotationTests(bench: Bench): void {
  it('seals everything with the new key and drops the old one', async () => {
    const { store, keyFile, keys, url } = await sealedStore(bench);
    const [old] = keys;
    const result = await rotate(store, keyFile);
    expect(result).toMatchObject({ dropped: [old?.id], resealed: 6 });
    await expectSecrets(store);
    await store.close();
    const text = await readFile(keyFile, 'utf8');
    expect(text).toContain(result.keyId);
    expect(text).not.toContain(old?.id);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    await expect(bench.open({ url, keys })).rejects.toMatchObject({ code: 'store.key_wrong' });
    await expectSecrets(await bench.open({ url, keys: await load(url, keyFile) }));
  });

  it('goes on sealing and opening while the key is changed, and leaves nothing behind that was sealed with the old one', async () => {
    const { store, keyFile, url } = await sealedStore(bench);
    const early = store.vault.seal(new Secret('late'), 'secrets/late');
    // Sealed before the change, written after the first pass: in the time that is given for just that.
    const sleep = async (): Promise<void> => {
      await put(store, 'late', early);
    };
    await rotateStoreKey(store, { keyFile, clock: { ...systemClock, sleep }, random: systemRandom });
    await store.close();
    const again = await bench.open({ url, keys: await load(url, keyFile) });
    expect((await again.vault.get('late'))?.reveal()).toBe('late');
  });

  it.each(ROTATION_STEPS)('can be cut off after the step %s: everything still opens, and a second run ends it', async (step) => {
    const { store, keyFile, url } = await sealedStore(bench);
    await expect(rotate(store, keyFile, step)).rejects.toThrow('cut off');
    await store.close(); // nothing of the rotation runs on: as after a kill, only the files and the database remain
    const second = await bench.open({ url, keys: await load(url, keyFile) });
    await expectSecrets(second);
    const result = await rotate(second, keyFile);
    await second.close();
    const keys = await load(url, keyFile);
    expect(keys.map((key) => key.id)).toEqual([result.keyId]);
    await expectSecrets(await bench.open({ url, keys }));
  });

  it('refuses when the key in use does not come from the key file', async () => {
    const { keyFile } = await sealedStore(bench);
    const other = await bench.open();
    await expect(rotate(other, keyFile)).rejects.toMatchObject({ code: 'store.key_missing' });
  });

  it('makes a key for a new database only', async () => {
    const url = await bench.fixture.freshUrl();
    const directory = await temporaryDirectory();
    const keyFile = join(directory, 'key');
    const keys = await load(url, keyFile);
    expect(await load(url, keyFile)).toEqual(keys);
    await (await bench.open({ url, keys })).close();
    await rm(keyFile);
    await expect(load(url, keyFile)).rejects.toMatchObject({ code: 'store.key_missing' });
  });
}

interface Sealed {
  readonly store: Store;
  readonly keyFile: string;
  readonly keys: readonly StoreKey[];
  readonly url: string;
}

/** A store with a named secret, a node with two sealed values in its driver_info, one of them deep inside, an order, a rescue, an installation. */
async function sealedStore(bench: Bench): Promise<Sealed> {
  const url = await bench.fixture.freshUrl();
  const keyFile = join(await temporaryDirectory(), 'key');
  const keys = await load(url, keyFile);
  const store = await bench.open({ url, keys });
  await store.transaction((tx) => store.vault.put(tx, 'tls.key', new Secret('named')));
  const at = driverInfoContext(NODE.uuid);
  const sealed = (text: string, path: string) => ({ $sealed: store.vault.seal(new Secret(text), `${at}/${path}`) });
  const driver_info = JSON.stringify({
    ipmi_address: '10.0.0.1',
    ipmi_password: sealed('flat', 'ipmi_password'),
    plugs: [{ url: 'http://x', token: sealed('deep', 'plugs/0/token') }],
  });
  await addNode(store, { driver_info });
  await addOrder(store);
  await addRescues(store);
  await addInstallations(store);
  return { store, keyFile, keys, url };
}

const ORDER_CONTEXT = `agent_orders/${NODE.uuid}/order-1/args`;

async function addOrder({ db, vault }: Store): Promise<void> {
  const names = { id: 'order-1', node_uuid: NODE.uuid, key: 'k', name: 'rescue', title: 'Open a rescue shell', state: 'waiting' };
  const times = { created_at: 1, updated_at: 1, given_at: null, heard_at: null, finished_at: null };
  const rest = { session: null, attempts: 0, progress: 0, progress_text: '', message: '', result: '{}' };
  const args = vault.seal(new Secret('ordered'), ORDER_CONTEXT);
  await db
    .insertInto('agent_orders')
    .values([
      { ...names, ...rest, ...times, args },
      // It has ended: nothing is kept of what it was given.
      { ...names, ...rest, ...times, id: 'order-2', key: 'l', state: 'done', args: '' },
    ])
    .execute();
}

const RESCUE_CONTEXT = `nodes/${NODE.uuid}/rescue_password`;

async function addRescues({ db, vault }: Store): Promise<void> {
  const args = (password: string) => JSON.stringify({ verb: 'rescue', password });
  const sealed = args(vault.seal(new Secret('rescued'), RESCUE_CONTEXT));
  await db
    .insertInto('tasks')
    .values([
      { ...TASK, id: 'rescue-1', state: 'waiting', args: sealed },
      // Opened by nobody any more: may be sealed with a key that is long gone.
      { ...TASK, id: 'rescue-2', state: 'succeeded', args: args('v1:gone:AAAA') },
    ])
    .execute();
}

const INSTALLATION = '6f1b4c1e-0000-4000-8000-0000000000e1';
const INSTALLATION_CONTEXT = `installations/${INSTALLATION}/secrets`;

async function addInstallations({ db, vault }: Store): Promise<void> {
  const made = { node_uuid: NODE.uuid, stage: 'armed', stage_at: 1, plan: '{}', boots: 0, answer_asks: 0, created_at: 1, updated_at: 1 };
  const hashes = (name: string) => ({ boot_id: name, answer_hash: `a${name}`, hook_hash: `h${name}`, first_boot_hash: `f${name}` });
  const bytes = { iso_bytes: 0, iso_total: 0 };
  const secrets = vault.seal(new Secret('installing'), INSTALLATION_CONTEXT);
  await db
    .insertInto('installations')
    .values([
      { uuid: INSTALLATION, deployment: 'd1', ...made, ...hashes('1'), ...bytes, secrets },
      { uuid: INSTALLATION.replace('e1', 'e2'), deployment: 'd2', ...made, ...hashes('2'), ...bytes, secrets: '', ended_at: 2 },
    ])
    .execute();
}

async function expectSecrets(store: Store): Promise<void> {
  expect((await store.vault.get('tls.key'))?.reveal()).toBe('named');
  const { driver_info } = await store.db.selectFrom('nodes').select('driver_info').executeTakeFirstOrThrow();
  const info: unknown = JSON.parse(driver_info);
  expect(info).toMatchObject({ ipmi_address: '10.0.0.1', plugs: [{ url: 'http://x' }] });
  const texts = [...driver_info.matchAll(/"\$sealed":"([^"]+)"/g)].map((match) => match[1] ?? '');
  const at = driverInfoContext(NODE.uuid);
  expect(store.vault.open(texts[0] ?? '', `${at}/ipmi_password`).reveal()).toBe('flat');
  expect(store.vault.open(texts[1] ?? '', `${at}/plugs/0/token`).reveal()).toBe('deep');
  const { args } = await store.db.selectFrom('agent_orders').select('args').where('id', '=', 'order-1').executeTakeFirstOrThrow();
  expect(store.vault.open(args, ORDER_CONTEXT).reveal()).toBe('ordered');
  const rescue = await store.db.selectFrom('tasks').select('args').where('id', '=', 'rescue-1').executeTakeFirstOrThrow();
  const { verb, password } = JSON.parse(rescue.args) as Record<string, unknown>; // the arguments of a task
  expect(verb).toBe('rescue');
  expect(store.vault.open(String(password), RESCUE_CONTEXT).reveal()).toBe('rescued');
  const installation = await store.db.selectFrom('installations').select('secrets').where('secrets', '!=', '').executeTakeFirstOrThrow();
  expect(store.vault.open(installation.secrets, INSTALLATION_CONTEXT).reveal()).toBe('installing');
}

function rotate(store: Store, keyFile: string, cutOffAfter?: RotationStep) {
  const clock = { ...systemClock, sleep: async () => undefined };
  return rotateStoreKey(store, {
    keyFile,
    clock,
    random: systemRandom,
    onStep: (step) => {
      if (step === cutOffAfter) throw new Error('cut off');
    },
  });
}

function put(store: Store, name: string, sealed: string): Promise<unknown> {
  return store.transaction((tx) => tx.insertInto('secrets').values({ name, sealed, updated_at: 1 }).execute());
}

function load(url: string, keyFile: string): Promise<readonly StoreKey[]> {
  return loadStoreKeys({ url, keyFile, random: systemRandom });
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-key-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
