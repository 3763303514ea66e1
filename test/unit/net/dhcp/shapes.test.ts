import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../../src/lib/index.ts';
import { getOption, OPTIONS, type OptionName, rawOption } from '../../../../src/net/dhcp/options.ts';
import { SHAPES, type Shape, type ShapeName } from '../../../../src/net/dhcp/shapes.ts';
import { ip } from './packets.ts';

const address = fc.ipV4().map(ip);
const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const prefixed = fc.tuple(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 })).map(([bits, prefix]) => {
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const network = (bits & mask) >>> 0;
  return { prefix, destination: ip([network >>> 24, (network >>> 16) & 255, (network >>> 8) & 255, network & 255].join('.')) };
});

const ARBITRARY: { [S in ShapeName]: fc.Arbitrary<unknown> } = {
  bytes: fc.uint8Array({ maxLength: 300 }),
  flag: fc.boolean(),
  u8: fc.nat(255),
  u16: fc.nat(65_535),
  u32: fc.nat(0xffffffff),
  u16s: fc.array(fc.nat(65_535), { minLength: 1, maxLength: 8 }),
  ip: address,
  ips: fc.array(address, { minLength: 1, maxLength: 8 }),
  text: fc.stringMatching(/^[ -~]{0,60}$/),
  url: fc.webUrl(),
  domains: fc.array(
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
    { minLength: 1, maxLength: 4 },
  ),
  routes: fc.array(
    fc.record({ net: prefixed, router: address }).map(({ net, router }) => ({ ...net, router })),
    { maxLength: 6 },
  ),
  nested: fc
    .array(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 255 })), { maxLength: 6 })
    .map((list) => new Map(list.map(([code, value]) => [code, Buffer.from(value)]))),
  uuid: fc.record({ type: fc.nat(255), uuid: fc.uuid() }),
  userClass: fc.array(fc.stringMatching(/^[a-zA-Z0-9]{1,30}$/), { minLength: 1, maxLength: 4 }),
};

describe('the shapes of options', () => {
  it.each(Object.keys(SHAPES) as ShapeName[])('%s: what is written is read back', (name) => {
    const shape: Shape<unknown> = SHAPES[name] as Shape<unknown>; // each shape meets only values of its own arbitrary
    fc.assert(
      fc.property(ARBITRARY[name], (value) => {
        expect(shape.read(shape.write(value))).toEqual(value);
      }),
    );
  });

  it.each(Object.keys(SHAPES) as ShapeName[])('%s: any bytes are read or refused with DecodeError', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          SHAPES[name].read(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });

  it('reads compressed domain names, and refuses a pointer that does not point backwards', () => {
    const compressed = Buffer.concat([Buffer.from('\x03lab\x07example\x00\x02pm'), Uint8Array.of(0xc0, 0)]);
    expect(SHAPES.domains.read(compressed)).toEqual(['lab.example', 'pm.lab.example']);
    expect(() => SHAPES.domains.read(Uint8Array.of(0xc0, 0))).toThrow(DecodeError);
    expect(() => SHAPES.domains.read(Uint8Array.of(1, 97, 0xc0, 2, 0xc0, 0))).toThrow(DecodeError);
  });

  it('reads a user class with and without the length byte of RFC 3004', () => {
    expect(SHAPES.userClass.read(Buffer.from('iPXE'))).toEqual(['iPXE']);
    expect(SHAPES.userClass.read(Buffer.from('\x04iPXE\x03abc'))).toEqual(['iPXE', 'abc']);
  });

  it('drops the NULs that firmware counts into its texts', () => {
    expect(SHAPES.text.read(Buffer.from('PXEClient\0\0'))).toBe('PXEClient');
  });

  it('writes only the significant octets of a route (RFC 3442)', () => {
    const routes = [{ destination: ip('10.0.0.0'), prefix: 8, router: ip('10.0.0.1') }];
    expect([...SHAPES.routes.write(routes)]).toEqual([8, 10, 10, 0, 0, 1]);
  });
});

describe('the table of options', () => {
  it('gives each code one name', () => {
    const codes = Object.values(OPTIONS).map((option) => option.code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each([43, 52, 60, 66, 67, 77, 82, 93, 94, 97, 119, 121, 138, 150, 175, 250, 251])('knows option %i', (code) => {
    expect(Object.values(OPTIONS).map((option) => option.code)).toContain(code);
  });

  it('finds a named value in raw options', () => {
    const [code, bytes] = rawOption('clientArchitecture', [7]);
    expect(getOption(new Map([[code, bytes]]), 'clientArchitecture')).toEqual([7]);
    expect(getOption(new Map(), 'clientArchitecture' satisfies OptionName)).toBeUndefined();
  });
});
