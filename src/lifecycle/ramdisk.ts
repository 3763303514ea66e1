// Booting the agent on a machine, and leaving it, for every kind of machine: the boot device where it can be told, then its power.

import type { Node } from '../nodes/index.ts';
import { networkNext } from './network-next.ts';
import { setPower } from './perform.ts';
import type { Work } from './work.ts';

/** Fake machines run no agent, and nobody would ever be heard. */
export function needsRamdisk(work: Work, node: Node): boolean {
  return work.context.args.disableRamdisk !== true && work.deps.gateway.registry.driverOf(node, 'deploy').name !== 'fake';
}

/**
 * The next boot is from the network, where the boot service knows what such a node gets. 'there': our agent runs on it already, and nothing
 * was done to it.
 */
export async function bootRamdisk(work: Work, node: Node): Promise<'there' | 'booting'> {
  if (work.deps.config.fastTrack && (await work.deps.desk.seen(node.uuid, work.context.signal))) {
    work.context.log('our agent runs on it already: it is not booted again');
    return 'there';
  }
  await networkNext(work, node);
  await setPower(work, node, 'rebooting');
  return 'booting';
}

/** Off, where it can be told so; a machine of which nobody can is left as it is. */
export async function powerOffIfPossible(work: Work, node: Node): Promise<void> {
  if (node.powerState !== 'power off' && canBe(work, node, 'power off')) await setPower(work, node, 'power off');
}

/**
 * The same for work that has failed. Where only a person could do it now, nobody waits for one to say why it failed: the boot service holds
 * such a machine.
 */
export async function powerOffAfterFailure(work: Work, node: Node): Promise<void> {
  const { deps, context } = work;
  const needsPerson = deps.gateway.registry.driverOf(node, 'power').power?.settleSeconds !== undefined;
  if (needsPerson && !deps.desk.isBeating(node.uuid))
    return context.log('only a person could switch it off now: it is left as it is, and held when it boots');
  return powerOffIfPossible(work, node);
}

export async function powerOnIfPossible(work: Work, node: Node): Promise<void> {
  if (node.powerState !== 'power on' && canBe(work, node, 'power on')) await setPower(work, node, 'power on');
}

function canBe(work: Work, node: Node, target: 'power on' | 'power off'): boolean {
  return work.deps.gateway.registry.driverOf(node, 'power').power?.targets.includes(target) === true;
}
