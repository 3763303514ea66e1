// The DHCP options we name: code, name, shape. Everything else travels raw by its number. Knows no policy.

import { SHAPES, type ShapeName, type ShapeValue } from './shapes.ts';

interface OptionSpec {
  readonly code: number;
  readonly shape: ShapeName;
}

/** Names follow RFC 2132 and IANA's registry; 175 is iPXE's, 250 and 251 the Proxmox installer's. */
export const OPTIONS = {
  subnetMask: { code: 1, shape: 'ip' },
  timeOffset: { code: 2, shape: 'u32' },
  routers: { code: 3, shape: 'ips' },
  dnsServers: { code: 6, shape: 'ips' },
  logServers: { code: 7, shape: 'ips' },
  hostName: { code: 12, shape: 'text' },
  domainName: { code: 15, shape: 'text' },
  rootPath: { code: 17, shape: 'text' },
  interfaceMtu: { code: 26, shape: 'u16' },
  broadcastAddress: { code: 28, shape: 'ip' },
  ntpServers: { code: 42, shape: 'ips' },
  vendorOptions: { code: 43, shape: 'nested' },
  requestedAddress: { code: 50, shape: 'ip' },
  leaseSeconds: { code: 51, shape: 'u32' },
  overload: { code: 52, shape: 'u8' },
  messageType: { code: 53, shape: 'u8' },
  serverId: { code: 54, shape: 'ip' },
  parameterList: { code: 55, shape: 'bytes' },
  message: { code: 56, shape: 'text' },
  maxMessageSize: { code: 57, shape: 'u16' },
  renewalSeconds: { code: 58, shape: 'u32' },
  rebindingSeconds: { code: 59, shape: 'u32' },
  vendorClass: { code: 60, shape: 'text' },
  clientId: { code: 61, shape: 'bytes' },
  tftpServerName: { code: 66, shape: 'text' },
  bootFileName: { code: 67, shape: 'text' },
  userClass: { code: 77, shape: 'userClass' },
  clientFqdn: { code: 81, shape: 'bytes' },
  relayAgent: { code: 82, shape: 'nested' },
  clientArchitecture: { code: 93, shape: 'u16s' },
  clientNdi: { code: 94, shape: 'bytes' },
  clientUuid: { code: 97, shape: 'uuid' },
  captivePortal: { code: 114, shape: 'url' },
  subnetSelection: { code: 118, shape: 'ip' },
  domainSearch: { code: 119, shape: 'domains' },
  classlessRoutes: { code: 121, shape: 'routes' },
  capwapControllers: { code: 138, shape: 'ips' },
  tftpServerAddresses: { code: 150, shape: 'ips' },
  ipxe: { code: 175, shape: 'nested' },
  installerUrl: { code: 250, shape: 'url' },
  installerFingerprint: { code: 251, shape: 'text' },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;
export type OptionValue<N extends OptionName> = ShapeValue<(typeof OPTIONS)[N]['shape']>;
export type RawOptions = ReadonlyMap<number, Uint8Array>;

/** RFC 2132 §9.6, RFC 3203, RFC 4388: 1-8 are the core protocol. */
export const MESSAGE = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;
export type MessageName = keyof typeof MESSAGE;

/** The value, or undefined when the packet has none. Throws DecodeError when it has one that its shape can't be. */
export function getOption<N extends OptionName>(options: RawOptions, name: N): OptionValue<N> | undefined {
  const raw = options.get(OPTIONS[name].code);
  if (raw === undefined) return undefined;
  return SHAPES[OPTIONS[name].shape].read(raw) as OptionValue<N>; // the table ties the name to the shape; the compiler can't follow both look-ups
}

export function rawOption<N extends OptionName>(name: N, value: OptionValue<N>): [code: number, bytes: Uint8Array] {
  const shape: { write(value: never): Uint8Array } = SHAPES[OPTIONS[name].shape];
  return [OPTIONS[name].code, shape.write(value as never)]; // as in getOption: OptionValue<N> is this shape's own type
}

const NAMES: ReadonlyMap<number, MessageName> = new Map(
  (Object.keys(MESSAGE) as MessageName[]).map((name) => [MESSAGE[name], name]), // keys of a const object
);

export function messageName(options: RawOptions): MessageName | undefined {
  const type = getOption(options, 'messageType');
  return type === undefined ? undefined : NAMES.get(type);
}
