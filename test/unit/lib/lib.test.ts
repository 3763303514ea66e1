import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  DecodeError,
  defineErrors,
  ipv4ToNumber,
  macOfBytes,
  macToBytes,
  nearest,
  numberToIpv4,
  parseIpv4,
  parseMac,
  parseSubnet,
  RackseedError,
  Secret,
  subnetBroadcast,
  subnetHas,
} from '../../../src/lib/index.ts';

describe('a MAC', () => {
  it.each(['AA:BB:CC:DD:EE:0F', 'aa-bb-cc-dd-ee-0f', 'aabb.ccdd.ee0f', 'AABBCCDDEE0F', ' aa:bb:cc:dd:ee:0f '])(
    'is read from %s',
    (text) => {
      expect(parseMac(text)).toBe('aa:bb:cc:dd:ee:0f');
    },
  );

  it.each(['', 'aa:bb:cc:dd:ee', 'aa:bb:cc:dd:ee:0f:00', 'aa:bb-cc:dd:ee:0f', 'gg:bb:cc:dd:ee:0f', 'a:b:c:d:e:f'])(
    'is not read from %j',
    (text) => {
      expect(parseMac(text)).toBeUndefined();
    },
  );

  it('survives the way to bytes and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        expect(macToBytes(macOfBytes(bytes))).toEqual(bytes);
      }),
    );
    expect(() => macOfBytes(new Uint8Array(5))).toThrow(RangeError);
  });
});

describe('an IPv4 address', () => {
  it('survives the way to a number and back', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        expect(ipv4ToNumber(numberToIpv4(value))).toBe(value);
      }),
    );
  });

  it.each(['1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '1.2.3.4 ', ''])('is not read from %j', (text) =>
    expect(parseIpv4(text)).toBeUndefined(),
  );

  it('is in its subnet and in no other', () => {
    const subnet = parseSubnet('192.168.7.99/24') ?? expect.unreachable();
    const address = (text: string) => parseIpv4(text) ?? expect.unreachable();
    expect([subnetHas(subnet, address('192.168.7.1')), subnetHas(subnet, address('192.168.8.1'))]).toEqual([true, false]);
    expect(subnetBroadcast(subnet)).toBe('192.168.7.255');
    expect(subnetHas(parseSubnet('0.0.0.0/0') ?? expect.unreachable(), address('255.1.2.3'))).toBe(true);
    for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/', '10.0.0.0/x']) expect(parseSubnet(bad), bad).toBeUndefined();
  });
});

describe('a secret', () => {
  const secret = new Secret('hunter2');

  it('prints as *** in every way a value is printed', () => {
    const printed = [
      secret[Symbol.toPrimitive](),
      JSON.stringify({ secret }),
      inspect({ secret }),
      String(secret),
      `${[secret].join()}`,
      JSON.stringify(Object.entries(secret)),
    ];
    for (const text of printed) expect(text).not.toContain('hunter2');
    expect(printed.slice(0, 4).every((text) => text.includes('***'))).toBe(true);
  });

  it('gives its text only when asked, and compares', () => {
    expect([secret.reveal(), secret.equals('hunter2'), secret.equals('hunter3'), secret.equals('hunter22')]).toEqual([
      'hunter2',
      true,
      false,
      false,
    ]);
  });
});

describe('did you mean', () => {
  const known = ['interfaces', 'mode', 'lease_seconds', 'proxy_port'];
  it.each([
    ['interface', 'interfaces'],
    ['mdoe', 'mode'],
    ['Mode', 'mode'],
    ['leaseseconds', 'lease_seconds'],
  ])('%s means %s', (word, meant) => expect(nearest(word, known)).toBe(meant));
  it('nothing when nothing is near', () => expect(nearest('colour', known)).toBeUndefined());
});

describe('an error', () => {
  const fail = defineErrors({ 'x.broken': { status: 503, about: 'x', retryable: true } });
  it('carries code, status, hint and cause', () => {
    const cause = new Error('deep');
    const thrown = fail('x.broken', { message: 'x broke', hint: 'mend it', cause });
    expect(thrown).toBeInstanceOf(RackseedError);
    expect(thrown).toMatchObject({ code: 'x.broken', status: 503, retryable: true, hint: 'mend it', message: 'x broke', cause });
  });
});

describe('the byte cursors', () => {
  it('read what was written', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(65_535), fc.nat(0xffffffff), fc.uint8Array({ maxLength: 2000 }), (a, b, c, bytes) => {
        const written = new ByteWriter(1)
          .u8(a)
          .u16(b)
          .u32(c)
          .put(bytes)
          .padded(bytes, bytes.length + 3)
          .done();
        const reader = new ByteReader(written);
        expect([reader.u8('a'), reader.u16('b'), reader.u32('c')]).toEqual([a, b, c]);
        expect(Uint8Array.from(reader.take(bytes.length, 'bytes'))).toEqual(bytes);
        expect(Uint8Array.from(reader.rest())).toEqual(Uint8Array.from([...bytes, 0, 0, 0]));
        expect(reader.left).toBe(0);
      }),
    );
  });

  it('never read past the end, and say where they stopped and why', () => {
    const reader = new ByteReader(new Uint8Array(5));
    reader.u32('header');
    expect(() => reader.u16('port')).toThrow(new DecodeError(4, 'port: 2 bytes wanted, 1 left'));
    expect(() => reader.take(-1, 'negative')).toThrow(DecodeError);
    expect(reader.offset).toBe(4);
    expect(() => new ByteWriter().padded(new Uint8Array(5), 4)).toThrow(RangeError);
  });
});
