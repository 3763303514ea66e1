// One transfer's edge: its own socket, its timer, the bytes read ahead. Obeys the state machine in transfer.ts.

import type { RemoteInfo, Socket } from 'node:dgram';
import { type Clock, DecodeError, messageOf } from '../../lib/index.ts';
import { decode, encode, TFTP_ERROR, type TftpPacket } from './codec.ts';
import type { TransferPlan } from './negotiate.ts';
import { type Step, Transfer, type TransferTiming } from './transfer.ts';

export interface TftpFile {
  readonly kind: 'file';
  readonly size: number;
  /** The bytes of [offset, offset + length), all of them. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void> | void;
}

export interface SessionOptions {
  readonly socket: Socket;
  readonly peer: { readonly address: string; readonly port: number };
  readonly file: TftpFile;
  readonly plan: TransferPlan;
  readonly clock: Clock;
  readonly timing: TransferTiming;
}

export type SessionEnd = { readonly ok: true; readonly bytes: number } | { readonly ok: false; readonly reason: string };

/** Read ahead in pieces of this size: a file system answers 64 KiB as fast as one block. */
const READ_AHEAD = 65_536;
const WRAP = 0x10000;
const MAX_WAITING = 64;

/** Resolves when the transfer is over, however it ended; socket and file are closed then. Never rejects. */
export function runSession(options: SessionOptions, signal: AbortSignal): Promise<SessionEnd> {
  return new Session(options).run(signal);
}

class Session {
  readonly #options: SessionOptions;
  readonly #transfer: Transfer;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  #over = false;
  #ahead: { offset: number; bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array(0) };
  /** Sending awaits reads of the file: one step at a time, in order of arrival. */
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #timer = new AbortController();
  #deadline = 0;
  #armedUntil = Number.POSITIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#transfer = new Transfer(options.plan, options.timing);
  }

  async run(signal: AbortSignal): Promise<SessionEnd> {
    const { socket, file, clock } = this.#options;
    const stop = (): void => this.#abandon('the server is stopping');
    signal.addEventListener('abort', stop, { once: true });
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('error', (error) => this.#end({ ok: false, reason: error.message }));
    this.#enqueue(() => this.#transfer.begin(clock.monotonic()));
    const end = await this.#ended.promise;
    signal.removeEventListener('abort', stop);
    await this.#queue;
    socket.close();
    await file.close();
    return end;
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const { peer, clock } = this.#options;
    // RFC 1350 §4: a stranger is told so, and changes nothing here. Not in answer to an ERROR: two servers would go on for ever.
    if (from.address !== peer.address || from.port !== peer.port) {
      if (datagram[1] !== 5) this.#send({ op: 'error', code: TFTP_ERROR.unknownTransfer, message: 'unknown transfer' }, from);
      return;
    }
    const packet = tryDecode(datagram);
    if (packet?.op === 'error') this.#end({ ok: false, reason: `the client stopped: ${packet.message || `error ${packet.code}`}` });
    // ACKs that flood in faster than the file can be read must not grow the queue: what is over the cap is lost, as on a wire.
    else if (packet?.op === 'ack' && this.#waiting < MAX_WAITING)
      this.#enqueue(() => this.#transfer.onAck(packet.block, clock.monotonic()));
    // Anything else on this socket is malformed or out of place, and changes nothing.
  }

  #enqueue(next: () => Step): void {
    if (this.#over) return;
    this.#waiting += 1;
    this.#queue = this.#queue.then(async () => {
      this.#waiting -= 1;
      if (this.#over) return;
      try {
        await this.#obey(next());
      } catch (thrown) {
        this.#abandon(`the file could not be read: ${messageOf(thrown)}`);
      }
    });
  }

  async #obey(step: Step): Promise<void> {
    const { plan, file } = this.#options;
    switch (step.do) {
      case 'wait':
        return;
      case 'finish':
        this.#end({ ok: true, bytes: file.size });
        return;
      case 'give-up':
        this.#abandon(step.reason);
        return;
      case 'options':
        this.#send({ op: 'oack', options: plan.granted ?? new Map() });
        break;
      case 'blocks':
        await this.#sendBlocks(step.first, step.last);
        break;
    }
    this.#armTimer();
  }

  async #sendBlocks(first: number, last: number): Promise<void> {
    const { blockSize, size } = this.#options.plan;
    const start = (first - 1) * blockSize;
    const end = Math.min(last * blockSize, size);
    const bytes = await this.#bytes(start, end);
    for (let block = first; block <= last; block += 1) {
      const from = (block - first) * blockSize;
      this.#send({ op: 'data', block: block % WRAP, bytes: bytes.subarray(from, from + blockSize) });
    }
  }

  /** Kept until the window has passed it: repeats are sent from memory. */
  async #bytes(start: number, end: number): Promise<Uint8Array> {
    const have = this.#ahead;
    if (start < have.offset || end > have.offset + have.bytes.length) {
      const length = Math.min(Math.max(end - start, READ_AHEAD), this.#options.plan.size - start);
      const bytes = length === 0 ? new Uint8Array(0) : await this.#options.file.read(start, length);
      if (bytes.length !== length) throw new Error(`${length} bytes wanted at ${start}, ${bytes.length} read`);
      this.#ahead = { offset: start, bytes };
    }
    return this.#ahead.bytes.subarray(start - this.#ahead.offset, end - this.#ahead.offset);
  }

  #armTimer(): void {
    if (this.#over) return;
    this.#deadline = this.#options.clock.monotonic() + this.#transfer.timeoutMs;
    if (this.#deadline < this.#armedUntil) this.#arm();
  }

  /** One timer for many blocks: it is set anew only when it would ring too late, and goes on sleeping when it rings too early. */
  #arm(): void {
    const { clock } = this.#options;
    this.#timer.abort();
    const timer = new AbortController();
    this.#timer = timer;
    this.#armedUntil = this.#deadline;
    clock.sleep(Math.max(0, this.#deadline - clock.monotonic()), timer.signal).then(
      () => this.#wake(),
      () => undefined, // aborted: set anew, or the transfer is over
    );
  }

  #wake(): void {
    const { clock } = this.#options;
    this.#armedUntil = Number.POSITIVE_INFINITY;
    if (clock.monotonic() < this.#deadline) this.#arm();
    else this.#enqueue(() => (clock.monotonic() < this.#deadline ? { do: 'wait' } : this.#transfer.onTimeout(clock.monotonic())));
  }

  /** Tells the client, so that it needn't wait for its own timeouts. */
  #abandon(reason: string): void {
    if (!this.#over) this.#send({ op: 'error', code: TFTP_ERROR.undefined, message: reason });
    this.#end({ ok: false, reason });
  }

  #end(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.abort();
    this.#ended.resolve(end);
  }

  #send(packet: TftpPacket, to: { readonly address: string; readonly port: number } = this.#options.peer): void {
    // Without a callback an error would end the transfer by the socket's error event; a lost datagram is the timer's business.
    this.#options.socket.send(encode(packet), to.port, to.address, () => undefined);
  }
}

function tryDecode(datagram: Buffer): TftpPacket | undefined {
  try {
    return decode(datagram);
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined;
    throw thrown;
  }
}
