// What is asked of a machine beside its verbs and power. Short ones are done while the caller waits, under the node's lock; those that
// Ironic answers with 202 are a task.

import { type Static, Type } from 'typebox';
import type { By, Interface, Node, NodeChanges } from '../nodes/index.ts';
import { stateOf } from '../nodes/index.ts';
import type { Driver, Question, Target } from '../power/index.ts';
import { defineTask, done, type StepContext, type TaskDefinition } from '../tasks/index.ts';
import { fail } from './errors.ts';
import { callHolder, readHolders } from './holders.ts';
import { writeRefusal } from './power.ts';
import { type DoorDeps, locked } from './provision.ts';
import { errorText, SYSTEM, type WorkDeps } from './work.ts';

/** Longer than any call through the gateway takes. */
const CALL_MS = 10 * 60_000;

/** Holds the node's lock while `work` runs: another one gets 409. */
export async function underLock<T>(deps: DoorDeps, node: Node, what: string, work: () => Promise<T>): Promise<T> {
  const holder = callHolder(deps.config.host, deps.newId());
  const key = `node:${node.uuid}`;
  const lease = await deps.store.transaction(async (tx) => {
    const held = (await readHolders(tx, [node.uuid], deps.clock.now(), deps.config.host)).get(node.uuid);
    if (held !== undefined) throw locked(node, held);
    const taken = await deps.store.leases.acquire(tx, { key, holder, purpose: what, ttlMs: CALL_MS });
    if (taken.ok) return taken.lease;
    throw locked(node, { node: node.uuid, host: deps.config.host, task: undefined, purpose: taken.heldBy.purpose });
  });
  try {
    return await work();
  } finally {
    await deps.store.transaction((tx) => deps.store.leases.release(tx, lease));
  }
}

export interface Write<T> {
  readonly which: Interface;
  readonly what: string;
  readonly ask: Question<T>['ask'];
}

/** Something written to the machine while the caller waits. */
export async function writeNow<T>(deps: DoorDeps, node: Node, write: Write<T>): Promise<T> {
  const refusal = writeRefusal(deps, node, write.what);
  if (refusal !== undefined) throw refusal;
  return underLock(deps, node, write.what, () => askNow(deps, node, { ...write, kind: 'write' }));
}

export async function askNow<T>(deps: WorkDeps, node: Node, question: Question<T>): Promise<T> {
  const refusal = await deps.gateway.refusal(node, question.which);
  if (refusal !== null) throw fail('lifecycle.not_valid', { message: refusal, detail: { node: node.uuid, interface: question.which } });
  return deps.gateway.ask(node, question, { signal: new AbortController().signal, log: deps.log });
}

const settingArgs = Type.Object({
  setting: Type.Enum(['boot_mode', 'secure_boot', 'console']),
  value: Type.Union([Type.String(), Type.Boolean()]),
});
type SettingArgs = Static<typeof settingArgs>;
export type Setting = SettingArgs['setting'];

const KIND = 'node.setting';
const MINUTE = 60_000;

interface SettingRow {
  readonly which: Interface;
  readonly what: string;
  /** Undefined: the driver has no such setting. */
  readonly apply: (
    driver: Driver,
    value: string | boolean,
  ) => ((target: Target, call: Parameters<Question<void>['ask']>[2]) => Promise<void>) | undefined;
  readonly changes: (value: string | boolean) => NodeChanges;
}

const SETTINGS: Readonly<Record<Setting, SettingRow>> = {
  boot_mode: {
    which: 'management',
    what: 'setting the boot mode',
    apply: ({ management }, value) => {
      const set = management?.setBootMode?.bind(management);
      return set && ((target, call) => set(target, value === 'bios' ? 'bios' : 'uefi', call));
    },
    changes: (value) => ({ bootMode: String(value) }),
  },
  secure_boot: {
    which: 'management',
    what: 'setting secure boot',
    apply: ({ management }, value) => {
      const set = management?.setSecureBoot?.bind(management);
      return set && ((target, call) => set(target, value === true, call));
    },
    changes: (value) => ({ secureBoot: value === true }),
  },
  console: {
    which: 'console',
    what: 'switching the console',
    apply: ({ console: own }, value) => own && ((target, call) => own.setConsole(target, value === true, call)),
    changes: (value) => ({ consoleEnabled: value === true }),
  },
};

export async function submitSetting(deps: DoorDeps, { uuid }: Node, setting: Setting, value: string | boolean, by: By): Promise<void> {
  const row = SETTINGS[setting];
  const before = await deps.nodes.get(uuid);
  const cannot = await settingRefusal(deps, before, row, value);
  await deps.store.transaction(async (tx) => {
    const node = await deps.nodes.get(uuid, tx);
    const holder = (await readHolders(tx, [uuid], deps.clock.now(), deps.config.host)).get(uuid);
    const refusal =
      transitionRefusal(node, setting) ??
      (holder === undefined ? undefined : locked(node, holder)) ??
      writeRefusal(deps, node, row.what) ??
      cannot;
    if (refusal !== undefined) throw refusal;
    const args: SettingArgs = { setting, value };
    const locks = [`node:${uuid}`];
    await deps.nodes.update(tx, node, { lastError: null }, by);
    await deps.tasks.submit(tx, { kind: KIND, subject: `node:${uuid}`, nodeUuid: uuid, locks, args, priority: 5 });
  });
}

/** As Ironic: not while the machine is on its way. A console may be watched at any time. */
function transitionRefusal(node: Node, setting: Setting): Error | undefined {
  const { kind } = stateOf(node.provisionState);
  if (setting === 'console' || kind === 'stable' || kind === 'failed') return undefined;
  return fail('lifecycle.under_way', {
    message: `Node is in ${node.provisionState} state. Since node is transitioning, the ${setting.replace('_', ' ')} will not be set as this may interfere with ongoing changes and result in erroneous modification. Try again later.`,
    detail: { node: node.uuid, state: node.provisionState },
  });
}

async function settingRefusal(deps: DoorDeps, node: Node, row: SettingRow, value: string | boolean): Promise<Error | undefined> {
  const refusal = await deps.gateway.refusal(node, row.which);
  if (refusal !== null) return fail('lifecycle.not_valid', { message: refusal, detail: { node: node.uuid, interface: row.which } });
  const driver = deps.gateway.registry.driverOf(node, row.which);
  if (row.apply(driver, value) !== undefined) return undefined;
  return fail('lifecycle.unsupported', {
    message: `Driver ${node.driver} does not support ${row.what} (disabled or not implemented).`,
    hint: `Its ${row.which} interface is ${driver.name}.`,
  });
}

export function settingDefinition(deps: WorkDeps): TaskDefinition<SettingArgs> {
  return defineTask({
    kind: KIND,
    title: 'Change a setting',
    args: settingArgs,
    steps: [{ name: 'set', title: 'Set', timeoutMs: 30 * MINUTE, run: (context) => settingTask(deps, context) }],
  });
}

async function settingTask(deps: WorkDeps, context: StepContext<SettingArgs>) {
  const { setting, value } = context.args;
  const row = SETTINGS[setting];
  const node = await deps.nodes.find(context.nodeUuid ?? '');
  if (node === undefined) return done({ overtaken: 'removed' });
  try {
    const ask: Question<void>['ask'] = (driver, target, call) => row.apply(driver, value)?.(target, call);
    await deps.gateway.ask(node, { which: row.which, what: row.what, kind: 'write', ask }, { signal: context.signal, log: deps.log });
    await keep(deps, context, row.changes(value));
    return done();
  } catch (error) {
    if (!context.signal.aborted) await keep(deps, context, { lastError: `${row.what} failed: ${errorText(error)}` });
    throw error;
  }
}

async function keep(deps: WorkDeps, context: StepContext<SettingArgs>, changes: NodeChanges): Promise<void> {
  await context.transaction(async (tx) => {
    const node = await deps.nodes.find(context.nodeUuid ?? '', tx);
    if (node !== undefined) await deps.nodes.update(tx, node, changes, SYSTEM);
  });
}
