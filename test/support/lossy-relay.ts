// A UDP wire that loses, doubles and reorders, the same way for the same seed: the kernel of a test machine may lack netem.
// Stands between TFTP clients and a server: each client keeps its own port towards the server, and the server's new port for a transfer
// gets a port of its own here, as a NAT would do it.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface LossyRelayOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Each between 0 and 1, per datagram and direction. */
  readonly loss: number;
  readonly duplication: number;
  /** The share held back until the next datagram of that direction has passed (or 5 ms). */
  readonly reordering: number;
  readonly seed: number;
}

export interface LossyRelay {
  readonly port: number;
  readonly counts: { passed: number; lost: number; doubled: number; held: number };
  close(): Promise<void>;
}

type Send = () => void;

const HOLD_MS = 5;
const HOST = '127.0.0.1';

export async function startLossyRelay(options: LossyRelayOptions): Promise<LossyRelay> {
  const relay = new Relay(options);
  await relay.start();
  return relay;
}

class Relay implements LossyRelay {
  readonly counts = { passed: 0, lost: 0, doubled: 0, held: 0 };
  readonly #options: LossyRelayOptions;
  readonly #random: () => number;
  readonly #front = createSocket('udp4');
  readonly #sockets = new Set<Socket>([this.#front]);
  readonly #clients = new Map<number, Promise<Socket>>();

  #isClosed = false;

  constructor(options: LossyRelayOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  get port(): number {
    return this.#front.address().port;
  }

  async start(): Promise<void> {
    await bind(this.#front);
    const wire = this.#wire();
    this.#front.on('message', (datagram, client) => {
      void this.#backFor(client.port).then((back) => wire(() => back.send(datagram, this.#options.target.port, this.#options.target.host)));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  /** The socket that plays this client towards the server, and the ports that play the server's towards the client. */
  #backFor(clientPort: number): Promise<Socket> {
    const known = this.#clients.get(clientPort);
    if (known !== undefined) return known;
    const made = this.#open().then((back) => {
      const faces = new Map<number, Promise<(datagram: Buffer) => void>>();
      back.on('message', (datagram, server) => {
        const face = faces.get(server.port) ?? this.#face(back, server.port, clientPort);
        faces.set(server.port, face);
        void face.then((send) => send(datagram));
      });
      return back;
    });
    this.#clients.set(clientPort, made);
    return made;
  }

  async #face(back: Socket, serverPort: number, clientPort: number): Promise<(datagram: Buffer) => void> {
    const face = await this.#open();
    const toServer = this.#wire();
    const toClient = this.#wire();
    face.on('message', (datagram) => toServer(() => back.send(datagram, serverPort, this.#options.target.host)));
    return (datagram) => toClient(() => face.send(datagram, clientPort, HOST));
  }

  async #open(): Promise<Socket> {
    const socket = createSocket('udp4');
    await bind(socket);
    this.#sockets.add(socket);
    return socket;
  }

  /** One direction of one conversation. */
  #wire(): (send: Send) => void {
    let held: Send | undefined;
    const release = (): void => {
      const send = held;
      held = undefined;
      if (!this.#isClosed) send?.();
    };
    const { loss, duplication, reordering } = this.#options;
    return (send) => {
      if (this.#isClosed) return;
      if (this.#random() < loss) {
        this.counts.lost += 1;
        return;
      }
      this.counts.passed += 1;
      if (held === undefined && this.#random() < reordering) {
        this.counts.held += 1;
        held = send;
        setTimeout(release, HOLD_MS);
        return;
      }
      send();
      if (this.#random() < duplication) {
        this.counts.doubled += 1;
        send();
      }
      release();
    };
  }
}

async function bind(socket: Socket): Promise<void> {
  // A socket of a client that went away answers ICMP errors: on a wire nobody hears them.
  socket.on('error', () => undefined);
  socket.bind(0, HOST);
  await once(socket, 'listening');
}

/** mulberry32: a few lines, well enough mixed, and seeded. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
