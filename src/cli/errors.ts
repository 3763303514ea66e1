// What the command line itself can refuse.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const CLI_ERRORS = {
  'cli.usage': { status: 400, about: 'The command line is wrong: an unknown command or option, or a value missing.' },
  'cli.no_appliance': { status: 503, about: 'The appliance does not answer at the address the CLI was given.' },
  'cli.no_connection': {
    status: 401,
    about: 'The CLI does not know which appliance to talk to: none is named, and none has left its address on this machine.',
  },
  'cli.not_trusted': { status: 502, about: 'The certificate of what answers is not one that the CLI was told to trust.' },
  'cli.bad_certificate': { status: 400, about: 'The file that RACKSEED_CA names cannot be read, or is no certificate.' },
  'cli.api': { status: 500, about: 'The appliance answered with an error; its own code stands before the message.' },
  'cli.bad_file': { status: 400, about: 'A file named on the command line cannot be read.' },
  'cli.answer_refused': { status: 400, about: 'The installer would refuse the answer file that was checked.' },
  'cli.no_own_loader': { status: 404, about: 'No boot loader of that name was added on this machine.' },
  'cli.no_plan': { status: 409, about: 'There is no wipe plan that a yes could be to: no agent has looked at the machine.' },
  'cli.selftest_failed': { status: 409, about: 'An installer ISO is not what installations over the network rest on.' },
  'cli.bad_answer': { status: 502, about: 'What answered is not a Rackseed appliance, or one of another age.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(CLI_ERRORS);
