// Nodes that nobody asked for: how many of them are remembered, and what drives them until a person says.

import type { Tx } from '../store/index.ts';
import { fail } from './errors.ts';

export const DISCOVERED_DRIVER = 'manual-management';
const MAX_DISCOVERED = 4096;

/** So that a hostile network cannot fill the store. */
export async function checkDiscoveryRoom(tx: Tx, max = MAX_DISCOVERED): Promise<void> {
  const { waiting } = await tx
    .selectFrom('nodes')
    .select((eb) => eb.fn.countAll<number>().as('waiting'))
    .where('provision_state', '=', 'enroll')
    .executeTakeFirstOrThrow();
  if (Number(waiting) < max) return;
  throw fail('inspect.too_many_machines', {
    message: `${waiting} machines wait for a yes already, and no more than ${max} are remembered`,
    hint: 'Approve or remove some, or close enrolment: rackseed enrol close',
  });
}
