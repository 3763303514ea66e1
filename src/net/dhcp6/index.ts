// The door of net/dhcp6.

export type { BootClient6, BootClientKind6, BootOffer6, DecideBoot6, TurnAway6 } from './client.ts';
export { decode6, encode6, isRelay6, type Message6, type Packet6, type Received6, type Relay6, unwrap6, wrap6 } from './codec.ts';
export type { Dhcp6Mode, Subnet6 } from './decide.ts';
export { DHCP6_ERRORS } from './errors.ts';
export {
  getOption6,
  getOptions6,
  MESSAGE6,
  type MessageName6,
  messageName6,
  OPTIONS6,
  type OptionName6,
  option6,
  RELAY_FORWARD,
  RELAY_REPLY,
} from './options.ts';
export {
  createDhcp6Server,
  DHCP6_LIMITS,
  type Dhcp6Counters,
  type Dhcp6Limits,
  type Dhcp6Note,
  type Dhcp6Ports,
  type Dhcp6Server,
  type Dhcp6ServerOptions,
  type OtherServer6,
  STANDARD_PORTS6,
} from './server.ts';
export type { Option6, Options6 } from './shapes.ts';
export {
  type Dhcp6Socket,
  interfacesWithIpv6,
  ipv6AddressesOf,
  type OpenPlan6,
  openDhcp6Sockets,
  openLinkSocket6,
  sourceAddressFor,
} from './sockets.ts';
