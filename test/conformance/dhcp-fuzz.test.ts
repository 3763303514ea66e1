// A million damaged datagrams through all that reads a packet before it is believed: codec, option shapes, facts of the client, decision.

import { expect, it } from 'vitest';
import { DecodeError } from '../../src/lib/index.ts';
import { bootClientOf } from '../../src/net/dhcp/client.ts';
import { decode, encode } from '../../src/net/dhcp/codec.ts';
import { decideFull } from '../../src/net/dhcp/decide-full.ts';
import { LeaseTable } from '../../src/net/dhcp/lease/lease-table.ts';
import { getOption, OPTIONS, type OptionName, rawOption } from '../../src/net/dhcp/options.ts';
import { indexSubnet } from '../../src/net/dhcp/subnet.ts';
import { IPXE_DISCOVER, ip, message, OVMF_DISCOVER } from '../unit/net/dhcp/packets.ts';
import { HOME, NOW, SERVER } from '../unit/net/dhcp/site.ts';
import { mutations } from '../unit/net/mutate.ts';

const DATAGRAMS = 1_000_000;
const SLOW_MS = 5;
/** A machine that is busy can hold up anything once; not the same datagram five times. */
const TRIES = 5;
const MEMORY_GROWTH = 192 * 1024 * 1024;
const ARRIVAL = { interfaceName: 'eth0', serverAddress: SERVER };
const NAMES = Object.keys(OPTIONS).filter((name): name is OptionName => name in OPTIONS);

/** dhclient's REQUEST behind a relay, and a packet of options that have an inner shape. */
const CORPUS = [
  IPXE_DISCOVER,
  OVMF_DISCOVER,
  encode(
    message('request', {
      giaddr: ip('10.0.0.2'),
      options: [
        rawOption('serverId', SERVER),
        rawOption('requestedAddress', ip('10.0.0.100')),
        rawOption('hostName', 'pve1'),
        rawOption('parameterList', Uint8Array.of(1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42)),
        rawOption(
          'relayAgent',
          new Map([
            [1, Buffer.from('eth0')],
            [2, Buffer.from('switch')],
            [5, Uint8Array.of(10, 0, 0, 0)],
          ]),
        ),
      ],
    }),
  ),
  encode(
    message('inform', {
      ciaddr: ip('10.0.0.100'),
      options: [
        rawOption('domainSearch', ['lab.example', 'example.org']),
        rawOption('classlessRoutes', [{ destination: ip('10.1.0.0'), prefix: 16, router: SERVER }]),
        rawOption('userClass', ['iPXE', 'x']),
        rawOption('vendorOptions', new Map([[6, Uint8Array.of(8)]])),
        [250, Buffer.alloc(600, 0x61)],
      ],
    }),
  ),
];

interface World {
  readonly table: LeaseTable;
  refused: number;
}

function read(datagram: Uint8Array, world: World): void {
  try {
    const packet = decode(datagram);
    for (const name of NAMES) tolerated(() => getOption(packet.options, name));
    // What came in can go out: nothing that was read is impossible to write.
    decode(encode(packet));
    const client = bootClientOf(packet, ARRIVAL);
    if (client === undefined) return;
    const state = {
      table: world.table,
      subnets: SUBNETS,
      arrival: ARRIVAL,
      serverIds: new Set([SERVER]),
      offerMs: 30_000,
      declineMs: 600_000,
      now: NOW,
    };
    const decision = decideFull(packet, client.mac, state);
    if (decision.kind === 'offer' || decision.kind === 'ack' || decision.kind === 'end') world.table.put(decision.lease);
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown;
    world.refused += 1;
  }
}

function tolerated(work: () => unknown): void {
  try {
    work();
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown;
  }
}

const SUBNETS = [indexSubnet(HOME)];

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

it(`${DATAGRAMS} damaged datagrams are read or refused with DecodeError, none slowly, none for ever`, () => {
  const world: World = { table: new LeaseTable({ maxLeases: 1000, maxOffers: 100 }), refused: 0 };
  const slow: string[] = [];
  const before = process.memoryUsage().rss;
  for (const datagram of mutations(CORPUS, DATAGRAMS, 7)) {
    if (timed(() => read(datagram, world)) < SLOW_MS) continue;
    const again = Array.from({ length: TRIES }, () => timed(() => read(datagram, world)));
    if (Math.min(...again) >= SLOW_MS) slow.push(datagram.toString('hex'));
  }
  expect(slow).toEqual([]);
  expect(world.refused).toBeGreaterThan(DATAGRAMS / 100);
  expect(world.refused).toBeLessThan(DATAGRAMS);
  expect(world.table.size).toBeLessThanOrEqual(1000);
  expect(process.memoryUsage().rss - before).toBeLessThan(MEMORY_GROWTH);
});
