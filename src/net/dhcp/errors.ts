// What can go wrong outside the code when the DHCP server opens its sockets.

import { defineErrors, type ErrorCatalogue } from '../../lib/index.ts';

export const DHCP_ERRORS = {
  'dhcp.port_denied': { status: 500, about: 'The process may not open the DHCP port (67, and 4011 in proxy mode).' },
  'dhcp.port_in_use': { status: 500, about: 'Another program on this machine already listens on the DHCP port of that interface.' },
  'dhcp.no_interface': { status: 500, about: 'A configured network interface does not exist.' },
  'dhcp.no_address': { status: 500, about: 'A configured network interface has no IPv4 address.' },
  'dhcp.socket': { status: 500, about: 'A DHCP socket could not be opened or handed over, for a reason the system named.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(DHCP_ERRORS);
