import { describe, expect, it } from 'vitest';
import { architectureOf6, asksForBoot6, kindOf6, macOf6, smbiosUuidOf6 } from '../../../../src/net/dhcp6/client.ts';
import { decode6, encode6, unwrap6 } from '../../../../src/net/dhcp6/codec.ts';
import { option6, RELAY_FORWARD } from '../../../../src/net/dhcp6/options.ts';
import { CAPTURED_FROM, CAPTURED_MAC, CAPTURED_UUID, IPXE_SOLICIT, OVMF_SOLICIT } from './captured.ts';
import { ip6, message6 } from './messages.ts';

describe('captured messages', () => {
  it.each([
    ['OVMF', OVMF_SOLICIT, 'http', 16],
    ['iPXE', IPXE_SOLICIT, 'ipxe', 7],
  ] as const)('of %s tell who is asking, and come out byte for byte as they went in', (_name, datagram, kind, architecture) => {
    const received = unwrap6(decode6(datagram));
    const { message } = received;
    expect(encode6(message)).toEqual(datagram);
    expect([kindOf6(message), architectureOf6(message), smbiosUuidOf6(message)]).toEqual([kind, architecture, CAPTURED_UUID]);
    expect(macOf6(received, ip6(CAPTURED_FROM))).toBe(CAPTURED_MAC);
    expect(asksForBoot6(message)).toBe(true);
  });
});

describe('the MAC of a client', () => {
  const LLT = Buffer.from('000100012c2a1f00525400000002', 'hex');
  const relayed = (...linkLayer: readonly (readonly [number, string])[]) => ({
    message: message6('solicit'),
    relays: [
      {
        type: RELAY_FORWARD,
        hops: 0,
        linkAddress: ip6('fd00:1::1'),
        peerAddress: ip6('fe80::5054:ff:fe00:9'),
        options: linkLayer.map(([type, hex]) => option6('clientLinkLayer', { type, address: Buffer.from(hex, 'hex') })),
      } as const,
    ],
  });

  it('is what the relay says, then what its address says, then what its DUID says', () => {
    expect(macOf6(relayed([1, '525400000008']), ip6('fe80::1'))).toBe('52:54:00:00:00:08');
    expect(macOf6(relayed([32, '525400000008']), ip6('fe80::1'))).toBe('52:54:00:00:00:09');
    expect(macOf6({ message: message6('solicit'), relays: [] }, ip6('fe80::5054:ff:fe00:7'))).toBe('52:54:00:00:00:07');
    expect(macOf6({ message: message6('solicit'), relays: [] }, ip6('fe80::7'))).toBe('52:54:00:00:00:01');
    expect(macOf6({ message: message6('solicit', { duid: LLT }), relays: [] }, undefined)).toBe('52:54:00:00:00:02');
  });

  it.each(['000400000000', '0003', '000300205254000000019999', '00030001525400000001ff'])('is not made up from the DUID %s', (hex) => {
    const duid = Buffer.from(hex.padEnd(6, '0'), 'hex');
    expect(macOf6({ message: message6('solicit', { duid }), relays: [] }, undefined)).toBeUndefined();
  });
});

it('an installed system asks for no boot file, unless it asks for one', () => {
  expect(asksForBoot6(message6('solicit'))).toBe(false);
  expect(asksForBoot6(message6('solicit', { options: [option6('optionRequest', [23, 59])] }))).toBe(true);
});

it('a UUID of zeros is none', () => {
  expect(smbiosUuidOf6(message6('solicit', { duid: Buffer.from(`0004${'00'.repeat(16)}`, 'hex') }))).toBeNull();
});
