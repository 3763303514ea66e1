// Around the end-to-end tests: what dead runs left behind goes first, and what an interrupt cuts off here goes at the end.

import { sweepDeadLabs, waitForOwners } from '../support/dead-labs.ts';

/** The test processes are told to end before this is. */
const OWNERS_MS = 20_000;

export async function setup(): Promise<void> {
  tell(await sweepDeadLabs());
}

export async function teardown(): Promise<void> {
  await waitForOwners(process.pid, OWNERS_MS);
  tell(await sweepDeadLabs());
}

function tell(labs: readonly string[]): void {
  if (labs.length > 0) process.stdout.write(`taken down, of test processes that ended before it: ${labs.join(', ')}\n`);
}
