// The DHCPv6 options and messages we name: code, name, shape. Everything else travels raw by its number. Knows no policy.

import { type Option6, type Options6, SHAPES6, type ShapeName6, type ShapeValue6 } from './shapes.ts';

interface OptionSpec {
  readonly code: number;
  readonly shape: ShapeName6;
}

/** RFC 8415 §21; 23, 24 RFC 3646; 32 RFC 8415 §21.23; 37 RFC 4649; 39 RFC 4704; 56 RFC 5908; 59-62 RFC 5970; 79 RFC 6939; 135 RFC 8357. */
export const OPTIONS6 = {
  clientId: { code: 1, shape: 'duid' },
  serverId: { code: 2, shape: 'duid' },
  iaNa: { code: 3, shape: 'association' },
  iaTa: { code: 4, shape: 'temporary' },
  iaAddress: { code: 5, shape: 'address' },
  optionRequest: { code: 6, shape: 'u16s' },
  preference: { code: 7, shape: 'u8' },
  elapsedTime: { code: 8, shape: 'u16' },
  relayMessage: { code: 9, shape: 'bytes' },
  authentication: { code: 11, shape: 'bytes' },
  serverUnicast: { code: 12, shape: 'ips' },
  statusCode: { code: 13, shape: 'status' },
  rapidCommit: { code: 14, shape: 'flag' },
  userClass: { code: 15, shape: 'pieces' },
  vendorClass: { code: 16, shape: 'vendorClass' },
  vendorOptions: { code: 17, shape: 'vendorOptions' },
  interfaceId: { code: 18, shape: 'bytes' },
  dnsServers: { code: 23, shape: 'ips' },
  domainSearch: { code: 24, shape: 'domains' },
  iaPd: { code: 25, shape: 'association' },
  refreshSeconds: { code: 32, shape: 'u32' },
  remoteId: { code: 37, shape: 'bytes' },
  clientFqdn: { code: 39, shape: 'bytes' },
  bootFileUrl: { code: 59, shape: 'text' },
  bootFileParameters: { code: 60, shape: 'pieces' },
  clientArchitecture: { code: 61, shape: 'u16s' },
  networkInterface: { code: 62, shape: 'bytes' },
  clientLinkLayer: { code: 79, shape: 'linkLayer' },
  relaySourcePort: { code: 135, shape: 'u16' },
} as const satisfies Record<string, OptionSpec>;

export type OptionName6 = keyof typeof OPTIONS6;
export type OptionValue6<N extends OptionName6> = ShapeValue6<(typeof OPTIONS6)[N]['shape']>;

/** RFC 8415 §7.3. */
export const MESSAGE6 = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  reconfigure: 10,
  informationRequest: 11,
} as const;
export type MessageName6 = keyof typeof MESSAGE6;

export const RELAY_FORWARD = 12;
export const RELAY_REPLY = 13;

/** RFC 8415 §21.13. */
export const STATUS6 = {
  success: 0,
  unspecFail: 1,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixAvail: 6,
} as const;

export function messageName6(type: number): MessageName6 | undefined {
  return (Object.keys(MESSAGE6) as MessageName6[]).find((name) => MESSAGE6[name] === type); // keys of a const object
}

/** The first of that name, or undefined. Throws DecodeError when its bytes can't be its shape. */
export function getOption6<N extends OptionName6>(options: Options6, name: N): OptionValue6<N> | undefined {
  const found = options.find(({ code }) => code === OPTIONS6[name].code);
  return found === undefined ? undefined : read(found, name);
}

/** All of that name: a client may send several associations. */
export function getOptions6<N extends OptionName6>(options: Options6, name: N): OptionValue6<N>[] {
  return options.filter(({ code }) => code === OPTIONS6[name].code).map((option) => read(option, name));
}

function read<N extends OptionName6>({ bytes }: Option6, name: N): OptionValue6<N> {
  return SHAPES6[OPTIONS6[name].shape].read(bytes) as OptionValue6<N>; // the table ties the name to the shape; the compiler can't follow both look-ups
}

export function option6<N extends OptionName6>(name: N, value: OptionValue6<N>): Option6 {
  const shape: { write(value: never): Uint8Array } = SHAPES6[OPTIONS6[name].shape];
  return { code: OPTIONS6[name].code, bytes: shape.write(value as never) }; // as in read(): OptionValue6<N> is this shape's own type
}
