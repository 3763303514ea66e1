// What the life cycle refuses and what fails in it, as data. Statuses and the first sentences are Ironic's: its clients look for both.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const LIFECYCLE_ERRORS = {
  'lifecycle.locked': { status: 409, retryable: true, about: 'Something works on the node; it can be asked again when that has ended.' },
  'lifecycle.invalid_state': { status: 400, about: 'The verb is not possible from the state the node is in, or is no verb at all.' },
  'lifecycle.in_maintenance': { status: 400, about: 'The node is in maintenance, and what was asked for needs it out of maintenance.' },
  'lifecycle.retired': { status: 400, about: 'A retired node is not made available again.' },
  'lifecycle.observe_only': { status: 403, about: 'The site, the cluster or the node is observe-only: nothing is written to the machine.' },
  'lifecycle.bad_request': { status: 400, about: 'What came with the verb does not go with it, is missing, or has the wrong form.' },
  'lifecycle.not_found': { status: 404, about: 'What the request names (a runbook) does not exist.' },
  'lifecycle.not_valid': { status: 400, about: 'A driver of the node says why it can not work on it as it is described.' },
  'lifecycle.unsupported': { status: 400, about: 'The node has no driver that can do it.' },
  'lifecycle.power_refused': { status: 409, about: 'The node may not be brought into that power state.' },
  'lifecycle.under_way': {
    status: 409,
    retryable: true,
    about: 'The setting may not be changed while the node is on its way to another state.',
  },
  'lifecycle.bad_steps': {
    status: 400,
    about: 'A step that was asked for is not offered by the drivers of the node, or its arguments are wrong.',
  },
  'lifecycle.step_failed': { status: 500, about: 'A step on the way failed; the message names it and says why.' },
  'lifecycle.step_timeout': { status: 500, about: 'A step took longer than it may.' },
  'lifecycle.wipe_plan_void': {
    status: 409,
    about: 'The disks have changed since somebody said yes to erasing them, so that nothing is erased.',
  },
  'lifecycle.disks_unknown': {
    status: 409,
    about: 'All disks were to be erased, and nobody knew which those are when that was typed, so that nothing is erased.',
  },
  'lifecycle.disks_appeared': {
    status: 409,
    about: 'Disks were put in since somebody typed that all of them are erased, so that nothing is erased.',
  },
  'lifecycle.aborted': { status: 409, about: 'A person ended what was under way.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(LIFECYCLE_ERRORS);
