import { expect, it } from 'vitest';
import type { AgentDesk, OrderStanding } from '../../../../src/power/agent-desk.ts';
import { orderStands } from '../../../../src/power/agent-steps/order.ts';
import type { StepRun, Target } from '../../../../src/power/seam.ts';

const target = { uuid: 'n1' } as Target; // nothing else is looked at
const run = { key: 'task:0', args: {}, progress: () => undefined } as unknown as StepRun; // the same

it('says of an order that failed whether it may have done something before', async () => {
  const of = (standing: OrderStanding) => {
    const desk = { standing: () => Promise.resolve(standing) } as unknown as AgentDesk; // the rest is not asked
    return orderStands(desk, target, run);
  };
  await expect(of({ state: 'failed', message: 'I/O error' })).rejects.toMatchObject({ code: 'power.refused', detail: { begun: true } });
  await expect(of({ state: 'failed', message: 'another disk', isUntouched: true })).rejects.toMatchObject({ detail: { begun: false } });
});
