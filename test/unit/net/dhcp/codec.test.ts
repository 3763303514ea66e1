import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../../src/lib/index.ts';
import { type DhcpPacket, decode, encode, encodeWithin, macOf } from '../../../../src/net/dhcp/codec.ts';
import { getOption, OPTIONS } from '../../../../src/net/dhcp/options.ts';
import { mutations } from '../mutate.ts';
import { IPXE_DISCOVER, ip, message, OVMF_DISCOVER } from './packets.ts';

/** Raise it to hunt: 1,000,000 take about ten seconds. */
const MUTATED_DATAGRAMS = 200_000;

const address = fc.ipV4().map(ip);
const bytes = (size: { minLength: number; maxLength: number }): fc.Arbitrary<Uint8Array> => fc.uint8Array(size);
const field = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength, min: 1 }).map((list) => Buffer.from(list).toString('latin1'));
const option = fc.tuple(
  fc.integer({ min: 1, max: 254 }).filter((code) => code !== OPTIONS.overload.code),
  fc.oneof({ weight: 9, arbitrary: bytes({ minLength: 0, maxLength: 40 }) }, bytes({ minLength: 250, maxLength: 600 })),
);
const packet: fc.Arbitrary<DhcpPacket> = fc.record({
  op: fc.constantFrom(1 as const, 2 as const),
  htype: fc.integer({ min: 0, max: 255 }),
  hlen: fc.integer({ min: 0, max: 16 }),
  hops: fc.integer({ min: 0, max: 255 }),
  xid: fc.nat(0xffffffff),
  secs: fc.nat(0xffff),
  flags: fc.nat(0xffff),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  chaddr: bytes({ minLength: 16, maxLength: 16 }),
  sname: field(64),
  file: field(128),
  options: fc.array(option, { maxLength: 12 }).map((list) => new Map(list)),
});

describe('the DHCP codec', () => {
  it('gives back every packet it wrote', () => {
    fc.assert(
      fc.property(packet, (one) => {
        expect(plain(decode(encode(one)))).toEqual(plain(one));
      }),
      { numRuns: 500 },
    );
  });

  it('gives back what it wrote within a limit, except what it says it left out', () => {
    fc.assert(
      fc.property(packet, fc.boolean(), fc.integer({ min: 548, max: 1472 }), (one, isBare, limit) => {
        const tight = { ...one, ...(isBare ? { sname: '', file: '' } : {}), options: without(one.options, OPTIONS.relayAgent.code) };
        const { bytes: datagram, leftOut } = encodeWithin(tight, limit);
        expect(datagram.length).toBeLessThanOrEqual(limit);
        expect(plain(decode(datagram))).toEqual(plain({ ...tight, options: without(tight.options, ...leftOut) }));
      }),
      { numRuns: 500 },
    );
  });

  it(`reads ${MUTATED_DATAGRAMS} mutated datagrams or refuses them with DecodeError`, () => {
    let refused = 0;
    for (const datagram of mutations([IPXE_DISCOVER, OVMF_DISCOVER], MUTATED_DATAGRAMS)) {
      try {
        const read = decode(datagram);
        for (const name of ['userClass', 'clientUuid', 'relayAgent', 'domainSearch', 'classlessRoutes', 'parameterList'] as const)
          getOption(read.options, name);
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(MUTATED_DATAGRAMS);
  });

  it('joins the pieces of an option longer than 255 bytes (RFC 3396)', () => {
    const long = Uint8Array.from({ length: 300 }, (_, index) => index % 251);
    const datagram = encode(message('discover', { options: [[OPTIONS.vendorOptions.code, long]] }));
    expect([...datagram.subarray(243, 245)]).toEqual([43, 255]);
    expect(decode(datagram).options.get(43)).toEqual(Buffer.from(long));
  });

  it('reads options from file and sname when option 52 says so', () => {
    const datagram = encode(message('discover', { options: [[52, Uint8Array.of(3)]] }));
    const overloaded = Buffer.concat([datagram.subarray(0, 243), Uint8Array.of(52, 1, 3, 255)]);
    overloaded.set([67, 2, 0x61, 0x62, 255], 108);
    overloaded.set([67, 1, 0x63, 255], 44);
    expect(getOption(decode(overloaded).options, 'bootFileName')).toBe('abc');
    expect(decode(overloaded)).toMatchObject({ file: '', sname: '' });
  });

  it('writes the relay option last, and never leaves it out', () => {
    const relay: [number, Uint8Array] = [82, Uint8Array.of(1, 2, 9, 9)];
    const options = [relay, [60, Buffer.from('x'.repeat(200))], [61, Buffer.from('y'.repeat(200))]] as const;
    const { bytes: datagram, leftOut } = encodeWithin(message('offer', { options, file: 'f', sname: 's' }), 548);
    expect(leftOut).toEqual([61]);
    expect([...datagram.subarray(-7)]).toEqual([82, 4, 1, 2, 9, 9, 255]);
  });

  it('refuses what is no DHCP: BOOTP without a cookie, a cut-off option, an impossible address length', () => {
    const good = encode(message('discover'));
    const noCookie = Buffer.from(good);
    noCookie[236] = 0;
    expect(() => decode(noCookie)).toThrow(/no magic cookie/);
    expect(() => decode(Buffer.concat([good.subarray(0, 240), Uint8Array.of(53, 4, 1)]))).toThrow(/option 53: 4 bytes wanted, 1 left/);
    const longAddress = Buffer.from(good);
    longAddress[2] = 17;
    expect(() => decode(longAddress)).toThrow(/hardware address of 17 bytes/);
    expect(() => decode(Buffer.alloc(0))).toThrow(DecodeError);
  });

  it('pads answers to 300 bytes, below which some ROMs drop them', () => {
    expect(encode(message('offer'))).toHaveLength(300);
  });

  it('knows the MAC of Ethernet clients only', () => {
    expect(macOf(message('discover'))).toBe('52:54:00:00:00:01');
    expect(macOf(message('discover', { htype: 32, hlen: 0 }))).toBeUndefined();
  });
});

describe('captured packets', () => {
  it.each([
    ['iPXE', IPXE_DISCOVER],
    ['OVMF', OVMF_DISCOVER],
  ])('of %s come out byte for byte as they went in', (_name, datagram) => {
    expect(encode(decode(datagram)).subarray(0, datagram.length)).toEqual(datagram);
  });

  it.each([
    ['iPXE', IPXE_DISCOVER],
    ['OVMF', OVMF_DISCOVER],
  ])('of %s carry the UUID in the byte order of EFI', (_name, datagram) => {
    expect(getOption(decode(datagram).options, 'clientUuid')).toEqual({ type: 0, uuid: '01020304-0506-0708-090a-0b0c0d0e0f10' });
  });

  it('of iPXE name their class without a length byte', () => {
    expect(getOption(decode(IPXE_DISCOVER).options, 'userClass')).toEqual(['iPXE']);
    expect(getOption(decode(IPXE_DISCOVER).options, 'ipxe')?.get(235)).toEqual(Uint8Array.of(1, 0, 0));
  });
});

function plain(one: DhcpPacket): unknown {
  const options = [...one.options].map(([code, value]) => [code, Buffer.from(value).toString('hex')] as const);
  return { ...one, chaddr: Buffer.from(one.chaddr).toString('hex'), options: Object.fromEntries(options) };
}

function without(options: DhcpPacket['options'], ...codes: number[]): DhcpPacket['options'] {
  return new Map([...options].filter(([code]) => !codes.includes(code)));
}
