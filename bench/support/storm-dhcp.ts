// The DHCP side of simulated machines: one socket as a relay's, all their exchanges told apart by xid. Of its own, so that no mistake of
// the server's codec can hide in it.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const SERVER_PORT = 67;
const HEADER = 240;
const COOKIE = 0x63825363;
const [DISCOVER, OFFER, REQUEST, ACK] = [1, 2, 3, 5];
/** Seconds between the tries of PXE firmware (PXE 2.1 §2.2.4: 4, 8, 16, 32). */
const TRIES_MS = [4000, 8000, 16_000, 32_000];
const ASK_AGAIN_MS = 500;
const MAX_ASKED = 120;

export interface Lease {
  readonly address: string;
  readonly nextServer: string;
  readonly bootFile: string;
}

export interface DhcpRelay {
  /** DISCOVER to ACK. `isIpxe` is what iPXE tells of itself, otherwise UEFI firmware for x64 asks. */
  exchange(mac: Buffer, isIpxe: boolean): Promise<Lease>;
  /** Resolves when a machine of its own has been offered an address: some servers listen for others before they answer. */
  untilAnswered(mac: Buffer): Promise<void>;
  readonly repeats: () => number;
  close(): void;
}

interface Answer {
  readonly type: number;
  readonly bytes: Buffer;
  readonly options: ReadonlyMap<number, Buffer>;
}

export async function openDhcpRelay(server: string, relay: string): Promise<DhcpRelay> {
  const socket = createSocket('udp4');
  socket.bind(SERVER_PORT, relay);
  await once(socket, 'listening');
  socket.setRecvBufferSize(4 * 1024 * 1024);
  const waiting = new Map<number, (answer: Answer) => void>();
  let nextXid = 1;
  let repeats = 0;
  socket.on('message', (bytes) => {
    const answer = parse(bytes);
    if (answer !== undefined) waiting.get(bytes.readUInt32BE(4))?.(answer);
  });

  async function converse(packet: Buffer, xid: number, wanted: number): Promise<Answer> {
    for (const [index, limit] of TRIES_MS.entries()) {
      if (index > 0) repeats += 1;
      const answer = await tryOnce(packet, xid, wanted, limit);
      if (answer !== undefined) return answer;
    }
    throw new Error(`no DHCP answer of type ${wanted}`);
  }

  function tryOnce(packet: Buffer, xid: number, wanted: number, limit: number): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        waiting.delete(xid);
        resolve(answer);
      };
      const timer = setTimeout(() => settle(undefined), limit);
      waiting.set(xid, (answer) => {
        if (answer.type === wanted) settle(answer);
      });
      socket.send(packet, SERVER_PORT, server);
    });
  }

  return {
    async exchange(mac, isIpxe) {
      const xid = nextXid++;
      const offer = await converse(build({ type: DISCOVER, xid, mac, relay, isIpxe, more: [] }), xid, OFFER);
      const more = [option(50, offer.bytes.subarray(16, 20)), option(54, offer.options.get(54) ?? Buffer.alloc(4))];
      const ack = await converse(build({ type: REQUEST, xid, mac, relay, isIpxe, more }), xid, ACK);
      return leaseOf(ack);
    },
    async untilAnswered(mac) {
      for (let asked = 0; asked < MAX_ASKED; asked += 1) {
        const xid = nextXid++;
        const packet = build({ type: DISCOVER, xid, mac, relay, isIpxe: false, more: [] });
        if ((await tryOnce(packet, xid, OFFER, ASK_AGAIN_MS)) !== undefined) return;
      }
      throw new Error('the server never answered');
    },
    repeats: () => repeats,
    close: () => void socket.close(),
  };
}

interface Asked {
  readonly type: number;
  readonly xid: number;
  readonly mac: Buffer;
  readonly relay: string;
  readonly isIpxe: boolean;
  readonly more: readonly Buffer[];
}

function build({ type, xid, mac, relay, isIpxe, more }: Asked): Buffer {
  const head = Buffer.alloc(HEADER);
  head.set([1, 1, 6, 1]); // BOOTREQUEST, Ethernet, six bytes, one hop
  head.writeUInt32BE(xid, 4);
  head.set(relay.split('.').map(Number), 24);
  mac.copy(head, 28);
  head.writeUInt32BE(COOKIE, HEADER - 4);
  const uuid = Buffer.concat([Buffer.alloc(11), mac]);
  const ipxe = isIpxe ? [option(77, Buffer.from('iPXE')), option(175, Buffer.from([0xb1, 0, 0, 0]))] : [];
  return Buffer.concat([
    head,
    option(53, Buffer.from([type])),
    option(57, Buffer.from([0x05, 0xc0])),
    option(55, Buffer.from([1, 3, 6, 12, 15, 43, 60, 66, 67, 97, 175])),
    option(60, Buffer.from('PXEClient:Arch:00007:UNDI:003010')),
    option(93, Buffer.from([0, 7])),
    option(94, Buffer.from([1, 3, 10])),
    option(97, uuid),
    ...ipxe,
    ...more,
    Buffer.from([255]),
  ]);
}

function option(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code, value.length]), value]);
}

function parse(bytes: Buffer): Answer | undefined {
  if (bytes.length < HEADER || bytes[0] !== 2) return undefined;
  const options = new Map<number, Buffer>();
  for (let at = HEADER; at < bytes.length; ) {
    const code = bytes[at] ?? 255;
    if (code === 255) break;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    options.set(code, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  const type = options.get(53)?.[0];
  return type === undefined ? undefined : { type, bytes, options };
}

function leaseOf({ bytes, options }: Answer): Lease {
  const named = options.get(67)?.toString('latin1') ?? bytes.toString('latin1', 108, 236);
  const address = (at: number): string => [...bytes.subarray(at, at + 4)].join('.');
  return { address: address(16), nextServer: address(20), bootFile: named.replace(/\0.*$/s, '') };
}
