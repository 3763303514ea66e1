// What is refused around allocations, as data. Statuses and words are Ironic's, but for a back-fill that does not fit the node: Ironic
// answers that with 500, which makes clients try again what can never work.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const RESERVATION_ERRORS = {
  'reservations.node_locked': {
    status: 409,
    retryable: true,
    about: 'Something works on the node, so that its allocation can not change now.',
  },
  'reservations.wrong_state': { status: 409, about: 'The state of the node does not allow that its allocation is removed.' },
  'reservations.node_taken': { status: 409, about: 'An allocation was to be made for a node that another instance has already.' },
  'reservations.does_not_fit': { status: 400, about: 'An allocation was to be made for an active node that is not what it asks for.' },
  'reservations.bad_value': { status: 400, about: 'A field of an allocation has a value it can not have.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(RESERVATION_ERRORS);
