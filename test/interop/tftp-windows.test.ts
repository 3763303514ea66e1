// Windows that leave in one system call: the sockets made for it, their reuse, their end, and the way back to single blocks.

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type SetSegmentSize, setSegmentSize } from '../../src/net/tftp/index.ts';
import { CLIENTS, type Fetch, fetchWith, hashOf, noise, serve } from './tftp/harness.ts';
import { peer, read } from './tftp/peer.ts';

const SIZE = 3_000_000;
const WINDOWED = 'atftp with blksize, tsize and windowsize';
const atftp: Fetch = CLIENTS[WINDOWED] ?? (() => ['false']);

interface Made {
  readonly set: SetSegmentSize;
  readonly calls: { readonly ports: readonly number[]; readonly bytes: number; readonly closed: Promise<unknown> }[];
}

/** `as` is what the kernel is told instead of the size wanted. */
function recorded(as: (bytes: number) => number = (bytes) => bytes): Made {
  const calls: Made['calls'] = [];
  const set: SetSegmentSize = async (sockets, bytes) => {
    await setSegmentSize(sockets, as(bytes));
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    calls.push({ ports: sockets.map((socket) => socket.address().port), bytes, closed });
  };
  return { set, calls };
}

describe('a window in one system call', () => {
  it('comes whole, and from one of the sockets made for its size of block', async () => {
    const made = recorded();
    const { port, server } = await serve({ setSegmentSize: made.set });
    expect(hashOf(await fetchWith(atftp, port, String(SIZE)))).toBe(hashOf(noise(SIZE)));
    await expect.poll(() => made.calls.length, { timeout: 60_000 }).toBe(1);
    expect(made.calls[0]?.bytes).toBe(1428 + 4);
    expect(hashOf(await fetchWith(atftp, port, String(SIZE)))).toBe(hashOf(noise(SIZE)));
    const client = await peer();
    client.send(read('10000', { blksize: '1428', windowsize: '4' }), port);
    const { packet, port: from } = await client.next();
    expect(packet).toMatchObject({ op: 'oack' });
    expect(made.calls[0]?.ports).toContain(from);
    client.send({ op: 'ack', block: 0 }, from);
    const blocks = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(blocks.map((one) => one.packet)).toMatchObject([1, 2, 3, 4].map((block) => ({ op: 'data', block })));
    client.send({ op: 'ack', block: 4 }, from);
    // The last window is not full and its last block is short.
    const rest = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(rest.map((one) => one.length)).toEqual([1432, 1432, 1432, 10_000 - 7 * 1428 + 4]);
    client.send({ op: 'ack', block: 8 }, from);
    await expect.poll(() => server.transfers).toBe(0);
    expect(server.counters()).toMatchObject({ completed: 3, failed: 0, bytes: 2 * SIZE + 10_000 });
    expect(made.calls.length).toBe(1);
  });

  it('goes back to single blocks within the same transfer when the kernel refuses', async () => {
    // Cut after 100 bytes a window of 16 would be more datagrams than one send may become: EINVAL, as with a card or path that can't.
    const made = recorded((bytes) => (bytes === 0 ? 0 : 100));
    const { port, server } = await serve({ setSegmentSize: made.set });
    for (const expected of [[1432], [1432, 0], [1432, 0]]) {
      expect(hashOf(await fetchWith(atftp, port, String(SIZE)))).toBe(hashOf(noise(SIZE)));
      await expect.poll(() => made.calls.map((call) => call.bytes), { timeout: 60_000 }).toEqual(expected);
    }
    await expect.poll(() => server.counters()).toMatchObject({ completed: 3, failed: 0 });
  });

  it('is not tried for blocks that an IPv6 client’s path would have to cut again: IPv6 has longer headers', async () => {
    const made = recorded();
    const { port } = await serve({ listen: { host: '::1', port: 0 }, setSegmentSize: made.set });
    for (const blockSize of [1468, 1448]) {
      const options = ['--option', `blksize ${blockSize}`, '--option', 'windowsize 16'];
      const fetch: Fetch = ({ name, to }) => ['atftp', ...options, '--get', '--remote-file', name, '--local-file', to, '::1', String(port)];
      expect(hashOf(await fetchWith(fetch, port, String(SIZE)))).toBe(hashOf(noise(SIZE)));
    }
    await expect.poll(() => made.calls.map((call) => call.bytes), { timeout: 60_000 }).toEqual([1448 + 4]);
  });

  it('is given up without harm where it cannot be had at all', async () => {
    const { port } = await serve({ setSegmentSize: () => Promise.reject(new Error('no perl here')) });
    for (let time = 0; time < 2; time += 1) expect(hashOf(await fetchWith(atftp, port, String(SIZE)))).toBe(hashOf(noise(SIZE)));
  });

  it('keeps nothing open when nobody boots', async () => {
    const made = recorded();
    const { port } = await serve({ setSegmentSize: made.set, limits: { idleMs: 10 } });
    await fetchWith(atftp, port, String(SIZE));
    await expect.poll(() => made.calls.length, { timeout: 60_000 }).toBe(1);
    expect(made.calls[0]?.ports.length).toBe(64);
    await made.calls[0]?.closed;
  });
});
