// One transfer's edge: its own socket, its timer, the bytes read ahead. Obeys the state machine in transfer.ts.
// The path of an ACK to the next window makes no promise and no object per block: it runs for every block of every machine.

import type { RemoteInfo, Socket } from 'node:dgram';
import { type Clock, DecodeError, type Log, messageOf, systemCode } from '../../lib/index.ts';
import { ackedBlock, DATA_HEADER_BYTES, decode, encode, putDataHeader, TFTP_ERROR, type TftpPacket } from './codec.ts';
import type { TransferPlan } from './negotiate.ts';
import { type PageCache, type PageSource, Pages } from './pages.ts';
import { type Step, Transfer, type TransferTiming } from './transfer.ts';

export interface TftpFile extends PageSource {
  readonly kind: 'file';
  /** The bytes of [offset, offset + length), all of them. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void> | void;
}

export interface SessionOptions {
  /** Bound, and nobody else's until the session is over; closing it is the caller's part. */
  readonly socket: Socket;
  /** The kernel cuts what is sent into datagrams of this plan's size. Called when it turns out that it can't: makes the socket ordinary. */
  readonly segments: { readonly refused: (reason: string) => Promise<void> } | null;
  readonly peer: { readonly address: string; readonly port: number };
  readonly file: TftpFile;
  readonly cache: PageCache | null;
  readonly plan: TransferPlan;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: TransferTiming;
  /** For one reading of the file: longer ends the transfer. */
  readonly readMs: number;
}

export interface SessionEnd {
  /** probed: the client wanted the size, and has it. */
  readonly outcome: 'sent' | 'probed' | 'failed';
  readonly reason: string;
  /** Of the file, as far as the client has acknowledged them. */
  readonly bytes: number;
  readonly retransmits: number;
}

const WRAP = 0x10000;
/** One UDP datagram's payload, and one send's for a socket that cuts (UDP_MAX_SEGMENTS is 64 on the oldest kernel that has it). */
const MAX_SEND_BYTES = 65_507;
const MAX_SEGMENTS = 64;
/** What a send of several blocks fails with where it can't be: a card without checksums (EIO), a path with a smaller MTU (EINVAL, EMSGSIZE). */
const CANNOT_CUT: ReadonlySet<string> = new Set(['EIO', 'EINVAL', 'EMSGSIZE', 'EOPNOTSUPP']);

/** Resolves when the transfer is over, however it ended; the file is closed then. Never rejects. */
export function runSession(options: SessionOptions, signal: AbortSignal): Promise<SessionEnd> {
  return new Session(options).run(signal);
}

class Session {
  readonly #options: SessionOptions;
  readonly #transfer: Transfer;
  readonly #pages: Pages;
  readonly #stride: number;
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #lost = (error: Error | null): void => this.#refused(error);
  #inPieces: boolean;
  #over = false;
  /** What came while the file is being read is passed over: at that point the client has all that was sent, and can only repeat itself. */
  #loading = false;
  #frame: Buffer = Buffer.alloc(0);
  #timer = new AbortController();
  #deadline = 0;
  #armedUntil = Number.POSITIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#transfer = new Transfer(options.plan, options.timing);
    this.#pages = new Pages(options.file, options.cache);
    this.#stride = options.plan.blockSize + DATA_HEADER_BYTES;
    this.#inPieces = options.segments !== null;
  }

  async run(signal: AbortSignal): Promise<SessionEnd> {
    const { socket, clock } = this.#options;
    const stop = (): void => this.#abandon('the server is stopping');
    const receive = (datagram: Buffer, from: RemoteInfo): void => this.#receive(datagram, from);
    const broken = (error: Error): void => this.#end('failed', error.message);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('message', receive);
    socket.on('error', broken);
    if (signal.aborted) stop();
    else this.#obey(this.#transfer.begin(clock.monotonic()));
    const end = await this.#ended.promise;
    signal.removeEventListener('abort', stop);
    socket.off('message', receive);
    socket.off('error', broken);
    await this.#closeFile();
    return end;
  }

  /** A reading that hangs keeps its file, and nobody waits for it. */
  async #closeFile(): Promise<void> {
    const { file, log } = this.#options;
    const close = async (): Promise<void> => {
      try {
        await file.close();
      } catch (thrown) {
        log.warn({ error: thrown }, `a file given by TFTP could not be closed: ${messageOf(thrown)}`);
      }
    };
    if (this.#pages.isReading) void this.#pages.settled().then(close);
    else await close();
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const { peer, clock } = this.#options;
    if (this.#over) return;
    // RFC 1350 §4: a stranger is told so, and changes nothing here. Not in answer to an ERROR: two servers would go on for ever.
    if (from.port !== peer.port || from.address !== peer.address) {
      if (datagram[1] !== 5) this.#send({ op: 'error', code: TFTP_ERROR.unknownTransfer, message: 'unknown transfer' }, from);
      return;
    }
    const block = ackedBlock(datagram);
    if (block !== undefined) {
      if (!this.#loading) this.#obey(this.#transfer.onAck(block, clock.monotonic()));
      return;
    }
    const packet = tryDecode(datagram);
    if (packet?.op === 'error') this.#stopped(packet.message || `error ${packet.code}`);
    // Anything else on this socket is malformed or out of place, and changes nothing.
  }

  /** An ERROR in answer to the size is how firmware asks for the size alone; EDK2 says code 8, "User aborted the transfer". */
  #stopped(words: string): void {
    const { size, asksSize } = this.#options.plan;
    if (asksSize && this.#transfer.awaitsOptions) this.#end('probed', `asked for the size only, which is ${size} bytes (${words})`);
    else this.#end('failed', `the client stopped: ${words}`);
  }

  #obey(step: Step): void {
    switch (step.do) {
      case 'wait':
        return;
      case 'finish':
        this.#end('sent', '');
        return;
      case 'give-up':
        this.#abandon(step.reason);
        return;
      case 'options':
        // A kernel may refuse every send of a socket that cuts, also a short one: heard here, at the first packet.
        this.#send(
          { op: 'oack', options: this.#options.plan.granted ?? new Map() },
          this.#options.peer,
          this.#inPieces ? this.#lost : undefined,
        );
        this.#armTimer();
        return;
      case 'blocks':
        this.#give(step.first, step.last);
    }
  }

  #give(first: number, last: number): void {
    const { blockSize, size } = this.#options.plan;
    const start = (first - 1) * blockSize;
    const end = Math.min(last * blockSize, size);
    if (this.#pages.has(start, end)) {
      this.#sendBlocks(first, last);
      this.#pages.move(start, end);
      this.#armTimer();
    } else void this.#loadThenGive(start, end, first, last);
  }

  async #loadThenGive(start: number, end: number, first: number, last: number): Promise<void> {
    this.#loading = true;
    const timer = new AbortController();
    const late = this.#options.clock.sleep(this.#options.readMs, timer.signal).then(
      () => this.#abandon('the file could not be read in time'),
      () => undefined, // called off: it was read
    );
    try {
      await Promise.race([this.#pages.load(start, end), late]);
      this.#loading = false;
      if (!this.#over) this.#give(first, last);
    } catch (thrown) {
      this.#abandon(`the file could not be read: ${messageOf(thrown)}`);
    } finally {
      timer.abort();
    }
  }

  /** As many blocks in one send as the socket can cut, or one. */
  #sendBlocks(first: number, last: number): void {
    const { socket, peer } = this.#options;
    // The card has not taken the last window yet: a repeat now would only grow the queue.
    if (socket.getSendQueueCount() > 0) return;
    const most = this.#inPieces ? Math.max(1, Math.min(MAX_SEGMENTS, Math.floor(MAX_SEND_BYTES / this.#stride))) : 1;
    for (let block = first; block <= last; block += most) {
      const count = Math.min(most, last - block + 1);
      const length = this.#fill(block, count);
      if (count > 1) socket.send(this.#frame, 0, length, peer.port, peer.address, this.#lost);
      // Without a callback a failed send is silent, as on a wire, and the timer's business; and it costs a tenth less.
      else socket.send(this.#frame, 0, length, peer.port, peer.address);
    }
  }

  /** Puts blocks with their headers one behind the other into the frame; returns how long that is. */
  #fill(first: number, count: number): number {
    const { blockSize, size } = this.#options.plan;
    // A send that could not be done at once still needs its bytes.
    if (this.#frame.length < count * this.#stride || this.#options.socket.getSendQueueCount() > 0)
      this.#frame = Buffer.allocUnsafeSlow(count * this.#stride);
    let at = 0;
    for (let block = first; block < first + count; block += 1) {
      const start = (block - 1) * blockSize;
      const end = Math.min(start + blockSize, size);
      putDataHeader(this.#frame, at, block % WRAP);
      this.#pages.copy(start, end, this.#frame, at + DATA_HEADER_BYTES);
      at += DATA_HEADER_BYTES + end - start;
    }
    return at;
  }

  /**
   * The blocks are lost then, and go out again one by one, from the same port: the client knows no other. Not before the socket is an
   * ordinary one again: while it cuts, even a single block must fit the path's MTU. Any other failure is a loss like one on the wire.
   */
  #refused(error: Error | null): void {
    const { segments, clock } = this.#options;
    if (error === null || segments === null || !this.#inPieces || !CANNOT_CUT.has(systemCode(error) ?? '')) return;
    this.#inPieces = false;
    this.#loading = true;
    segments.refused(error.message).then(
      () => {
        this.#loading = false;
        if (!this.#over) this.#obey(this.#transfer.onTimeout(clock.monotonic()));
      },
      (thrown: unknown) => this.#abandon(`the socket could not be used: ${messageOf(thrown)}`),
    );
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
    if (this.#over || this.#loading) return; // what is sent after the loading arms it again
    if (clock.monotonic() < this.#deadline) this.#arm();
    else this.#obey(this.#transfer.onTimeout(clock.monotonic()));
  }

  /** Tells the client, so that it needn't wait for its own timeouts. */
  #abandon(reason: string): void {
    if (!this.#over) this.#send({ op: 'error', code: TFTP_ERROR.undefined, message: reason });
    this.#end('failed', reason);
  }

  #end(outcome: SessionEnd['outcome'], reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.abort();
    const { blockSize, size } = this.#options.plan;
    const bytes = Math.min(size, this.#transfer.acknowledged * blockSize);
    this.#ended.resolve({ outcome, reason, bytes, retransmits: this.#transfer.retransmits });
  }

  #send(packet: TftpPacket, to: SessionOptions['peer'] = this.#options.peer, done?: (error: Error | null) => void): void {
    const datagram = encode(packet);
    this.#options.socket.send(datagram, 0, datagram.length, to.port, to.address, done);
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
