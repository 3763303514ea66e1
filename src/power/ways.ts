// From a node to whoever is asked for it: its driver, its description with the secrets opened, and the words for what goes wrong there.

import { type Log, messageOf, RackseedError } from '../lib/index.ts';
import type { Interface, Node, Nodes } from '../nodes/index.ts';
import { fail } from './errors.ts';
import type { BreakerState } from './gateway-seam.ts';
import { type Scrub, scrubbedError, scrubberOf } from './scrub.ts';
import type { Driver, DriverStep, Registry, Target } from './seam.ts';

export interface Way {
  readonly node: Node;
  readonly driver: Driver;
  readonly target: Target;
  /** Takes the node's secrets out of what is said. */
  readonly scrub: Scrub;
  /** Whose queue it is. */
  readonly key: string;
}

export interface Ways {
  /** Throws when there is nobody to ask: unknown driver, or one that this machine's description is not enough for. */
  to(node: Node, which: Interface, step?: DriverStep): Promise<Way>;
  refusal(node: Node, which: Interface): Promise<string | null>;
}

export function createWays(registry: Registry, nodes: Pick<Nodes, 'openDriverInfo' | 'ports'>): Ways {
  const find = async (node: Node, which: Interface, step?: DriverStep) => {
    const driver = registry.driverOf(node, which);
    const macs = driver.needsMacs === true ? (await nodes.ports.ofNodes([node.uuid])).map((port) => port.address) : [];
    const target = targetOf(node, { macs, driverInfo: nodes.openDriverInfo(node) });
    const ofStep = step === undefined ? undefined : driver.stepRefusal?.(step, target);
    return { driver, target, refusal: ofStep === undefined ? driver.refusal(target) : ofStep };
  };
  return {
    refusal: async (node, which) => (await find(node, which)).refusal,
    to: async (node, which, step) => {
      const { driver, target, refusal } = await find(node, which, step);
      if (refusal === null)
        return { node, driver, target, scrub: scrubberOf(target.driverInfo), key: driver.queueKey?.(target) ?? node.uuid };
      throw fail('power.bad_info', {
        message: refusal,
        hint: `Correct driver_info, or choose another ${which}_interface.`,
        detail: { node: node.uuid, interface: which, driver: driver.name },
      });
    },
  };
}

function targetOf(node: Node, opened: Pick<Target, 'macs' | 'driverInfo'>): Target {
  return {
    ...opened,
    uuid: node.uuid,
    name: node.name,
    driver: node.driver,
    properties: node.properties,
    instanceInfo: node.instanceInfo,
    extra: node.extra,
    internalInfo: node.driverInternalInfo,
    recorded: {
      powerState: node.powerState,
      bootMode: node.bootMode,
      secureBoot: node.secureBoot,
      isConsoleOn: node.consoleEnabled,
      targetRaidConfig: node.targetRaidConfig,
    },
  };
}

export function titleOf({ name, uuid }: Node): string {
  return name ?? uuid;
}

/** What a driver threw, as it may leave: without secrets, and always one of ours. */
export function washed(thrown: unknown, what: string, { driver, node, scrub }: Way, log: Log): RackseedError {
  if (thrown instanceof RackseedError) return scrubbedError(thrown, scrub);
  const said = scrub(messageOf(thrown));
  log.error({ node: node.uuid, driver: driver.name, error: said }, `${what} failed in an unforeseen way`);
  return fail('power.failed', {
    message: `${what} of node ${titleOf(node)} through ${driver.name} failed: ${said}`,
    hint: 'Try again; if it stays so, look at the log of the appliance.',
    detail: { node: node.uuid, interface: driver.interface, driver: driver.name },
  });
}

export function unsupported({ node, driver }: Way, what: string): RackseedError {
  return fail('power.unsupported', {
    message: `Driver ${node.driver} does not support ${what} (its ${driver.interface} interface ${driver.name} can not do it).`,
    hint: `Choose another ${driver.interface}_interface, or do without.`,
    detail: { node: node.uuid, interface: driver.interface, driver: driver.name },
  });
}

export function late({ driver, node, key }: Way, what: string, timeoutMs: number): RackseedError {
  return fail('power.timeout', {
    message: `${what} of node ${titleOf(node)} through ${driver.name}: ${key} did not answer in ${timeoutMs / 1000} s`,
    hint: 'Look at whether it is reachable from the appliance, and not busy.',
    detail: { node: node.uuid, key },
  });
}

export function notAsked({ key, node }: Way, { failures, reason, until }: BreakerState, now: number): RackseedError {
  const seconds = Math.max(0, Math.ceil(((until ?? now) - now) / 1000));
  return fail('power.not_asked', {
    message: `${key} of node ${titleOf(node)} is left alone for ${seconds} s more: ${failures} calls in a row failed, the last one: ${reason}`,
    hint: 'Look at its network, its address and its password. A change of power is tried at once, and ends the pause when it works.',
    detail: { node: node.uuid, key, failures, until },
  });
}
