// A step that is an order to the agent: placed once under the step's key, then asked how it stands. Knows no particular order.

import type { JsonObject } from '../../nodes/index.ts';
import type { AgentDesk, OrderStanding } from '../agent-desk.ts';
import { fail } from '../errors.ts';
import type { StepOutcome, StepRun, Target } from '../seam.ts';

/** In the detail of an error: the order may have changed the machine before it failed. */
export const BEGUN = 'begun';

export type Key = Pick<StepRun, 'key' | 'progress'>;

export async function placeOrder(
  desk: AgentDesk,
  target: Target,
  run: Key,
  order: { readonly name: string; readonly args: JsonObject },
): Promise<StepOutcome> {
  return outcomeOf(await desk.place(target.uuid, { key: run.key, ...order }), run);
}

export async function orderStands(desk: AgentDesk, { uuid }: Target, run: Key): Promise<StepOutcome> {
  const standing = await desk.standing(uuid, run.key);
  if (standing === undefined)
    throw fail('power.failed', { message: 'the order to the agent is no longer known', hint: 'Ask for the verb again.' });
  return outcomeOf(standing, run);
}

function outcomeOf(standing: OrderStanding, { progress }: Key): StepOutcome {
  switch (standing.state) {
    case 'waiting':
      progress(0, 'waits for the agent to take it');
      return 'wait';
    case 'given':
      progress(standing.fraction, standing.text);
      return 'wait';
    case 'done':
      refuseFaults(standing);
      progress(1, standing.message);
      return { result: standing.result };
    case 'failed':
      throw fail('power.refused', {
        message: standing.message,
        hint: "The task's log has what the agent said.",
        detail: { [BEGUN]: standing.isUntouched !== true },
      });
  }
}

/** What was looked for faults was carried out well, and is not well itself. */
function refuseFaults({ message, result: { failures } }: { readonly message: string; readonly result: JsonObject }): void {
  if (!Array.isArray(failures) || failures.length === 0) return;
  throw fail('power.refused', { message, hint: 'Look at what is named before the machine is used.' });
}

/** A step's key is that of its task and its place in it. */
const KEY = /^(.*):(\d+)$/;

/** What all steps of one deployment have in common. */
export function deploymentOf(key: string): string {
  return KEY.exec(key)?.[1] ?? key;
}

/** The results of earlier steps of the same work that the agent has ended. */
export async function earlierResults(desk: AgentDesk, { uuid }: Target, key: string): Promise<JsonObject[]> {
  const [, task, index] = KEY.exec(key) ?? [];
  if (task === undefined) return [];
  const keys = Array.from({ length: Number(index) }, (_, at) => `${task}:${at}`);
  const standings = await Promise.all(keys.map((one) => desk.standing(uuid, one)));
  return standings.flatMap((standing) => (standing?.state === 'done' ? [standing.result] : []));
}
