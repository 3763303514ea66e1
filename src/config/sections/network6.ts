// [dhcp6]: what the appliance says to machines that boot over IPv6. Where [dhcp] is off, the default says nothing.

import { Type } from 'typebox';
import { closed, oneOf, port, text, texts, whole } from '../fields.ts';

export const DHCP6_MODES = ['off', 'stateless', 'full'] as const;

export const Dhcp6Subnet = Type.Object(
  {
    prefix: text({
      description:
        'The network. Each machine gets an address in it that is derived from its identity; routers advertise the prefix, not we.',
      format: 'prefix6',
      examples: ['fd00:77::/64'],
    }),
    dns: texts({ description: 'Name servers.', format: 'ipv6-address', maxItems: 8, examples: [['fd00:77::1']] }),
    domain_search: texts({ description: 'Domains to look names up in.', format: 'hostname', maxItems: 8, examples: [['lab.example']] }),
    lease_seconds: whole({
      description: 'How long an address is valid, in seconds; machines renew it long before.',
      minimum: 120,
      maximum: 31_536_000,
      default: 3600,
      examples: [3600],
    }),
  },
  { ...closed, description: 'An IPv6 network that machines boot in; also one behind a relay.' },
);

export const Dhcp6Section = Type.Object(
  {
    mode: oneOf(DHCP6_MODES, {
      description:
        '"off": answer nothing. "stateless": name the boot file to whoever asks for settings only, beside another DHCPv6 server; no addresses. Firmware that is to start its own disk is told that there is nothing, so that it does not wait a minute for an answer. "full": give addresses too. Router advertisements are left to the router in every mode.',
      'x-default': '"stateless" where dhcp.mode is not "off" and dhcp.port is 67, as well as the system allows; else "off"',
      examples: ['stateless'],
    }),
    interfaces: texts({
      description: 'Network interfaces to answer on. Empty: all that have IPv6.',
      'x-default': 'those of dhcp.interfaces',
      format: 'interface',
      examples: [['eno1']],
    }),
    port: port({ description: 'UDP port of the DHCPv6 server.', default: 547, examples: [547] }),
    client_port: port({ description: 'UDP port that clients are answered on.', default: 546, examples: [546] }),
    subnet: Type.Array(Dhcp6Subnet, { description: 'IPv6 networks; needed for mode = "full".', maxItems: 256, default: [] }),
  },
  { ...closed, description: 'DHCPv6 for machines that boot from the network over IPv6.' },
);
