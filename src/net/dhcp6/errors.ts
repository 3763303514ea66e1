// What can go wrong outside the code when the DHCPv6 server opens its sockets.

import { defineErrors, type ErrorCatalogue } from '../../lib/index.ts';

export const DHCP6_ERRORS = {
  'dhcp6.port_denied': { status: 500, about: 'The process may not open the DHCPv6 port (547).' },
  'dhcp6.port_in_use': { status: 500, about: 'Another program on this machine already listens on the DHCPv6 port of that interface.' },
  'dhcp6.no_interface': { status: 500, about: 'An interface of [dhcp6] does not exist.' },
  'dhcp6.no_address': { status: 500, about: 'An interface of [dhcp6] has no IPv6 address, or one that never became usable.' },
  'dhcp6.socket': { status: 500, about: 'A DHCPv6 socket could not be opened, for a reason the system named.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(DHCP6_ERRORS);
