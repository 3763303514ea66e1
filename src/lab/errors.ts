// What can keep the lab from standing.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const LAB_ERRORS = {
  'lab.needs_root': { status: 403, about: 'The lab makes a network namespace and a bridge, which only root may do.' },
  'lab.tool_missing': { status: 500, about: 'A program that the lab runs is not installed.' },
  'lab.command_failed': { status: 500, about: 'A command that builds the lab failed.' },
  'lab.already_up': { status: 409, about: 'A lab of this name stands already.' },
  'lab.not_up': { status: 404, about: 'No lab of this name stands.' },
  'lab.appliance_died': { status: 500, about: 'The appliance inside the lab ended before it was ready.' },
  'lab.machine_died': { status: 500, about: 'The virtual machine ended by itself.' },
  'lab.timeout': { status: 504, about: 'Something in the lab did not happen in time.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(LAB_ERRORS);
