// Nodes in a store, and a gateway to machines whose behaviour the test scripts.

import { Type } from 'typebox';
import { type Log, Secret, silentLog, systemRandom } from '../../../src/lib/index.ts';
import type { Node, NodeInput, ProvisionState } from '../../../src/nodes/index.ts';
import { createGateway, type GatewayLimits } from '../../../src/power/gateway.ts';
import {
  createDrivers,
  createRegistry,
  type Driver,
  type Gateway,
  type PowerReading,
  type PowerTarget,
  type StepRun,
} from '../../../src/power/index.ts';
import { mapMemory } from '../../conformance/power/memory.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { openWorld, type World } from '../nodes/world.ts';

/** Under Ironic's name for a BMC that speaks IPMI, so that nodes can have it. */
export interface Scripted extends Driver {
  /** What happens at the next calls; afterwards they succeed. */
  readonly script: ((signal: AbortSignal) => Promise<unknown>)[];
  readonly calls: string[];
  reading: PowerReading;
  /** What it reads after it was told. */
  obeys: boolean;
  /** What its step does. */
  stepOf: (run: StepRun) => unknown;
}

export interface PowerWorld extends World {
  readonly gateway: ReturnType<typeof createGateway>;
  readonly bmc: Scripted;
  /** In state `available`, described well. */
  readonly node: (name: string, input?: Partial<NodeInput>, state?: ProvisionState) => Promise<Node>;
}

export const LIMITS: GatewayLimits = { workers: 4, callTimeoutMs: 30_000, powerTimeoutMs: 60_000 };

export async function openPowerWorld(limits: Partial<GatewayLimits> = {}, log: Log = silentLog): Promise<PowerWorld> {
  const world = await openWorld();
  const bmc = scriptedBmc();
  const others = createDrivers({ clock: world.clock, random: systemRandom, memory: mapMemory() });
  const drivers = [...others.filter((one) => !(one.interface === 'power' && one.name === 'ipmitool')), bmc];
  const gateway = createGateway({
    registry: createRegistry(drivers),
    nodes: world.nodes,
    clock: world.clock,
    random: { ...systemRandom, float: () => 0.5 },
    log,
    limits: { ...LIMITS, ...limits },
  });
  return {
    ...world,
    gateway,
    bmc,
    node: async (name, input = {}, state = 'available') => {
      const driverInfo = { ipmi_address: `bmc-${name}`, ipmi_password: new Secret('hunter2') };
      return world.put(await world.enrol({ name, driver: 'ipmi', driverInfo, ...input }), state);
    },
  };
}

function scriptedBmc(): Scripted {
  const script: Scripted['script'] = [];
  const calls: string[] = [];
  const next = async (what: string, signal: AbortSignal): Promise<void> => {
    calls.push(what);
    await script.shift()?.(signal);
  };
  const bmc: Scripted = {
    interface: 'power',
    name: 'ipmitool',
    title: 'a BMC on paper',
    info: Type.Object({}),
    refusal: ({ driverInfo }) => (driverInfo.ipmi_address === undefined ? 'driver_info lacks ipmi_address' : null),
    queueKey: ({ driverInfo }) => JSON.stringify(driverInfo.ipmi_address).slice(1, -1),
    script,
    calls,
    reading: 'power off',
    obeys: true,
    stepOf: () => undefined,
    runStep: async (_step, _target, run) => {
      await bmc.stepOf(run);
      return {};
    },
    power: {
      targets: ['power on', 'power off', 'rebooting'],
      state: async (target, { signal }) => {
        await next(`state ${target.name}`, signal);
        return bmc.reading;
      },
      set: async (target, wanted, { signal }) => {
        await next(`set ${target.name} ${wanted}`, signal);
        if (bmc.obeys) bmc.reading = after(wanted);
      },
    },
  };
  return bmc;
}

function after(wanted: PowerTarget): PowerReading {
  return wanted === 'power off' || wanted === 'soft power off' ? 'power off' : 'power on';
}

export const asking = (): { readonly signal: AbortSignal } => ({ signal: new AbortController().signal });

/** Ends only when it is told to. */
export const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

/** As `never`, but does not listen. */
export const deaf = (): Promise<never> => new Promise(() => undefined);

export async function failureOf(clock: FakeClock, work: Promise<unknown>): Promise<{ code?: string; message: string; hint?: string }> {
  try {
    await clock.until(work);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('this should have failed');
}

export function breakerOf(gateway: Gateway, key: string) {
  return gateway.queues().find((queue) => queue.key === key)?.breaker;
}
