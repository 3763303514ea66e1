// The lease machine against a model: any order of client messages, expiry, restarts and failing stores, by several clients at once.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Ipv4, ipv4ToNumber, type Mac, silentLog } from '../../../../src/lib/index.ts';
import type { Decision } from '../../../../src/net/dhcp/decide-full.ts';
import type { DhcpLease } from '../../../../src/net/dhcp/lease/lease-table.ts';
import { Lender } from '../../../../src/net/dhcp/lender.ts';
import { DHCP_LIMITS } from '../../../../src/net/dhcp/limits.ts';
import { rawOption } from '../../../../src/net/dhcp/options.ts';
import { indexSubnet } from '../../../../src/net/dhcp/subnet.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { ip, mac, message } from './packets.ts';
import { HOME, NOW, SERVER, subnet } from './site.ts';

const CLIENTS = Array.from({ length: 8 }, (_, index) => mac(`02:00:00:00:00:0${index}`));
const RESERVED = { address: ip('10.0.0.102'), mac: CLIENTS[0] ?? mac('02:00:00:00:00:00') };
const HERE = {
  ...HOME,
  pools: [{ first: ip('10.0.0.100'), last: ip('10.0.0.105') }],
  reservations: [RESERVED],
  leaseSeconds: 600,
  sharedNetwork: 'wire',
};
const BESIDE = subnet('10.1.0.0/24', '10.1.0.10', '10.1.0.11', { leaseSeconds: 600, sharedNetwork: 'wire' });
const ADDRESSES = [
  '10.0.0.99',
  '10.0.0.100',
  '10.0.0.101',
  '10.0.0.102',
  '10.0.0.103',
  '10.0.0.105',
  '10.0.0.106',
  '10.1.0.10',
  '10.1.0.11',
  '10.9.9.9',
].map(ip);
const ARRIVAL = { interfaceName: 'eth0', serverAddress: SERVER };

interface Held {
  readonly mac: Mac;
  readonly until: number;
}

/** What the clients were told, which is what counts; and what the disk has. */
class World {
  readonly clock = createFakeClock(NOW);
  readonly book = new Map<Ipv4, DhcpLease>();
  readonly held = new Map<Ipv4, Held>();
  isBroken = false;
  lender = this.#start();

  #start(): Lender {
    return new Lender({
      limits: DHCP_LIMITS,
      subnets: [indexSubnet(HERE), indexSubnet(BESIDE)],
      book: {
        load: () => Promise.resolve([...this.book.values()]),
        save: (leases) => {
          if (this.isBroken) return Promise.reject(new Error('disk full'));
          for (const lease of leases) this.book.set(lease.address, lease);
          return Promise.resolve();
        },
      },
      probe: undefined,
      isKnown: () => false,
      onConflict: () => undefined,
      clock: this.clock,
      log: silentLog,
    });
  }

  async restart(): Promise<void> {
    this.lender = this.#start();
    await this.lender.load();
  }

  /** As the server does it: nothing is told before it is kept. */
  async say(
    name: 'discover' | 'request' | 'release' | 'decline',
    from: Mac,
    fields: { ciaddr?: Ipv4; wants?: Ipv4; server?: Ipv4 },
  ): Promise<void> {
    const options = [
      ...(fields.wants === undefined ? [] : [rawOption('requestedAddress', fields.wants)]),
      ...(fields.server === undefined ? [] : [rawOption('serverId', fields.server)]),
    ];
    const packet = message(name, { mac: from, options, ...(fields.ciaddr === undefined ? {} : { ciaddr: fields.ciaddr }) });
    const { decision, stored } = await this.lender.lend(packet, from, ARRIVAL, new Set([SERVER]));
    if (decision.kind === 'offer') this.#mayGive(decision, from);
    if (decision.kind !== 'ack' && decision.kind !== 'end') return;
    try {
      await stored;
    } catch {
      return; // the store failed: the client hears nothing
    }
    if (decision.kind === 'end') this.held.delete(decision.lease.address);
    else this.#told(decision, from);
  }

  #told(decision: Extract<Decision, { kind: 'offer' | 'ack' }>, from: Mac): void {
    this.#mayGive(decision, from);
    const { address } = decision.lease;
    expect(this.book.get(address)).toMatchObject({ mac: from, state: 'bound' });
    this.held.set(address, { mac: from, until: this.clock.now() + decision.leaseSeconds * 1000 });
  }

  #mayGive({ lease: { address }, subnet: home }: Extract<Decision, { kind: 'offer' | 'ack' }>, to: Mac): void {
    const holder = this.held.get(address);
    if (holder !== undefined && holder.until > this.clock.now()) expect(holder.mac).toBe(to);
    const value = ipv4ToNumber(address);
    expect(home.pools.some(({ first, last }) => value >= ipv4ToNumber(first) && value <= ipv4ToNumber(last))).toBe(true);
    if (address === RESERVED.address) expect(to).toBe(RESERVED.mac);
  }
}

const client = fc.constantFrom(...CLIENTS);
const place = fc.constantFrom(...ADDRESSES);
const server = fc.constantFrom(SERVER, ip('10.0.0.250'));
type Step = (world: World) => Promise<void>;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(client, fc.option(place)).map(
    ([from, wants]): Step =>
      (world) =>
        world.say('discover', from, wants === null ? {} : { wants }),
  ),
  fc.tuple(client, place, server).map(
    ([from, wants, to]): Step =>
      (world) =>
        world.say('request', from, { wants, server: to }),
  ),
  fc.tuple(client, place).map(
    ([from, wants]): Step =>
      (world) =>
        world.say('request', from, { wants }),
  ),
  fc.tuple(client, place).map(
    ([from, ciaddr]): Step =>
      (world) =>
        world.say('request', from, { ciaddr }),
  ),
  fc.tuple(client, place).map(
    ([from, ciaddr]): Step =>
      (world) =>
        world.say('release', from, { ciaddr }),
  ),
  fc.tuple(client, place, server).map(
    ([from, wants, to]): Step =>
      (world) =>
        world.say('decline', from, { wants, server: to }),
  ),
  fc.integer({ min: 1, max: 900_000 }).map(
    (ms): Step =>
      (world) =>
        world.clock.advance(ms),
  ),
  fc.boolean().map(
    (isBroken): Step =>
      async (world) => {
        world.isBroken = isBroken;
      },
  ),
  fc.constant<Step>((world) => world.restart()),
);

it('no address has two live leases, leaves its pool, goes to another than it is reserved for, or is told before it is stored', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      const world = new World();
      for (const next of steps) await next(world);
    }),
    { numRuns: 500 },
  );
});

it('of packets in work at the same time no two get one address', async () => {
  const burst = fc.array(fc.tuple(client, place), { minLength: 2, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(burst, async (packets) => {
      const world = new World();
      await Promise.all(packets.map(([from, wants]) => world.say('request', from, { wants, server: SERVER })));
    }),
    { numRuns: 300 },
  );
});
