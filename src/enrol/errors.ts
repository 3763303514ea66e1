// What is refused around enrolment, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const ENROL_ERRORS = {
  'enrol.plan_changed': {
    status: 409,
    about: 'The yes was to another wipe plan than the one that holds now: disks, what is on them, or the profile changed meanwhile.',
  },
  'enrol.disks_refused': {
    status: 409,
    about: 'The machine needs disks that hold something that may be missed, and nobody has said yes to their serial numbers.',
  },
  'enrol.not_ready': {
    status: 409,
    about: 'The agent has not looked at the machine yet, so there is nothing that a yes could be bound to.',
  },
  'enrol.wrong_state': { status: 409, about: 'The machine is in no state in which it can be approved, rejected or taken back.' },
  'enrol.observe_only': { status: 403, about: 'The site, the cluster or the node is observe-only: no machine is taken in.' },
  'enrol.unknown_profile': { status: 400, about: 'No [[profile]] has that name.' },
  'enrol.unknown_disk': {
    status: 400,
    about: 'A yes was given to a serial number or WWN that no disk of the machine has, or that is not the name of one disk alone.',
  },
  'enrol.no_name': { status: 409, about: 'No name is left, or the machine does not say what its name is to be made of.' },
  'enrol.failed': { status: 500, about: 'Taking a machine in stopped on the way; the message says where and why.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(ENROL_ERRORS);
