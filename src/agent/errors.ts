// What can keep the agent from its work. Shown on the machine's screen; nobody there has a manual.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const AGENT_ERRORS = {
  'agent.bad_command_line': {
    status: 400,
    about: 'The kernel command line of the RAM system lacks what the agent needs to find its appliance.',
  },
  'agent.certificate_mismatch': {
    status: 502,
    about: 'The server that answered has another certificate than the boot script named. Nothing was sent to it.',
    retryable: true,
  },
  'agent.unreachable': {
    status: 503,
    about: 'The appliance did not answer: no network yet, no address, or it is being restarted.',
    retryable: true,
  },
  'agent.refused': { status: 403, about: 'The appliance answered the agent with a refusal.' },
  'agent.token_lost': { status: 401, about: 'The appliance no longer knows the token it gave the agent.' },
  'agent.bad_reply': {
    status: 502,
    about: 'The appliance answered the agent with something that is not in the protocol.',
    retryable: true,
  },
  'agent.disk_busy': { status: 409, about: 'A disk is in use on the machine that the agent runs on.' },
  'agent.disk_failed': { status: 502, about: 'A disk could not be read, written or erased.' },
  'agent.image_failed': { status: 502, about: 'A disk image could not be fetched, is damaged, or does not fit the disk.' },
  'agent.no_boot': { status: 409, about: 'What is on a disk can not be started by the firmware of this machine.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(AGENT_ERRORS);
