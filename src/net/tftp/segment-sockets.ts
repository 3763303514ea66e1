// Bound sockets kept ready on which the kernel cuts a window into datagrams. One size of block each, made in the background after the first
// transfer of that size; when none is free, a transfer sends block by block. Knows nothing of TFTP packets.

import type { Socket } from 'node:dgram';
import { type Clock, type Log, messageOf } from '../../lib/index.ts';
import type { SetSegmentSize } from './segment-size.ts';

export interface SegmentSocketsOptions {
  readonly open: () => Promise<Socket>;
  readonly setSize: SetSegmentSize;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sockets of one size; firmware of one rack asks for one or two sizes. */
const PER_SIZE = 64;
const MAX_SIZES = 3;
/** A forged request may name any size: making sockets for it is bounded in time too. */
const PAUSE_MS = 2000;

interface Pool {
  /** First in, first out: a port comes round again only after all the others, so that late packets of its last transfer are gone. */
  readonly idle: Socket[];
  made: number;
}

export class SegmentSockets {
  readonly #options: SegmentSocketsOptions;
  readonly #pools = new Map<number, Pool>();
  #making: Promise<void> | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;
  #isOff = false;

  constructor(options: SegmentSocketsOptions) {
    this.#options = options;
  }

  /** A socket that cuts after so many bytes, or undefined when none is ready. */
  take(bytes: number): Socket | undefined {
    if (this.#isOff) return undefined;
    const socket = this.#pools.get(bytes)?.idle.shift();
    if (socket === undefined) this.#make(bytes);
    return socket;
  }

  /** Back from a transfer, without listeners of its own. What still has something to send is not used again. */
  giveBack(bytes: number, socket: Socket): void {
    const pool = this.#pools.get(bytes);
    if (pool !== undefined && pool.idle.length < PER_SIZE && socket.getSendQueueCount() === 0) {
      pool.idle.push(socket);
      return;
    }
    if (pool !== undefined) pool.made -= 1;
    socket.close();
  }

  /** The kernel, the card or the path refused: no more of this in this run. Makes the socket an ordinary one, for the transfer that has it. */
  async refuse(socket: Socket, reason: string): Promise<void> {
    this.#turnOff(reason);
    await this.#options.setSize([socket], 0);
  }

  /** Closes what is idle; it is made again when it is wanted again. */
  async release(): Promise<void> {
    await this.#making;
    this.#closeIdle();
  }

  #turnOff(reason: string): void {
    if (this.#isOff) return;
    this.#isOff = true;
    this.#options.log.info({ reason }, 'TFTP sends block by block: windows in one piece are not possible here');
    this.#closeIdle();
  }

  #closeIdle(): void {
    for (const pool of this.#pools.values()) for (const socket of pool.idle) socket.close();
    this.#pools.clear();
  }

  #make(bytes: number): void {
    const now = this.#options.clock.monotonic();
    const pool = this.#pools.get(bytes);
    if (this.#making !== undefined || (pool?.made ?? 0) > 0 || now - this.#madeAt < PAUSE_MS) return;
    this.#madeAt = now;
    this.#making = this.#fill(bytes)
      .catch((thrown: unknown) => this.#turnOff(messageOf(thrown)))
      .finally(() => {
        this.#making = undefined;
      });
  }

  async #fill(bytes: number): Promise<void> {
    const sockets: Socket[] = [];
    try {
      while (sockets.length < PER_SIZE) {
        const socket = await this.#options.open();
        // An error of an idle socket has nobody to tell; a transfer listens for itself.
        socket.on('error', () => undefined);
        sockets.push(socket);
      }
      await this.#options.setSize(sockets, bytes);
    } catch (thrown) {
      for (const socket of sockets) socket.close();
      throw thrown;
    }
    this.#dropOldest();
    this.#pools.set(bytes, { idle: sockets, made: sockets.length });
  }

  #dropOldest(): void {
    for (const [bytes, pool] of this.#pools) {
      if (this.#pools.size < MAX_SIZES) return;
      for (const socket of pool.idle) socket.close();
      this.#pools.delete(bytes);
    }
  }
}
