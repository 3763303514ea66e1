// Machines that open streams and do not read them, with stand-ins of nodes and images and a clock that the test turns.

import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { LightMyRequestResponse } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { buildApi } from '../../../src/api/index.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { prepareApi } from './harness.ts';

const MIB = 1024 ** 2;
const BLOCKS = 32;
const IMAGE = '/api/agent/image';
const NOISE = `/api/agent/noise?bytes=${8 * MIB}`;

interface Site {
  readonly clock: FakeClock;
  /** Images that are being read. */
  readonly reading: () => number;
  /** The answer's head; its body is read by nobody. */
  readonly ask: (url: string, node: string) => Promise<LightMyRequestResponse>;
  /** The machine's connection is gone. */
  readonly drop: (node: string) => Promise<void>;
  /** While the token of this node is looked at, its machine goes. */
  readonly goes: Set<string>;
}

/** A token is the name of its node. */
async function openSite(): Promise<Site> {
  const raws = new Map<string, ServerResponse[]>();
  const goes = new Set<string>();
  let reading = 0;
  async function* image(): AsyncGenerator<Buffer> {
    reading += 1;
    try {
      for (let left = BLOCKS; left > 0; left -= 1) yield await Promise.resolve(Buffer.alloc(MIB));
    } finally {
      reading -= 1;
    }
  }
  const drop = async (node: string): Promise<void> => {
    for (const raw of raws.get(node)?.splice(0) ?? []) raw.destroy();
    await clock.advance(0);
  };
  const { deps, clock } = await prepareApi({
    config: { limits: { agentBurst: 10_000 } },
    services: (real) => ({
      ...real,
      inspect: {
        ...real.inspect,
        nodeOfToken: async (token) => {
          if (goes.has(token)) await drop(token);
          return token;
        },
      },
      deployments: {
        ...real.deployments,
        image: () => Promise.resolve({ path: '/image', bytes: BLOCKS * MIB, tag: 't' }),
        readImage: image,
      },
    }),
  });
  const app = buildApi(deps);
  onTestFinished(() => app.close());
  app.addHook('onRequest', async ({ headers }, { raw }) => {
    const node = headers.authorization?.slice('Bearer '.length) ?? '';
    raws.set(node, [...(raws.get(node) ?? []), raw]);
    await Promise.resolve();
  });
  await app.ready();
  onTestFinished(async () => {
    for (const node of raws.keys()) await drop(node);
  });
  return {
    clock,
    goes,
    reading: () => reading,
    drop,
    ask: (url, node) => app.inject({ url, headers: { authorization: `Bearer ${node}` }, payloadAsStream: true }),
  };
}

async function statuses({ ask }: Site, url: string, nodes: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const node of nodes) found.push((await ask(url, node)).statusCode);
  return found;
}

async function failureOf(stream: Readable): Promise<unknown> {
  return stream.toArray().then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );
}

it('a machine has four streams of its image and no more, and gets a place when one of them ends', async () => {
  const site = await openSite();
  expect(await statuses(site, IMAGE, ['a', 'a', 'a'])).toEqual([200, 200, 200]);
  const last = await site.ask(IMAGE, 'a');
  const refused = await site.ask(IMAGE, 'a');
  const text = Buffer.concat((await refused.stream().toArray()) as Buffer[]).toString(); // of bytes
  expect([refused.statusCode, refused.headers['retry-after'], refused.headers['content-length']]).toEqual([
    429,
    '30',
    String(Buffer.byteLength(text)),
  ]);
  expect(JSON.parse(text)).toMatchObject({ code: 'api.rate_limited', detail: expect.stringContaining('4 downloads of images') as string });
  expect((await site.ask(IMAGE, 'b')).statusCode).toBe(200);
  expect(Buffer.concat((await last.stream().toArray()) as Buffer[])).toHaveLength(BLOCKS * MIB); // of bytes
  await site.clock.advance(0);
  expect(await statuses(site, IMAGE, ['a', 'a'])).toEqual([200, 429]);
});

it('all machines together have 64 streams of images', async () => {
  const site = await openSite();
  const nodes = Array.from({ length: 64 }, (_, i) => `n${Math.floor(i / 4)}`);
  expect(new Set(await statuses(site, IMAGE, nodes))).toEqual(new Set([200]));
  expect((await site.ask(IMAGE, 'late')).statusCode).toBe(429);
  await site.drop('n0');
  expect((await site.ask(IMAGE, 'late')).statusCode).toBe(200);
});

it('a machine that takes nothing for a minute loses its stream, and one that takes a little does not', async () => {
  const site = await openSite();
  const lazy = (await site.ask(IMAGE, 'lazy')).stream();
  const slow = (await site.ask(IMAGE, 'slow')).stream();
  await site.clock.advance(0);
  expect(site.reading()).toBe(2);
  for (let minute = 0; minute < 3; minute += 1) {
    for (let read = 0; read < 4; read += 1) {
      slow.read();
      await site.clock.advance(10_000);
    }
  }
  expect([lazy.destroyed, slow.destroyed, site.reading()]).toEqual([true, false, 1]);
  await site.clock.advance(61_000);
  expect([slow.destroyed, site.reading()]).toEqual([true, 0]);
  expect(await failureOf(lazy)).toBeInstanceOf(Error);
});

it('the network is measured by one stream a machine and by eight in all', async () => {
  const site = await openSite();
  expect(await statuses(site, NOISE, ['a', 'a', 'b'])).toEqual([200, 429, 200]);
  expect(await statuses(site, NOISE, ['c', 'd', 'e', 'f', 'g', 'h', 'i'])).toEqual([200, 200, 200, 200, 200, 200, 429]);
  await site.drop('a');
  expect(await statuses(site, NOISE, ['i', 'k'])).toEqual([200, 429]);
});

it('a machine that goes while its token is looked at keeps no place, of noise or of an image', async () => {
  const site = await openSite();
  site.goes.add('a');
  for (const url of [NOISE, IMAGE, IMAGE, IMAGE, IMAGE]) await site.ask(url, 'a').catch(() => undefined);
  await site.clock.advance(0);
  expect(site.reading()).toBe(0);
  site.goes.delete('a');
  expect(await statuses(site, NOISE, ['a'])).toEqual([200]);
  expect(await statuses(site, IMAGE, ['a', 'a', 'a', 'a'])).toEqual([200, 200, 200, 200]);
});

it('a measurement is over after ten minutes, however busy, and its place is free', async () => {
  const site = await openSite();
  const body = (await site.ask(NOISE, 'a')).stream();
  for (let read = 0; read < 29; read += 1) {
    body.read();
    await site.clock.advance(20_000);
  }
  expect([body.destroyed, (await site.ask(NOISE, 'a')).statusCode]).toEqual([false, 429]);
  await site.clock.advance(21_000);
  expect([body.destroyed, (await site.ask(NOISE, 'a')).statusCode]).toEqual([true, 200]);
});
