import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesToIpv6,
  hostInUrl,
  ipv6ToBytes,
  isLinkLocal6,
  macInIpv6,
  parseIpv6,
  parsePrefix6,
  prefix6Has,
  withoutMapping,
} from '../../../src/lib/index.ts';

const at = (text: string) => parseIpv6(text) ?? expect.fail(`${text} is no IPv6 address`);

describe('IPv6 addresses', () => {
  it('come back from their bytes in the one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = bytesToIpv6(bytes);
        expect(ipv6ToBytes(text)).toEqual(bytes);
        expect(parseIpv6(text)).toBe(text);
        expect(URL.parse(`http://[${text}]/`)?.hostname).toBe(`[${text}]`); // the URL standard spells as RFC 5952 does
      }),
    );
  });

  it.each([
    ['FD00:0077:0:0:0:0:0:1', 'fd00:77::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::', '::'],
  ])('%s reads as %s', (text, spelled) => {
    expect(parseIpv6(text)).toBe(spelled);
  });

  it.each(['', '1.2.3.4', '::1::', 'fd00::12345', 'eth0', 'fd00::1/64'])('%s is none', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it('are in a prefix or not, to the bit', () => {
    const prefix = parsePrefix6('fd00:77:0:8000::/49') ?? expect.fail();
    expect(prefix6Has(prefix, at('fd00:77:0:8000::1'))).toBe(true);
    expect(prefix6Has(prefix, at('fd00:77:0:ffff::1'))).toBe(true);
    expect(prefix6Has(prefix, at('fd00:77:0:7fff::1'))).toBe(false);
  });

  it.each(['fd00::1/64', 'fd00::/129', 'fd00::', 'fd00::/6x', '10.0.0.0/8'])('%s is no prefix', (text) => {
    expect(parsePrefix6(text)).toBeUndefined();
  });

  it('tell a MAC when they were made from one', () => {
    expect(macInIpv6(at('fe80::5054:ff:fe00:1'))).toBe('52:54:00:00:00:01');
    expect(macInIpv6(at('fe80::1'))).toBeUndefined();
    expect([at('fe80::1'), at('febf::1'), at('fec0::1')].map(isLinkLocal6)).toEqual([true, true, false]);
  });

  it('stand in brackets in a URL, and IPv4 does not', () => {
    expect(['fd00::1', '10.0.0.1', 'boot.example'].map(hostInUrl)).toEqual(['[fd00::1]', '10.0.0.1', 'boot.example']);
    expect(['::ffff:10.0.0.1', 'fd00::1'].map(withoutMapping)).toEqual(['10.0.0.1', 'fd00::1']);
  });
});
