import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToIpv6, DecodeError } from '../../../../src/lib/index.ts';
import { decode6, encode6, type Message6, type Packet6, type Relay6, unwrap6, wrap6 } from '../../../../src/net/dhcp6/codec.ts';
import { getOption6, option6, RELAY_FORWARD, RELAY_REPLY } from '../../../../src/net/dhcp6/options.ts';
import { type Options6, SHAPES6, type Shape6 } from '../../../../src/net/dhcp6/shapes.ts';
import { ip6, message6 } from './messages.ts';

const bytes = (maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength, maxLength });
const address = bytes(16, 16).map(bytesToIpv6);
const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const options: fc.Arbitrary<Options6> = fc.array(fc.record({ code: u16, bytes: bytes(40) }), { maxLength: 6 });
const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const pieces = fc.array(bytes(20), { maxLength: 4 });

const message: fc.Arbitrary<Message6> = fc.record({
  type: u8.filter((type) => type !== RELAY_FORWARD && type !== RELAY_REPLY),
  transactionId: fc.nat(0xffffff),
  options,
});
const relay: fc.Arbitrary<Relay6> = fc.record({
  type: fc.constantFrom(RELAY_FORWARD, RELAY_REPLY),
  hops: u8,
  linkAddress: address,
  peerAddress: address,
  options,
});

/** Each shape with values of its own kind. */
const VALUES = {
  bytes: bytes(20),
  flag: fc.constant(true as const),
  u8,
  u16,
  u32,
  u16s: fc.array(u16, { maxLength: 5 }),
  duid: bytes(130, 3),
  ips: fc.array(address, { maxLength: 3 }),
  association: fc.record({ iaid: u32, renewSeconds: u32, rebindSeconds: u32, options }),
  temporary: fc.record({ iaid: u32, options }),
  address: fc.record({ address, preferredSeconds: u32, validSeconds: u32, options }),
  status: fc.record({ code: u16, message: fc.string() }),
  pieces,
  vendorClass: fc.record({ enterprise: u32, classes: pieces }),
  vendorOptions: fc.record({ enterprise: u32, options }),
  domains: fc.array(
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
    { maxLength: 3 },
  ),
  text: fc.string(),
  linkLayer: fc.record({ type: u16, address: bytes(8) }),
} as const satisfies { [S in keyof typeof SHAPES6]: fc.Arbitrary<ReturnType<(typeof SHAPES6)[S]['read']>> };

describe('the DHCPv6 codec', () => {
  it('gives back every message and relay message it wrote', () => {
    fc.assert(
      fc.property(fc.oneof<fc.Arbitrary<Packet6>[]>(message, relay), (one) => {
        expect(plain(decode6(encode6(one)))).toEqual(plain(one));
      }),
      { numRuns: 500 },
    );
  });

  it.each(Object.keys(SHAPES6) as (keyof typeof SHAPES6)[])('gives back every %s it wrote', (name) => {
    const shape = SHAPES6[name] as unknown as Shape6<unknown>; // the table ties the shape to its values, name by name
    fc.assert(
      fc.property(VALUES[name] as fc.Arbitrary<unknown>, (value) => {
        expect(plain(shape.read(shape.write(value)))).toEqual(plain(value));
      }),
    );
  });

  it('takes relays apart and wraps the answer for the way back, each with its interface', () => {
    const inner = message6('solicit');
    const near: Relay6 = forward(inner, { hops: 0, linkAddress: ip6('fd00:1::1'), options: [option6('interfaceId', Buffer.from('eth7'))] });
    const far: Relay6 = forward(near, { hops: 1, linkAddress: ip6('::'), options: [option6('relaySourcePort', 0)] });
    const received = unwrap6(decode6(encode6(far)));
    expect(plain(received.message)).toEqual(plain(inner));
    expect(received.relays.map(({ hops }) => hops)).toEqual([1, 0]);
    const back = decode6(encode6(wrap6({ ...inner, type: 2 }, received.relays)));
    expect(back).toMatchObject({ type: RELAY_REPLY, hops: 1, linkAddress: '::' });
    expect(getOption6(back.options, 'relaySourcePort')).toBe(0);
    const middle = decode6(getOption6(back.options, 'relayMessage') ?? new Uint8Array());
    expect(middle).toMatchObject({ type: RELAY_REPLY, hops: 0, linkAddress: 'fd00:1::1' });
    expect(Buffer.from(getOption6(middle.options, 'interfaceId') ?? []).toString()).toBe('eth7');
    expect(decode6(getOption6(middle.options, 'relayMessage') ?? new Uint8Array())).toMatchObject({ type: 2, transactionId: 0xabcdef });
  });

  it('refuses what is no DHCPv6, with the place', () => {
    expect(() => decode6(Buffer.alloc(0))).toThrow(DecodeError);
    expect(() => decode6(Buffer.from('01abcdef0001000a00', 'hex'))).toThrow(/option 1: 10 bytes wanted, 1 left at byte 8/);
    expect(() => decode6(Buffer.concat([Buffer.of(1, 0, 0, 0), Buffer.alloc(4 * 513)]))).toThrow(/more than 512 options/);
    expect(() => unwrap6(forward(undefined))).toThrow(/without a message/);
    expect(() => unwrap6({ ...forward(message6('solicit')), type: RELAY_REPLY })).toThrow(/relay-reply/);
  });

  it('goes no deeper than eight relays', () => {
    const wrapped = (times: number): Packet6 =>
      Array.from({ length: times }).reduce<Packet6>((inner, _, hops) => forward(inner, { hops }), message6('solicit'));
    expect(unwrap6(wrapped(8)).relays).toHaveLength(8);
    expect(() => unwrap6(wrapped(9))).toThrow(/more than 8 relays/);
  });
});

function forward(inner: Packet6 | undefined, change: Partial<Relay6> = {}): Relay6 {
  const carried = inner === undefined ? [] : [option6('relayMessage', encode6(inner))];
  const base = { type: RELAY_FORWARD, hops: 0, linkAddress: ip6('::'), peerAddress: ip6('fe80::1') } as const;
  return { ...base, ...change, options: [...(change.options ?? []), ...carried] };
}

/** Buffers and other views of the same bytes are alike. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, one: unknown) => (isBytes(one) ? Buffer.from(bytesOf(one)).toString('hex') : one)));
}

function isBytes(one: unknown): one is Uint8Array | { type: 'Buffer'; data: number[] } {
  return one instanceof Uint8Array || (typeof one === 'object' && one !== null && 'data' in one && 'type' in one && one.type === 'Buffer');
}

function bytesOf(one: Uint8Array | { data: number[] }): Uint8Array {
  return one instanceof Uint8Array ? one : Uint8Array.from(one.data);
}
