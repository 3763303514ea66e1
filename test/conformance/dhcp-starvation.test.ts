// The promise: 100,000 DISCOVERs from made-up machines while 50 known ones renew. Each renewal is answered, and memory stays bounded.

import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import { type Mac, macOfBytes, silentLog, systemClock } from '../../src/lib/index.ts';
import { decode, encode } from '../../src/net/dhcp/codec.ts';
import { createDhcpServer } from '../../src/net/dhcp/index.ts';
import { messageName } from '../../src/net/dhcp/options.ts';
import { ip, message } from '../unit/net/dhcp/packets.ts';
import { HOME, lease, SERVER } from '../unit/net/dhcp/site.ts';

const SPOOFED = 100_000;
const KNOWN = 50;
const RENEWALS = 10;
const GROWTH = 32 * 1024 * 1024;
const GENEROUS_MS = 5000;

/** What is held after a collection: the flood's own packets are made in this process too, and are garbage. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') Reflect.apply(collect, undefined, []);
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

class FakeSocket extends EventEmitter {
  readonly acked = new Map<Mac, () => void>();
  setRecvBufferSize(): void {
    // a real one asks the kernel for room
  }
  send(bytes: Buffer, _port: number, _address: string, done: (error: Error | null) => void): void {
    const packet = decode(bytes);
    if (messageName(packet.options) === 'ack') this.acked.get(macOfBytes(packet.chaddr.subarray(0, 6)))?.();
    done(null);
  }
  close(): void {
    // nothing is open
  }
}

function macOf(prefix: number, number: number): Mac {
  return macOfBytes(Uint8Array.of(2, prefix, number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255));
}

it(`${KNOWN} known machines renew while ${SPOOFED} made-up ones ask for addresses`, async () => {
  const socket = new FakeSocket();
  const known = Array.from({ length: KNOWN }, (_, index) => ({ mac: macOf(0xaa, index), address: ip(`10.0.0.${150 + index}`) }));
  const end = systemClock.now() + 3_600_000;
  const server = createDhcpServer({
    mode: 'full',
    sockets: [{ interfaceName: 'eth0', address: SERVER, port: 67, socket: socket as unknown as Socket }], // the four methods it uses
    subnets: [{ ...HOME, pools: [{ first: ip('10.0.0.10'), last: ip('10.0.0.250') }] }],
    decideBoot: () => Promise.resolve({ silent: 'not to be asked' }),
    leases: {
      load: () => Promise.resolve(known.map(({ mac, address }) => lease(address, { mac, expiresAt: end }))),
      save: () => Promise.resolve(),
    },
    clock: systemClock,
    log: silentLog,
    note: () => undefined,
  });
  onTestFinished(() => server.stop());
  await server.start(AbortSignal.timeout(1000));
  const hear = (bytes: Buffer): boolean =>
    socket.emit('message', bytes, { address: '10.0.0.2', port: 67, family: 'IPv4', size: bytes.length });
  const times: number[] = [];
  const renew = ({ mac, address }: (typeof known)[number]): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const start = performance.now();
    socket.acked.set(mac, () => {
      times.push(performance.now() - start);
      resolve();
    });
    hear(encode(message('request', { mac, ciaddr: address })));
    return promise;
  };
  const every = Math.floor(SPOOFED / (KNOWN * RENEWALS));
  const before = heldBytes();
  const answers: Promise<void>[] = [];
  for (let number = 0; number < SPOOFED; number += 1) {
    hear(encode(message('discover', { mac: macOf(0xbb, number), xid: number })));
    const machine = known[(number / every) % KNOWN];
    if (number % every === 0 && machine !== undefined) answers.push(renew(machine));
    if (number % 64 === 0) await new Promise(setImmediate);
  }
  await Promise.all(answers);
  const growth = heldBytes() - before;
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  process.stdout.write(`renewals: ${times.length}, p99 ${p99.toFixed(2)} ms; held memory grew by ${(growth / 2 ** 20).toFixed(1)} MiB\n`);
  expect(times).toHaveLength(KNOWN * RENEWALS);
  expect(p99).toBeLessThan(GENEROUS_MS);
  expect(growth).toBeLessThan(GROWTH);
  expect(server.counters()).toMatchObject({ failed: 0 });
  expect(server.counters().unnoted).toBeGreaterThan(0);
});
