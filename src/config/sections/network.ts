// [dhcp] and [tftp]: what the appliance says on the provisioning network. The default says nothing.

import { Type } from 'typebox';
import { closed, flag, oneOf, port, text, texts, whole } from '../fields.ts';

export const DHCP_MODES = ['off', 'proxy', 'full'] as const;

export const DhcpSubnet = Type.Object(
  {
    subnet: text({ description: 'The network.', format: 'subnet', examples: ['10.0.0.0/24'] }),
    ranges: texts({
      description: 'Addresses to lend out, first and last. Without ranges only reservations get an address.',
      format: 'range',
      examples: [['10.0.0.100-10.0.0.200']],
    }),
    router: Type.Optional(text({ description: 'Default gateway.', format: 'ipv4-address', examples: ['10.0.0.1'] })),
    dns: texts({ description: 'Name servers.', format: 'ipv4-address', maxItems: 8, examples: [['10.0.0.1']] }),
    domain: Type.Optional(text({ description: 'Domain name.', format: 'hostname', examples: ['lab.example'] })),
    ntp: texts({ description: 'Time servers.', format: 'ipv4-address', maxItems: 8, examples: [['10.0.0.1']] }),
    shared_network: Type.Optional(
      text({
        description: 'A name. Subnets of one name lie on one wire: where one is full, its machines get addresses of another.',
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
        'x-expected': 'a short name such as "rack-1"',
        examples: ['rack-1'],
      }),
    ),
    lease_seconds: whole({
      description: 'How long an address is lent, in seconds.',
      minimum: 60,
      maximum: 31_536_000,
      default: 3600,
      examples: [3600],
    }),
  },
  { ...closed, description: 'A network that mode = "full" gives addresses in; also one behind a relay.' },
);

export const DhcpReservation = Type.Object(
  {
    mac: Type.Optional(text({ description: 'The machine by MAC address.', format: 'mac', examples: ['52:54:00:12:34:56'] })),
    uuid: Type.Optional(
      text({
        description: 'The machine by SMBIOS UUID, instead of mac.',
        'x-instead': 'mac',
        format: 'uuid',
        examples: ['4c4c4544-0042-3510-8051-b4c04f4d3232'],
      }),
    ),
    client_id: Type.Optional(
      text({
        description: 'The machine by DHCP client identifier in hexadecimal, instead of mac.',
        'x-instead': 'mac',
        pattern: '^(?:[0-9A-Fa-f]{2}){2,255}$',
        'x-expected': 'an even number of hexadecimal digits such as "01525400123456"',
        examples: ['01525400123456'],
      }),
    ),
    address: text({ description: 'The address it always gets.', format: 'ipv4-address', examples: ['10.0.0.10'] }),
    hostname: Type.Optional(text({ description: 'The host name it is told.', format: 'hostname', examples: ['pve1'] })),
  },
  { ...closed, description: 'A fixed address. Name the machine by exactly one of mac, uuid and client_id.' },
);

export const DhcpSection = Type.Object(
  {
    mode: oneOf(DHCP_MODES, {
      description:
        '"off": answer nothing. "proxy": stay beside the DHCP server that is there, add only what network boot needs. "full": give addresses too.',
      default: 'off',
      examples: ['proxy'],
    }),
    interfaces: texts({
      description: 'Network interfaces to answer on. Empty: all of them.',
      format: 'interface',
      examples: [['eno1']],
    }),
    port: port({ description: 'UDP port of the DHCP server.', default: 67, examples: [67] }),
    client_port: port({ description: 'UDP port that clients are answered on.', default: 68, examples: [68] }),
    proxy_port: port({ description: 'UDP port of the boot server that PXE clients come back to.', default: 4011, examples: [4011] }),
    allow_other_servers: flag({
      description: 'Start in mode "full" although another DHCP server was heard on the network.',
      default: false,
      examples: [false],
    }),
    conflict_probe: flag({
      description:
        'Ask the network whether an address is in use before it is lent for the first time. Costs a new machine a quarter of a second.',
      default: true,
      examples: [true],
    }),
    subnet: Type.Array(DhcpSubnet, { description: 'Networks for mode = "full".', maxItems: 256, default: [] }),
    reservation: Type.Array(DhcpReservation, { description: 'Fixed addresses.', maxItems: 10_000, default: [] }),
  },
  { ...closed, description: 'DHCP for machines that boot from the network.' },
);

export const TftpSection = Type.Object(
  {
    enabled: flag({
      description: 'Serve the first boot loaders by TFTP.',
      'x-default': 'true unless dhcp.mode and dhcp6.mode are "off"',
      examples: [true],
    }),
    listen: text({ description: 'Address and UDP port.', format: 'listen', default: '0.0.0.0:69', examples: ['10.0.0.2:69'] }),
    max_transfers: whole({
      description: 'Transfers at the same time; further requests are told to come back.',
      minimum: 1,
      maximum: 10_000,
      default: 512,
      examples: [512],
    }),
    max_windowsize: whole({
      description: 'Largest window (RFC 7440) granted to a client, in blocks. 1 turns windows off.',
      minimum: 1,
      maximum: 256,
      default: 64,
      examples: [16],
    }),
  },
  { ...closed, description: 'TFTP for firmware that knows nothing better.' },
);
