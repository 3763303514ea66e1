// What can be wrong with what a booted machine says to us.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const INSPECT_ERRORS = {
  'inspect.secret_refused': {
    status: 403,
    about: 'An agent showed a boot secret that is unknown, has expired, or belongs to another machine. All three answer alike.',
  },
  'inspect.secret_replayed': {
    status: 403,
    about: 'A boot secret that was spent was shown again by somebody else: perhaps a spoofed machine.',
  },
  'inspect.token_refused': { status: 401, about: 'An agent showed a token that we did not give, or that a later boot has replaced.' },
  'inspect.identity_conflict': {
    status: 409,
    about: 'A machine reports ports of several nodes, so that it cannot be told which of them it is.',
  },
  'inspect.not_merged': {
    status: 409,
    about: 'A discovered machine can not become that node, or a port not move there: see the message.',
  },
  'inspect.mac_not_shared': { status: 404, about: 'Nothing is remembered of this network card that could be forgotten.' },
  'inspect.mac_mismatch': { status: 409, about: 'The inventory does not have the port through which the machine booted.' },
  'inspect.too_many_boots': {
    status: 503,
    retryable: true,
    about: 'As many machines were given a boot secret, and have not used it, as we are willing to remember.',
  },
  'inspect.not_found': {
    status: 404,
    about: 'No node is looked for under these ports, or it is in no state in which its agent may ask. Both answer alike.',
  },
  'inspect.bad_report': { status: 400, about: 'What an agent sent is not what it may send: see the message.' },
  'inspect.rule_failed': {
    status: 400,
    about: 'An inspection rule says that the machine is not as it should be, or can not be applied to it.',
  },
  'inspect.bad_order': {
    status: 500,
    about: 'A command that no agent knows, or one with arguments that do not fit it, was to be given to an agent.',
  },
  'inspect.too_many_orders': {
    status: 503,
    retryable: true,
    about: 'As many orders wait for the agent of one machine as we are willing to keep.',
  },
  'inspect.too_many_machines': { status: 503, about: 'As many machines wait for a yes as we are willing to remember.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(INSPECT_ERRORS);
