// The time that a step may take, on a clock that the test turns: its signal ends it, and the node says which step took too long.

import { expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import type { ProvisionRequest } from '../../../src/lifecycle/index.ts';
import type { ProvisionState } from '../../../src/nodes/index.ts';
import type { DriverStep } from '../../../src/power/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { instead, openWorld } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Case {
  readonly kind: DriverStep['kind'];
  readonly verb: ProvisionRequest['verb'];
  readonly from: ProvisionState;
  readonly failed: ProvisionState;
  readonly limitMs: number;
}

const STEPS = [{ interface: 'deploy', step: 'slow', args: {} }] as const;

it.each<Case>([
  { kind: 'verify', verb: 'manage', from: 'enroll', failed: 'enroll', limitMs: 5 * MINUTE },
  { kind: 'deploy', verb: 'active', from: 'available', failed: 'deploy failed', limitMs: 2 * HOUR },
  { kind: 'clean', verb: 'clean', from: 'manageable', failed: 'clean failed', limitMs: 23 * HOUR },
  { kind: 'service', verb: 'service', from: 'active', failed: 'service failed', limitMs: 23 * HOUR },
])('ends a $kind step after its time, and not before', async ({ kind, verb, from, failed, limitMs }) => {
  const clock = createFakeClock();
  const said: string[] = [];
  let began: number | undefined;
  const drivers = instead('deploy', () => ({
    steps: [{ kind, step: 'slow', priority: 50, title: 'Slow' }],
    runStep: async (_step, _target, { signal }) => {
      began = clock.now();
      await clock.sleep(100 * HOUR, signal).catch(() => undefined);
      said.push(signal.reason instanceof RackseedError ? signal.reason.code : String(signal.reason));
      throw new Error('told to stop');
    },
  }));
  const world = await openWorld({ clock, drivers, engine: { pollMs: 10 * MINUTE, leaseTtlMs: 48 * HOUR } });
  const node = await world.put(await world.enrol('pve1'), from);
  const steps = kind === 'clean' ? { cleanSteps: STEPS } : kind === 'service' ? { serviceSteps: STEPS } : {};
  await world.provision('pve1', verb, steps);
  while (began === undefined) await clock.advanceToNext();
  await clock.advance(began + limitMs - 1 - clock.now());
  expect(said).toEqual([]);
  expect((await world.nodes.get('pve1')).provisionState).not.toBe(failed);
  await clock.advance(1);
  expect(said).toEqual(['lifecycle.step_timeout']);
  const ended = await clock.until(world.reaches(node.uuid, failed));
  expect(ended.lastError).toContain(`deploy.slow took longer than ${limitMs / MINUTE} minutes`);
});
