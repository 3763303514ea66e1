// A TFTP client of single packets, for what no real client would do: it sends what it is told and hands out what it hears.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { decode, encode, type TftpPacket } from '../../../src/net/tftp/index.ts';

export interface Heard {
  readonly packet: TftpPacket;
  readonly port: number;
  readonly length: number;
}

export interface Peer {
  send(packet: TftpPacket, port: number): void;
  raw(datagram: Uint8Array, port: number): void;
  /** Resolves when all that was sent before has left. */
  flushed(datagram: Uint8Array, port: number): Promise<void>;
  next(): Promise<Heard>;
  /** Bytes that came in so far. */
  readonly bytes: number;
}

const HOST = '127.0.0.1';

export async function peer(): Promise<Peer> {
  const socket = createSocket('udp4');
  const heard: Heard[] = [];
  const waiting: ((one: Heard) => void)[] = [];
  let bytes = 0;
  socket.on('message', (datagram, from) => {
    bytes += datagram.length;
    const one = { packet: decode(datagram), port: from.port, length: datagram.length };
    const waiter = waiting.shift();
    if (waiter === undefined) heard.push(one);
    else waiter(one);
  });
  socket.bind(0, HOST);
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return {
    send: (packet, port) => socket.send(encode(packet), port, HOST),
    raw: (datagram, port) => socket.send(datagram, port, HOST),
    flushed: (datagram, port) => new Promise((resolve) => socket.send(datagram, port, HOST, () => resolve())),
    next: () => {
      const one = heard.shift();
      return one === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(one);
    },
    get bytes() {
      return bytes;
    },
  };
}

export function read(fileName: string, options: Readonly<Record<string, string>> = {}): TftpPacket {
  return { op: 'read', fileName, mode: 'octet', options: new Map(Object.entries(options)) };
}
