// What is refused around tests of machines, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const CHECK_ERRORS = {
  'checks.no_agent': { status: 409, about: 'The test is carried out by the agent, and no agent runs on the machine.' },
  'checks.wrong_state': { status: 409, about: 'The node is in a state in which its machine is not tested.' },
  'checks.needs_person': { status: 409, about: 'The machine cannot be switched without a person, and nobody said that one may be asked.' },
  'checks.failed': { status: 500, about: 'A test of a machine did not come to its end; the message says why.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(CHECK_ERRORS);
