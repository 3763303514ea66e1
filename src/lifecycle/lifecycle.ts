// The life cycle as the API and others use it: checks what is asked, moves the node, and leaves the work to tasks.

import { type Clock, type Log, RackseedError, type Random } from '../lib/index.ts';
import { INTERFACES, type Interface, type JsonObject, type Node, type Nodes, type Records } from '../nodes/index.ts';
import type { AgentDesk, BootDevice, Gateway } from '../power/index.ts';
import type { Store } from '../store/index.ts';
import type { TaskDefinition, TaskEngine } from '../tasks/index.ts';
import { agentHeard, agentProgress } from './agent.ts';
import { askNow, settingDefinition, submitSetting, underLock, writeNow } from './calls.ts';
import { fail } from './errors.ts';
import { readHolders } from './holders.ts';
import { mediaCalls } from './media.ts';
import { powerDefinition, setPower, writeRefusal } from './power.ts';
import { type DoorDeps, endWaiting, leaveRamdisk, provision, traitsRefusal } from './provision.ts';
import type { Lifecycle, Validation } from './seam.ts';
import { verbDefinitions } from './verbs.ts';
import { closeUses } from './wipe-use.ts';
import type { LifecycleConfig, WorkDeps } from './work.ts';

export interface LifecycleOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly records: Pick<Records, 'vifs' | 'hardware'>;
  /** Made with the definitions of lifecycleTasks(). */
  readonly tasks: Pick<TaskEngine, 'submit' | 'cancel' | 'wake'>;
  readonly gateway: Gateway;
  /** How our agents are told what to do. */
  readonly desk: AgentDesk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config: LifecycleConfig;
  /** Why nothing may be written to this node's machine: the site's or its cluster's setting, in words. */
  readonly observeOnly: (node: Node) => string | undefined;
}

/** For the task engine, which is made before the life cycle. */
export function lifecycleTasks(deps: WorkDeps): TaskDefinition[] {
  // Definitions with different arguments in one list: the engine checks each one's before it calls it.
  return [...verbDefinitions(deps), powerDefinition(deps) as TaskDefinition, settingDefinition(deps) as TaskDefinition];
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const deps: DoorDeps = { ...options, newId: () => options.random.uuid() };
  return {
    name: 'lifecycle',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    provision: (node, request, by) => provision(deps, node, request, by),
    setPower: (node, target, timeoutSeconds, by) => setPower(deps, node, { target, timeoutSeconds }, by),
    validate: (node) => validate(deps, node),
    ...bootCalls(deps),
    ...machineCalls(deps),
    ...mediaCalls(deps),
    ...vendorCalls(deps),
    holders: async (uuids, on) => {
      const held = await readHolders(on ?? deps.store.db, uuids, deps.clock.now(), deps.config.host);
      return new Map([...held].map(([uuid, { host }]) => [uuid, host]));
    },
    agentHeard: (uuid, word) => agentHeard(deps, uuid, { by: 'agent', ...word }),
    agentProgress: (uuid, progress) => agentProgress(deps, uuid, progress),
    timedOut: async (tx, node) => {
      await endWaiting(deps, tx, node, 'nothing was heard for too long');
      await closeUses(tx, node.uuid, deps.clock.now());
      await leaveRamdisk(deps, tx, node);
    },
  };
}

async function validate(deps: DoorDeps, node: Node): Promise<Record<Interface, Validation>> {
  const found = await Promise.all(INTERFACES.map(async (which) => [which, await validation(deps, node, which)] as const));
  // One entry for each interface, from the list of all of them.
  return Object.fromEntries(found) as Record<Interface, Validation>;
}

async function validation(deps: DoorDeps, node: Node, which: Interface): Promise<Validation> {
  const reason = await refusalOf(deps, node, which);
  return { result: reason === null, reason };
}

async function refusalOf(deps: DoorDeps, node: Node, which: Interface): Promise<string | null> {
  try {
    const traits = which === 'deploy' ? traitsRefusal(node) : undefined;
    return (await deps.gateway.refusal(node, which)) ?? traits?.message ?? null;
  } catch (error) {
    // An interface that does not exist (any more) is what is wrong with it.
    if (error instanceof RackseedError) return error.message;
    throw error;
  }
}

type BootCalls = Pick<Lifecycle, 'bootDevice' | 'setBootDevice' | 'bootDevices' | 'setBootMode' | 'setSecureBoot' | 'injectNmi'>;

function bootCalls(deps: DoorDeps): BootCalls {
  const which = 'management';
  return {
    bootDevice: (node) =>
      askNow(deps, node, {
        which,
        what: 'reading the boot device',
        kind: 'read',
        ask: (driver, target, call) => driver.management?.bootDevice(target, call),
      }),
    setBootDevice: async (node, device, isPersistent) => {
      await refuseDevice(deps, node, device);
      await writeNow(deps, node, {
        which,
        what: 'setting the boot device',
        ask: (driver, target, call) => driver.management?.setBootDevice(target, { device, isPersistent }, call),
      });
    },
    bootDevices: async (node) => {
      const refusal = await deps.gateway.refusal(node, which);
      if (refusal !== null) throw fail('lifecycle.not_valid', { message: refusal });
      return deps.gateway.registry.driverOf(node, which).management?.bootDevices ?? [];
    },
    setBootMode: (node, mode, by) => submitSetting(deps, node, 'boot_mode', mode, by),
    setSecureBoot: (node, isOn, by) => submitSetting(deps, node, 'secure_boot', isOn, by),
    injectNmi: (node) =>
      writeNow(deps, node, {
        which,
        what: 'injecting an NMI',
        ask: (driver, target, call) => driver.management?.injectNmi?.(target, call),
      }),
  };
}

async function refuseDevice(deps: DoorDeps, node: Node, device: BootDevice): Promise<void> {
  const known = deps.gateway.registry.driverOf(node, 'management').management?.bootDevices ?? [];
  if (known.includes(device)) return;
  throw fail('lifecycle.bad_request', {
    message: `Invalid boot device ${device} specified.`,
    hint: known.length === 0 ? 'Its driver can not set a boot device.' : `Its driver knows ${known.join(', ')}.`,
  });
}

type MachineCalls = Pick<Lifecycle, 'console' | 'setConsole' | 'setTargetRaid'>;

function machineCalls(deps: DoorDeps): MachineCalls {
  return {
    console: async (node) => {
      const what = 'reading the console';
      const refusal = await deps.gateway.refusal(node, 'console');
      if (refusal !== null) throw fail('lifecycle.not_valid', { message: refusal, detail: { node: node.uuid, interface: 'console' } });
      if (!node.consoleEnabled) return { isEnabled: false, info: null };
      const info = await askNow(deps, node, {
        which: 'console',
        what,
        kind: 'read',
        ask: (driver, target, call) => driver.console?.console(target, call),
      });
      return { isEnabled: true, info };
    },
    setConsole: (node, isOn, by) => submitSetting(deps, node, 'console', isOn, by),
    setTargetRaid: (node, config, by) => setTargetRaid(deps, node, config, by),
  };
}

async function setTargetRaid(
  deps: DoorDeps,
  { uuid }: Node,
  config: JsonObject,
  by: Parameters<Lifecycle['setTargetRaid']>[2],
): Promise<void> {
  const before = await deps.nodes.get(uuid);
  const refusal = await deps.gateway.refusal(before, 'raid');
  if (refusal !== null) throw fail('lifecycle.not_found', { message: refusal, detail: { node: uuid, interface: 'raid' } });
  await deps.store.transaction(async (tx) => {
    const node = await deps.nodes.get(uuid, tx);
    const observed = writeRefusal(deps, node, 'setting the target RAID configuration');
    if (observed !== undefined) throw observed;
    await deps.nodes.update(tx, node, { targetRaidConfig: config }, { ...by, who: 'system' });
  });
}

function vendorCalls(deps: DoorDeps): Pick<Lifecycle, 'vendorMethods' | 'callVendor'> {
  return {
    vendorMethods: (node) => deps.gateway.registry.driverOf(node, 'vendor').vendor?.methods ?? {},
    callVendor: async (node, method, _httpMethod, args) => {
      const call = { which: 'vendor', what: `calling ${method}` } as const;
      const known = deps.gateway.registry.driverOf(node, 'vendor').vendor?.methods[method];
      const work = (): Promise<unknown> =>
        askNow(deps, node, { ...call, kind: 'write', ask: (driver, target, inner) => driver.vendor?.call(target, method, args, inner) });
      const refusal = writeRefusal(deps, node, call.what);
      if (refusal !== undefined) throw refusal;
      return known?.needsLock === false ? work() : underLock(deps, node, call.what, work);
    },
  };
}
