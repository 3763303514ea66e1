// What can go wrong with what a deployment is made of, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const INSTALL_ERRORS = {
  'install.no_image': {
    status: 404,
    about: 'The machine is not being deployed with an image file of the appliance, or that file is not given to machines.',
  },
  'install.bad_image': { status: 409, about: 'An image file of the appliance can not be read, or changed while it was.' },
  'install.no_drive': { status: 404, about: 'The machine is not being deployed, or has no config drive.' },
  'install.bad_drive': { status: 400, about: 'The config drive of a deployment can not be made of what was given for it.' },
  'install.report_refused': { status: 401, about: 'A report of a first boot came with a token that is not (or no longer) good.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(INSTALL_ERRORS);
