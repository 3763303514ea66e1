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
  'install.bad_iso': { status: 400, about: 'An ISO image can not be read: it is damaged, cut short, or no ISO 9660 at all.' },
  'install.iso_overlay_failed': {
    status: 409,
    about: 'A file can not be added to an ISO image while it is sent: its directories are not what they should be afterwards.',
  },
  'install.remaster_failed': { status: 409, about: 'xorriso, which adds a file to a copy of an ISO image, is missing or failed.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(INSTALL_ERRORS);
