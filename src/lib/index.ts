// The few things everybody may import.

export { ByteReader, ByteWriter, DecodeError } from './bytes.ts';
export { type Clock, isoTime, systemClock } from './clock.ts';
export type { Component } from './component.ts';
export {
  assert,
  BugError,
  defineErrors,
  type ErrorCatalogue,
  type ErrorDetails,
  type ErrorSpec,
  messageOf,
  RackseedError,
  systemCode,
  unreachable,
} from './errors.ts';
export { type Ipv4, ipv4ToNumber, numberToIpv4, parseIpv4, parseSubnet, type Subnet, subnetBroadcast, subnetHas } from './ipv4.ts';
export {
  bytesToIpv6,
  hostInUrl,
  type Ipv6,
  ipv6ToBytes,
  isLinkLocal6,
  macInIpv6,
  type Prefix6,
  parseIpv6,
  parsePrefix6,
  prefix6Has,
  withoutMapping,
} from './ipv6.ts';
export { type Log, type LogFields, silentLog } from './log.ts';
export { type Mac, macOfBytes, macToBytes, parseMac } from './mac.ts';
export { nearest } from './near.ts';
export { findPortOwner, type PortOwner, socketInodes } from './port-owner.ts';
export { type Random, systemRandom } from './random.ts';
export { programRoot, RESOURCES, type Resource, resource } from './resources.ts';
export { type Run, type RunOptions, type RunResult, runProgram } from './run.ts';
export { Secret } from './secret.ts';
export { saltOf, sha512Crypt } from './sha512-crypt.ts';
export { mapInSlices } from './slices.ts';
export { createVigil, type Vigil } from './vigil.ts';
