// Frames of LLDP (IEEE 802.1AB) out of a capture in pcap's format, and what the switch says of itself in them. Pure; whatever a port sends
// gives a neighbour, or undefined.

import type { Neighbour } from '../../inspect/facts.ts';

const ETHERTYPE = 0x88cc;
const TAGGED = 0x8100;
const PCAP_HEADER = 24;
const RECORD_HEADER = 16;
const FRAME_MAX = 16_384;
const TEXT_MAX = 256;
const decoder = new TextDecoder();

/** Whole frames only; what is behind the first broken record is not looked at. */
export function framesOf(capture: Uint8Array): Uint8Array[] {
  const view = viewOf(capture);
  if (capture.length < PCAP_HEADER) return [];
  const isLittle = [0xa1b2c3d4, 0xa1b23c4d].includes(view.getUint32(0, true));
  if (!isLittle && ![0xa1b2c3d4, 0xa1b23c4d].includes(view.getUint32(0, false))) return [];
  const frames: Uint8Array[] = [];
  for (let at = PCAP_HEADER; at + RECORD_HEADER <= capture.length; ) {
    const length = view.getUint32(at + 8, isLittle);
    const end = at + RECORD_HEADER + length;
    if (length > FRAME_MAX || end > capture.length) break;
    frames.push(capture.subarray(at + RECORD_HEADER, end));
    at = end;
  }
  return frames;
}

export function neighbourOf(port: string, frame: Uint8Array): Neighbour | undefined {
  const view = viewOf(frame);
  if (frame.length < 18) return undefined;
  const isTagged = view.getUint16(12) === TAGGED;
  const at = isTagged ? 16 : 12;
  if (view.getUint16(at) !== ETHERTYPE) return undefined;
  const tlvs = tlvsOf(frame.subarray(at + 2));
  const first = (type: number): Uint8Array | undefined => tlvs.find((one) => one.type === type)?.value;
  const chassis = identifier(first(1), { mac: 4, address: 5 });
  const portId = identifier(first(2), { mac: 3, address: 4 });
  // §8.2: without chassis and port it is no LLDPDU.
  if (chassis === null || portId === null) return undefined;
  return {
    port: port.slice(0, TEXT_MAX),
    chassis_id: chassis,
    port_id: portId,
    port_description: textOf(first(4)),
    system_name: textOf(first(5)),
    system_description: textOf(first(6)),
    management_address: managementOf(first(8)),
    vlan: vlanOf(tlvs),
  };
}

interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** §8.4: seven bits of type and nine of length. Ends with type 0. */
function tlvsOf(bytes: Uint8Array): Tlv[] {
  const tlvs: Tlv[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const head = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const [type, length] = [head >> 9, head & 0x1ff];
    if (type === 0 || at + 2 + length > bytes.length) break;
    tlvs.push({ type, value: bytes.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return tlvs;
}

/** §8.5.2, §8.5.3: its first byte says of what kind it is; names are text, MACs and addresses are bytes. */
function identifier(value: Uint8Array | undefined, kinds: { readonly mac: number; readonly address: number }): string | null {
  if (value === undefined || value.length < 2) return null;
  const rest = value.subarray(1);
  if (value[0] === kinds.mac && rest.length === 6) return hexOf(rest, ':');
  if (value[0] === kinds.address) return addressOf(rest) ?? hexOf(rest, '');
  return textOf(rest) ?? hexOf(rest, '');
}

/** IANA's address family in front: 1 is IPv4, 2 is IPv6. */
function addressOf(bytes: Uint8Array): string | null {
  const [family, rest] = [bytes[0], bytes.subarray(1)];
  if (family === 1 && rest.length === 4) return [...rest].join('.');
  if (family !== 2 || rest.length !== 16) return null;
  return Array.from({ length: 8 }, (_, at) => (((rest[at * 2] ?? 0) << 8) | (rest[at * 2 + 1] ?? 0)).toString(16)).join(':');
}

/** §8.5.9: length of the address with its family, then both. */
function managementOf(value: Uint8Array | undefined): string | null {
  const length = value?.[0];
  return value === undefined || length === undefined ? null : addressOf(value.subarray(1, 1 + length));
}

/** 802.1Q annex D: OUI 00-80-C2, subtype 1 is the port's VLAN. */
function vlanOf(tlvs: readonly Tlv[]): number | null {
  const found = tlvs.find(({ type, value }) => type === 127 && value.length >= 6 && hexOf(value.subarray(0, 4), '') === '0080c201')?.value;
  if (found === undefined) return null;
  const vlan = ((found[4] ?? 0) << 8) | (found[5] ?? 0);
  return vlan === 0 ? null : vlan;
}

function textOf(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined) return null;
  const text = decoder
    .decode(bytes)
    .replaceAll(/[\p{Cc}\ufffd\s]+/gu, ' ')
    .trim();
  return text === '' ? null : text.slice(0, TEXT_MAX);
}

function hexOf(bytes: Uint8Array, between: string): string {
  return [...bytes.subarray(0, 64)].map((byte) => byte.toString(16).padStart(2, '0')).join(between);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
