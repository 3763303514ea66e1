// What can go wrong outside the code when the TFTP server opens its socket.

import { defineErrors, type ErrorCatalogue } from '../../lib/index.ts';

export const TFTP_ERRORS = {
  'tftp.port_denied': { status: 500, about: 'The process may not open the TFTP port.' },
  'tftp.port_in_use': { status: 500, about: 'Another program already listens on the TFTP port.' },
  'tftp.no_address': { status: 500, about: 'The address to listen on is not one of this machine.' },
  'tftp.socket': { status: 500, about: 'The TFTP socket could not be opened, for a reason the system named.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(TFTP_ERRORS);
