import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decode, encode, type TftpPacket } from '../../src/net/tftp/index.ts';
import { startLossyRelay } from '../support/lossy-relay.ts';
import { mutations } from '../unit/net/mutate.ts';
import { CLIENTS, fetchWith, hashOf, noise, serve } from './tftp/harness.ts';

const SIZES = [0, 1, 511, 512, 1024, 1468 * 2, 5 * 1024 * 1024];
const MALFORMED = 2000;
const curl = CLIENTS.curl ?? (() => ['false']);

describe.each(Object.entries(CLIENTS))('%s', (_name, client) => {
  it.each(SIZES)('fetches %i bytes unharmed', async (size) => {
    const { port, open } = await serve();
    const got = await fetchWith(client, port, String(size));
    expect(got.length).toBe(size);
    expect(hashOf(got)).toBe(hashOf(noise(size)));
    expect.soft(open()).toBeLessThanOrEqual(1);
  });
});

describe('behind a wire that loses, doubles and reorders 5 % each', () => {
  it.each([
    ['atftp with blksize, tsize and windowsize', 3 * 1024 * 1024],
    ['curl with blksize 1468', 512 * 1024],
    ['tftp-hpa', 128 * 1024],
  ])('%s gets every byte', async (name, size) => {
    const { port } = await serve();
    const relay = await startLossyRelay({ target: { host: '127.0.0.1', port }, loss: 0.05, duplication: 0.05, reordering: 0.05, seed: 7 });
    onTestFinished(() => relay.close());
    const got = await fetchWith(CLIENTS[name] ?? curl, relay.port, String(size));
    expect(hashOf(got)).toBe(hashOf(noise(size)));
    expect(relay.counts.lost).toBeGreaterThan(0);
    expect(relay.counts.doubled).toBeGreaterThan(0);
    expect(relay.counts.held).toBeGreaterThan(0);
  });
});

describe('many clients at once', () => {
  it('all get their file', async () => {
    const { port, server } = await serve({ limits: { maxTransfersPerAddress: 64 } });
    const got = await Promise.all(Array.from({ length: 24 }, (_, index) => fetchWith(curl, port, String(100_000 + index))));
    expect(got.map(hashOf)).toEqual(got.map((_, index) => hashOf(noise(100_000 + index))));
    expect(server.transfers).toBeLessThanOrEqual(24);
  });
});

describe('a TFTP server on the wire', () => {
  it('refuses writing, netascii and unknown names with an ERROR and a reason', async () => {
    const { port, notes } = await serve();
    const client = await peer();
    const ask = async (op: 'read' | 'write', fileName: string, mode: string): Promise<TftpPacket> => {
      client.send({ op, fileName, mode, options: new Map() }, port);
      return (await client.next()).packet;
    };
    expect(await ask('write', '5', 'octet')).toMatchObject({ op: 'error', code: 2 });
    expect(await ask('read', '5', 'netascii')).toMatchObject({ op: 'error', code: 4 });
    expect(await ask('read', '../etc/passwd', 'octet')).toMatchObject({ op: 'error', code: 1, message: 'no such file' });
    expect(notes.map((note) => note.decision)).toEqual(['refused', 'refused', 'refused']);
  });

  it('answers each transfer from a port of its own, and strangers there with ERROR 5 without harm to the transfer', async () => {
    const { port } = await serve();
    const client = await peer();
    client.send({ op: 'read', fileName: '700', mode: 'octet', options: new Map() }, port);
    const first = await client.next();
    expect(first.port).not.toBe(port);
    const stranger = await peer();
    stranger.send({ op: 'error', code: 0, message: 'stop' }, first.port);
    stranger.send({ op: 'ack', block: 1 }, first.port);
    expect((await stranger.next()).packet).toMatchObject({ op: 'error', code: 5 });
    client.send({ op: 'ack', block: 1 }, first.port);
    expect((await client.next()).packet).toMatchObject({ op: 'data', block: 2 });
    client.send({ op: 'ack', block: 2 }, first.port);
  });

  it('limits the transfers of one address and of all, politely', async () => {
    const { port } = await serve({ limits: { maxTransfersPerAddress: 2 } });
    const clients = await Promise.all([peer(), peer(), peer()]);
    const answers: TftpPacket[] = [];
    for (const client of clients) {
      client.send({ op: 'read', fileName: '5000', mode: 'octet', options: new Map() }, port);
      answers.push((await client.next()).packet);
    }
    expect(answers.map((answer) => answer.op)).toEqual(['data', 'data', 'error']);
    expect(answers[2]).toMatchObject({ message: 'busy: too many transfers from your address, try again' });
  });

  it('sends an unanswered request’s first block a few times, then stops and closes the file', async () => {
    const { port, notes, open, server } = await serve({ timing: { firstTimeoutMs: 5, minTimeoutMs: 5 } });
    const client = await peer();
    client.send({ op: 'read', fileName: '5000', mode: 'octet', options: new Map() }, port);
    const heard: string[] = [];
    while (heard.at(-1) !== 'error') heard.push((await client.next()).packet.op);
    expect(heard).toEqual(['data', 'data', 'data', 'data', 'error']);
    await expect.poll(() => server.transfers).toBe(0);
    expect(open()).toBe(0);
    expect(notes).toMatchObject([{ decision: 'failed', reason: 'the client never answered' }]);
  });

  it('starts one transfer for a request that comes twice', async () => {
    const { port, server } = await serve();
    const client = await peer();
    for (let repeat = 0; repeat < 3; repeat += 1) client.send({ op: 'read', fileName: '5000', mode: 'octet', options: new Map() }, port);
    await client.next();
    expect(server.transfers).toBe(1);
  });

  it('tells its clients when it stops', async () => {
    const { port, server } = await serve();
    const client = await peer();
    client.send({ op: 'read', fileName: '5000', mode: 'octet', options: new Map() }, port);
    await client.next();
    await server.stop();
    expect((await client.next()).packet).toMatchObject({ op: 'error', message: 'the server is stopping' });
  });

  it(`lives through ${MALFORMED} malformed datagrams, to its port and to a transfer's, and goes on serving`, async () => {
    const { port } = await serve({ timing: { firstTimeoutMs: 500, maxTimeoutMs: 500, maxRepeatsUnanswered: 1000 } });
    const client = await peer();
    client.send({ op: 'read', fileName: '700', mode: 'octet', options: new Map() }, port);
    const first = await client.next();
    const corpus = [
      encode({ op: 'read', fileName: '99', mode: 'octet', options: new Map([['blksize', '1468']]) }),
      encode({ op: 'ack', block: 1 }),
    ];
    const noisy = await peer();
    for (const datagram of mutations(corpus, MALFORMED)) {
      noisy.raw(datagram, port);
      await noisy.flushed(datagram, first.port);
    }
    // Block 1 is repeated until our ACK gets through: the flood may have filled the socket's buffer.
    let answer = first.packet;
    while (answer.op === 'data' && answer.block === 1) {
      client.send({ op: 'ack', block: 1 }, first.port);
      answer = (await client.next()).packet;
    }
    expect(answer).toMatchObject({ op: 'data', block: 2 });
  });

  it('says which port is taken', async () => {
    const { port } = await serve();
    await expect(serve({ listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({ code: 'tftp.port_in_use' });
    await expect(serve({ listen: { host: '192.0.2.1', port: 0 } })).rejects.toMatchObject({ code: 'tftp.no_address' });
  });
});

interface Peer {
  send(packet: TftpPacket, port: number): void;
  raw(datagram: Uint8Array, port: number): void;
  /** Resolves when all that was sent before has left. */
  flushed(datagram: Uint8Array, port: number): Promise<void>;
  next(): Promise<{ packet: TftpPacket; port: number }>;
}

async function peer(): Promise<Peer> {
  const socket = createSocket('udp4');
  const heard: { packet: TftpPacket; port: number }[] = [];
  const waiting: ((one: { packet: TftpPacket; port: number }) => void)[] = [];
  socket.on('message', (datagram, from) => {
    const one = { packet: decode(datagram), port: from.port };
    const waiter = waiting.shift();
    if (waiter === undefined) heard.push(one);
    else waiter(one);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return {
    send: (packet, port) => socket.send(encode(packet), port, '127.0.0.1'),
    raw: (datagram, port) => socket.send(datagram, port, '127.0.0.1'),
    flushed: (datagram, port) => new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', () => resolve())),
    next: () => {
      const one = heard.shift();
      return one === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(one);
    },
  };
}
