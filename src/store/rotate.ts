// Changes the store's key while the appliance runs. At every moment the key file holds every key that anything in the
// database is sealed with, so it may be cut off anywhere and simply be run again.

import { assert, type Clock, type Random } from '../lib/index.ts';
import { fail } from './errors.ts';
import { writeKeyCheck } from './key-check.ts';
import { newKey, readKeyFile, writeKeyFile } from './keys.ts';
import { parseObject } from './text.ts';
import type { Store, StoreKey, Tx } from './types.ts';
import { driverInfoContext, keyIdOf, StoreVault, secretContext } from './vault.ts';

/** What was sealed just before the change of keys may be written just after the first pass. */
const GRACE_MS = 2000;

export const ROTATION_STEPS = ['key_added', 'resealed', 'resealed_again', 'old_keys_dropped'] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

export interface RotationOptions {
  readonly keyFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Told after each step, for progress (and for tests that cut it off there). */
  readonly onStep?: (step: RotationStep) => void;
}

export interface Rotation {
  readonly keyId: string;
  readonly dropped: readonly string[];
  readonly resealed: number;
}

export async function rotateStoreKey(store: Store, options: RotationOptions): Promise<Rotation> {
  const { vault } = store;
  assert(vault instanceof StoreVault, 'the keys of this vault cannot be changed');
  const old = await readKeyFile(options.keyFile);
  if (old?.some((key) => key.id === vault.keyId) !== true) throw notFromFile(options.keyFile);
  const key = newKey(options.random);
  await writeKeyFile(options.keyFile, [key, ...old]);
  vault.useKeys([key, ...old]);
  options.onStep?.('key_added');
  const first = await store.transaction((tx) => reseal(tx, vault));
  options.onStep?.('resealed');
  await options.clock.sleep(GRACE_MS, options.signal);
  const second = await store.transaction((tx) => reseal(tx, vault));
  options.onStep?.('resealed_again');
  await dropOldKeys(vault, key, options.keyFile);
  options.onStep?.('old_keys_dropped');
  return { keyId: key.id, dropped: old.map(({ id }) => id), resealed: first + second };
}

async function dropOldKeys(vault: StoreVault, key: StoreKey, keyFile: string): Promise<void> {
  await writeKeyFile(keyFile, [key]);
  vault.useKeys([key]);
}

/** Everything not sealed with the newest key: named secrets, values in driver_info, orders, tasks, installations, the check value. */
async function reseal(tx: Tx, vault: StoreVault): Promise<number> {
  const secrets = await resealSecrets(tx, vault);
  const nodes = await resealNodes(tx, vault);
  const orders = await resealOrders(tx, vault);
  const rescues = await resealRescues(tx, vault);
  const installations = await resealInstallations(tx, vault);
  await writeKeyCheck(tx, vault);
  return secrets + nodes + orders + rescues + installations;
}

async function resealSecrets(tx: Tx, vault: StoreVault): Promise<number> {
  let changed = 0;
  for (const { name, sealed } of await tx.selectFrom('secrets').select(['name', 'sealed']).execute()) {
    const context = secretContext(name);
    if (keyIdOf(sealed, context) === vault.keyId) continue;
    const again = vault.seal(vault.open(sealed, context), context);
    await tx.updateTable('secrets').set({ sealed: again }).where('name', '=', name).execute();
    changed += 1;
  }
  return changed;
}

async function resealNodes(tx: Tx, vault: StoreVault): Promise<number> {
  let changed = 0;
  const nodes = await tx.selectFrom('nodes').select(['uuid', 'driver_info']).where('driver_info', 'like', '%"$sealed"%').execute();
  for (const { uuid, driver_info } of nodes) {
    let count = 0;
    const again = eachSealed(parseObject(driver_info, 'nodes.driver_info'), driverInfoContext(uuid), (sealed, context) => {
      if (keyIdOf(sealed, context) === vault.keyId) return sealed;
      count += 1;
      return vault.seal(vault.open(sealed, context), context);
    });
    if (count === 0) continue;
    await tx
      .updateTable('nodes')
      .set({ driver_info: JSON.stringify(again) })
      .where('uuid', '=', uuid)
      .execute();
    changed += count;
  }
  return changed;
}

/** Those that have ended hold nothing any more. */
async function resealOrders(tx: Tx, vault: StoreVault): Promise<number> {
  let changed = 0;
  for (const { id, node_uuid, args } of await tx
    .selectFrom('agent_orders')
    .select(['id', 'node_uuid', 'args'])
    .where('args', '!=', '')
    .execute()) {
    // inspect/orders-book.ts seals them in it.
    const context = `agent_orders/${node_uuid}/${id}/args`;
    if (keyIdOf(args, context) === vault.keyId) continue;
    const again = vault.seal(vault.open(args, context), context);
    await tx.updateTable('agent_orders').set({ args: again }).where('id', '=', id).execute();
    changed += 1;
  }
  return changed;
}

/** The password of a rescue under way is with its task. One that has ended is never opened again. */
async function resealRescues(tx: Tx, vault: StoreVault): Promise<number> {
  let changed = 0;
  const tasks = await tx
    .selectFrom('tasks')
    .select(['id', 'node_uuid', 'args'])
    .where('state', 'in', ['queued', 'running', 'waiting'])
    .where('args', 'like', '%"password"%')
    .execute();
  for (const task of tasks) {
    const args = parseObject(task.args, 'tasks.args');
    // lifecycle/work.ts binds it to the node.
    const context = `nodes/${task.node_uuid}/rescue_password`;
    const { password } = args;
    if (typeof password !== 'string' || keyIdOf(password, context) === vault.keyId) continue;
    const again = JSON.stringify({ ...args, password: vault.seal(vault.open(password, context), context) });
    await tx.updateTable('tasks').set({ args: again }).where('id', '=', task.id).execute();
    changed += 1;
  }
  return changed;
}

/** Those that are over hold nothing any more. */
async function resealInstallations(tx: Tx, vault: StoreVault): Promise<number> {
  let changed = 0;
  for (const { uuid, secrets } of await tx.selectFrom('installations').select(['uuid', 'secrets']).where('secrets', '!=', '').execute()) {
    // install/protocol/secrets.ts seals them so.
    const context = `installations/${uuid}/secrets`;
    if (keyIdOf(secrets, context) === vault.keyId) continue;
    const again = vault.seal(vault.open(secrets, context), context);
    await tx.updateTable('installations').set({ secrets: again }).where('uuid', '=', uuid).execute();
    changed += 1;
  }
  return changed;
}

/** The same JSON with every {"$sealed": …} in it changed. */
function eachSealed(value: unknown, context: string, change: (sealed: string, context: string) => string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((inner, index) => eachSealed(inner, `${context}/${index}`, change));
  if ('$sealed' in value && typeof value.$sealed === 'string') return { $sealed: change(value.$sealed, context) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, eachSealed(inner, `${context}/${key}`, change)]));
}

function notFromFile(keyFile: string) {
  return fail('store.key_missing', {
    message: `the key in use is not in the key file ${keyFile}, so it can't be changed there`,
    hint: 'a key from a systemd credential is changed by replacing the credential with a file that has the new key first and the old one after it',
  });
}
