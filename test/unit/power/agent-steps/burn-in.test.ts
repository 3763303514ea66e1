import { expect, it } from 'vitest';
import type { AgentDesk, AgentOrder, OrderStanding } from '../../../../src/power/agent-desk.ts';
import { BURN_IN_STEPS, runBurnIn } from '../../../../src/power/agent-steps/burn-in.ts';
import { orderStands } from '../../../../src/power/agent-steps/order.ts';
import type { StepRun, Target } from '../../../../src/power/seam.ts';

const target = { uuid: 'n1' } as Target; // nothing else is looked at
const run = (args: object = {}): StepRun => ({ key: 'task:0', args, progress: () => undefined }) as unknown as StepRun; // the same

it('orders one part of the machine for the time that is asked for, a day unless told', async () => {
  const placed: AgentOrder[] = [];
  const desk = {
    place: (_node: string, order: AgentOrder) => {
      placed.push(order);
      return Promise.resolve({ state: 'waiting' });
    },
  } as unknown as AgentDesk; // the rest is not asked
  const parts = ['burnin_cpu', 'burnin_memory', 'burnin_disk', 'burnin_network'];
  const [cleaning, service] = ['clean', 'service'].map((kind) => BURN_IN_STEPS.filter((step) => step.kind === kind));
  for (const steps of [cleaning, service])
    expect(steps?.map(({ step, priority, isDestructive }) => [step, priority, isDestructive])).toEqual(
      parts.map((step) => [step, 0, undefined]),
    );
  for (const [at, step] of (cleaning ?? []).entries())
    expect(await runBurnIn(desk, step, target, run(at === 0 ? {} : { seconds: 60 }))).toBe('wait');
  expect(placed.map(({ name, args }) => [name, args])).toEqual([
    ['burn_in', { seconds: 86_400, parts: ['cpu'] }],
    ['burn_in', { seconds: 60, parts: ['memory'] }],
    ['burn_in', { seconds: 60, parts: ['disk'] }],
    ['burn_in', { seconds: 60, parts: ['network'] }],
  ]);
});

it('fails where the agent found faults, though it has done its work', async () => {
  const of = (failures: readonly string[]) => {
    const standing: OrderStanding = { state: 'done', message: '1 faults, the first: word 9', result: { figures: {}, failures } };
    const desk = { standing: () => Promise.resolve(standing) } as unknown as AgentDesk; // the rest is not asked
    return orderStands(desk, target, run());
  };
  await expect(of(['word 9'])).rejects.toThrow('1 faults, the first: word 9');
  expect(await of([])).toMatchObject({ result: { failures: [] } });
});
