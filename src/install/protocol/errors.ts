// What installers and the people who wait for them may be told, as data.

import { defineErrors, type ErrorCatalogue } from '../../lib/index.ts';

export const INSTALL_PROTOCOL_ERRORS = {
  'install.unknown': {
    status: 404,
    about: 'A request of an installer, or of a system that it installed, has no secret that is known here.',
  },
  'install.no_secret': { status: 401, about: 'An installer asked for its answer without a secret that is known here.' },
  'install.answer_refused': {
    status: 403,
    about:
      'An installer is not given its answer: another machine asked, it is not being deployed, or it had its answer already. The reasons of the node say which.',
  },
  'install.answer_late': {
    status: 503,
    about: 'The answer of an installer could not be made, or not while the installer still waited for it.',
  },
  'install.bad_request': { status: 400, about: 'What an installer, or a system that it installed, sent is not what these send.' },
  'install.refused': { status: 409, about: 'A machine is not installed: something that must hold before does not. Nothing was touched.' },
  'install.over': { status: 409, about: 'The installation is over: it failed, was given up, or another deployment has begun.' },
  'install.no_installation': { status: 404, about: 'No installer was ever prepared for the node.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(INSTALL_PROTOCOL_ERRORS);
