import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../../src/lib/index.ts';
import { decode, encode, type TftpPacket } from '../../../../src/net/tftp/codec.ts';
import { mutations } from '../mutate.ts';

/** Raise it to hunt. */
const MUTATED_DATAGRAMS = 100_000;

const text = fc.stringMatching(/^[ -~]{0,60}$/);
const options = fc.array(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/), text), { maxLength: 6 }).map((list) => new Map(list));
const block = fc.nat(65_535);
const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
  fc.record({
    op: fc.constantFrom('read' as const, 'write' as const),
    fileName: text,
    mode: fc.constantFrom('octet', 'netascii'),
    options,
  }),
  fc.record({ op: fc.constant('data' as const), block, bytes: fc.uint8Array({ maxLength: 600 }).map((list) => Buffer.from(list)) }),
  fc.record({ op: fc.constant('ack' as const), block }),
  fc.record({ op: fc.constant('error' as const), code: block, message: text }),
  fc.record({ op: fc.constant('oack' as const), options }),
);
const CORPUS = [
  encode({
    op: 'read',
    fileName: 'ipxe.efi',
    mode: 'octet',
    options: new Map([
      ['tsize', '0'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ]),
  }),
  encode({ op: 'ack', block: 1 }),
  encode({ op: 'data', block: 1, bytes: Buffer.alloc(20) }),
  encode({ op: 'error', code: 8, message: 'no' }),
];

describe('the TFTP codec', () => {
  it('gives back every packet it wrote', () => {
    fc.assert(
      fc.property(packet, (one) => {
        expect(decode(encode(one))).toEqual(one);
      }),
      { numRuns: 500 },
    );
  });

  it(`reads ${MUTATED_DATAGRAMS} mutated datagrams or refuses them with DecodeError`, () => {
    let refused = 0;
    for (const datagram of mutations(CORPUS, MUTATED_DATAGRAMS)) {
      try {
        decode(datagram);
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(MUTATED_DATAGRAMS);
  });

  it('knows options and modes in any case (RFC 2347)', () => {
    expect(decode(Buffer.from('\0\x01f\0OCTET\0BlkSize\x001024\0'))).toEqual({
      op: 'read',
      fileName: 'f',
      mode: 'octet',
      options: new Map([['blksize', '1024']]),
    });
  });

  it('lets the first of two equal options count, and passes over padding behind them', () => {
    expect(decode(Buffer.from('\0\x01f\0octet\0tsize\x000\0TSIZE\x009\0\0\0\0'))).toMatchObject({ options: new Map([['tsize', '0']]) });
  });

  it('refuses names without an end, too many options, and unknown opcodes', () => {
    expect(() => decode(Buffer.from('\0\x01abc'))).toThrow(DecodeError);
    expect(() => decode(Buffer.concat([Buffer.from('\0\x01'), Buffer.alloc(5000, 'a'), Buffer.from('\0octet\0')]))).toThrow(
      /longer than 1024/,
    );
    const many = Array.from({ length: 40 }, (_, index) => `o${index}\0v\0`).join('');
    expect(() => decode(Buffer.from(`\0\x01f\0octet\0${many}`))).toThrow(/more than 32 options/);
    expect(() => decode(Buffer.of(0, 9, 0, 0))).toThrow(/opcode 9/);
  });

  it('reads an ERROR that lacks its closing NUL', () => {
    expect(decode(Buffer.from('\0\x05\0\x03full'))).toEqual({ op: 'error', code: 3, message: 'full' });
  });
});
