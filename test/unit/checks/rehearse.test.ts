import { expect, it } from 'vitest';
import type { CheckDeps } from '../../../src/checks/index.ts';
import { rehearseDefinition } from '../../../src/checks/rehearse-task.ts';
import { createSightings } from '../../../src/power/index.ts';
import type { StepContext } from '../../../src/tasks/index.ts';

const MINUTE = 60_000;

/** A machine, and the steps of its rehearsal as the engine would run them. */
function world() {
  let now = 1_000_000;
  const clock = { now: () => now, monotonic: () => now - 5 };
  const sightings = createSightings(clock);
  const node = { uuid: 'n1', name: 'rack1', powerState: 'power on', targetPowerState: null, lastError: null };
  const told: string[] = [];
  const deps = {
    clock,
    sightings,
    nodes: { find: () => Promise.resolve(node) },
    lifecycle: { setPower: (_node: unknown, wanted: string) => Promise.resolve(told.push(wanted)) },
  } as unknown as CheckDeps; // the rest is not asked
  const results: Record<string, unknown> = {};
  const context = {
    nodeUuid: 'n1',
    args: { by: 'admin' },
    results,
    progress: () => undefined,
    resultOf: (step: string) => results[step],
  } as unknown as StepContext; // the rest is not asked
  const definition = rehearseDefinition(() => deps);
  /** Undefined: it waits. */
  const step = async (name: string): Promise<unknown> => {
    const result = await (definition.steps.find((one) => one.name === name) ?? expect.unreachable()).run(context);
    if ('wait' in result) return undefined;
    results[name] = result.done;
    return result.done;
  };
  return { step, told, bootSeen: () => sightings.machineSeen('n1', 'boot'), pass: (ms: number) => (now += ms) };
}

it('restarts the machine, waits until it asks the network, and until it has stayed on its disk', async () => {
  const { step, told, bootSeen, pass } = world();
  await step('restart-1');
  expect(told).toEqual(['rebooting']);
  expect(await step('network-1')).toBeUndefined();
  pass(40_000);
  bootSeen();
  expect(await step('network-1')).toMatchObject({ seconds: 40 });
  expect(await step('disk-1')).toBeUndefined();
  pass(2 * MINUTE);
  expect(await step('disk-1')).toBeDefined();
  await step('restart-2');
  expect(await step('network-2')).toBeUndefined();
});

it('fails where the machine never asks the network', async () => {
  const { step, pass } = world();
  await step('restart-1');
  pass(31 * MINUTE);
  await expect(step('network-1')).rejects.toThrow(/did not ask the network what to boot for 30 minutes/);
});

it('fails where its disk does not start and it comes back', async () => {
  const { step, bootSeen, pass } = world();
  await step('restart-1');
  pass(10_000);
  bootSeen();
  await step('network-1');
  pass(20_000);
  bootSeen();
  expect(await step('disk-1')).toBeUndefined();
  pass(70_000);
  bootSeen();
  await expect(step('disk-1')).rejects.toThrow(/came back to the network/);
});
