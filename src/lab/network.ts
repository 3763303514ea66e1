// A network of its own: a namespace with one bridge, so that nothing we broadcast can leave it. Needs root and iproute2.

import type { Run } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface LabNetwork {
  readonly namespace: string;
  readonly bridge: string;
  readonly address: string;
  readonly prefix: number;
}

const COMMAND_TIMEOUT_MS = 20_000;

export async function makeNetwork(run: Run, network: LabNetwork): Promise<void> {
  const { namespace, bridge, address, prefix } = network;
  await ip(run, ['netns', 'add', namespace]);
  await ip(run, ['-n', namespace, 'link', 'set', 'lo', 'up']);
  await ip(run, ['-n', namespace, 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0']);
  await ip(run, ['-n', namespace, 'addr', 'add', `${address}/${prefix}`, 'dev', bridge]);
  await ip(run, ['-n', namespace, 'link', 'set', bridge, 'up']);
}

export async function addTap(run: Run, { namespace, bridge }: Pick<LabNetwork, 'namespace' | 'bridge'>, tap: string): Promise<void> {
  await ip(run, ['-n', namespace, 'tuntap', 'add', tap, 'mode', 'tap']);
  await ip(run, ['-n', namespace, 'link', 'set', tap, 'master', bridge, 'up']);
}

export async function removeTap(run: Run, { namespace }: Pick<LabNetwork, 'namespace'>, tap: string): Promise<void> {
  await ip(run, ['-n', namespace, 'link', 'del', tap]);
}

/** A namespace with a cable to the bridge: another machine there, for example the router. Its end of the cable is eth0. */
export async function joinNetwork(run: Run, network: LabNetwork, { name, address }: { name: string; address: string }): Promise<string> {
  const namespace = `${network.namespace}-${name}`;
  await ip(run, ['netns', 'add', namespace]);
  await ip(run, ['-n', namespace, 'link', 'set', 'lo', 'up']);
  await ip(run, ['-n', network.namespace, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  await ip(run, ['-n', network.namespace, 'link', 'set', name, 'master', network.bridge, 'up']);
  await ip(run, ['-n', namespace, 'addr', 'add', `${address}/${network.prefix}`, 'dev', 'eth0']);
  await ip(run, ['-n', namespace, 'link', 'set', 'eth0', 'up']);
  return namespace;
}

/** Takes everything in it away as well. A namespace that is not there is what we wanted. */
export async function removeNetwork(run: Run, namespace: string): Promise<void> {
  if (await networkExists(run, namespace)) await ip(run, ['netns', 'del', namespace]);
}

export async function networkExists(run: Run, namespace: string): Promise<boolean> {
  const { stdout } = await ip(run, ['netns', 'list']);
  return stdout.split('\n').some((line) => line.split(' ')[0] === namespace);
}

/** The command line that runs a program inside the namespace. */
export function inside({ namespace }: Pick<LabNetwork, 'namespace'>, command: readonly string[]): readonly [string, ...string[]] {
  return ['ip', 'netns', 'exec', namespace, ...command];
}

async function ip(run: Run, args: readonly string[]): Promise<{ stdout: string }> {
  const result = await run('ip', args, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (result.code === 0) return result;
  throw fail('lab.command_failed', {
    message: `ip ${args.join(' ')}: ${result.stderr.trim() || `exit code ${result.code}`}`,
    hint: 'The lab wants root and a kernel with bridges and tap devices. What is left of it goes with: rackseed lab down',
  });
}
