// GET whose body is received into the same few buffers again and again (net.Socket's `onread`): Node's own client allocates 64 KiB for each read, and
// the collector then takes more time than the network (640 MiB over loopback: 0.5 to 0.8 s of CPU time there, 0.1 s here). HTTP/1.1 with a
// Content-Length only (RFC 9112 §6.3): who answers otherwise is asked again by Node's.

import type { IncomingHttpHeaders } from 'node:http';
import { createConnection, type OnReadOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Download, DownloadBody } from './commands/types.ts';

/** Of one read. */
const READ_BYTES = 256 * 1024;
/** Two of them: one is being filled while the other is with its reader. */
const PART_BYTES = 1024 * 1024;
/** TLS hands on all that it has deciphered, also after it was told to stop: what one read of it holds at most. */
const SLACK_BYTES = 256 * 1024;
const HEAD_MAX_BYTES = 16 * 1024;

/** The answer is sound, and has no length that is told before it. */
export class NoInflow extends Error {
  override readonly name = 'NoInflow';
}

export interface InflowOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** So long without a byte that is waited for. */
  readonly silentMs: number;
  /** A connection whose peer is who it should be; null: plain TCP. */
  readonly connect: ((options: { host: string; port: number; onread: OnReadOpts }) => Promise<Duplex>) | null;
}

export async function openInflow(where: URL, { headers, signal, silentMs, connect }: InflowOptions): Promise<Download> {
  signal.throwIfAborted();
  const inflow = new Inflow();
  const host = where.hostname.replace(/^\[|\]$/g, '');
  const port = Number(where.port) || (where.protocol === 'https:' ? 443 : 80);
  const options = { host, port, onread: inflow.onread };
  // Both are sockets: only these are connected to.
  const socket = (connect === null ? createConnection(options) : await connect(options)) as Socket;
  return inflow.ask(socket, requestText(where, headers), { signal, silentMs });
}

function requestText({ pathname, search, host }: URL, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host, connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`);
  const bad = lines.find((line) => /[^\t\x20-\x7e]/.test(line));
  if (bad !== undefined) throw new TypeError(`no header of a request: ${bad.split(':')[0] ?? ''}`);
  return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly length: number;
}

class Inflow implements DownloadBody {
  readonly onread: OnReadOpts;
  #socket: Socket | undefined;
  /** What came of the head; undefined: the body is being received. */
  #begun: Buffer | undefined = Buffer.alloc(0);
  #left = 0;
  #filling = Buffer.allocUnsafeSlow(PART_BYTES + SLACK_BYTES);
  #other = Buffer.allocUnsafeSlow(PART_BYTES + SLACK_BYTES);
  #used = 0;
  #fault: Error | undefined;
  #wake: (() => void) | undefined;
  #head: Head | undefined;

  constructor() {
    this.onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      // What is said is whether more may come.
      callback: (count, buffer) => this.#received(Buffer.from(buffer.buffer, buffer.byteOffset, count)),
    };
  }

  async ask(socket: Socket, text: string, { signal, silentMs }: Pick<InflowOptions, 'signal' | 'silentMs'>): Promise<Download> {
    this.#socket = socket;
    if (signal.aborted) this.destroy();
    signal.throwIfAborted();
    const onAbort = (): void => this.destroy(new Error('the agent ends'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => this.#fail(error));
    socket.once('end', () => this.#fail(new Error('the connection ended early')));
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      this.#fail(new Error('the connection ended early'));
    });
    socket.setTimeout(silentMs, () => {
      if (this.#wake !== undefined) this.destroy(new Error(`nothing came for ${silentMs / 1000} s`));
    });
    socket.write(text);
    while (this.#head === undefined) await this.#more();
    const { status, headers } = this.#head;
    return { status, headers, body: this };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        if (this.#used > 0) yield this.#taken();
        else if (this.#left === 0) return;
        else await this.#more();
      }
    } finally {
      this.#socket?.destroy();
    }
  }

  destroy(error?: Error): void {
    this.#fail(error ?? new Error('the download was given up'));
    this.#socket?.destroy();
  }

  /** What came; more is received beside it, into the other one. */
  #taken(): Buffer {
    const bytes = this.#filling.subarray(0, this.#used);
    [this.#filling, this.#other] = [this.#other, this.#filling];
    this.#used = 0;
    this.#socket?.resume();
    return bytes;
  }

  /** Until something came; throws when nothing will. */
  async #more(): Promise<void> {
    this.#check();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#socket?.resume();
    await woken;
    this.#wake = undefined;
    // What came before it is handed on first.
    if (this.#used === 0) this.#check();
  }

  #check(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  #received(bytes: Buffer): boolean {
    try {
      if (this.#begun === undefined) this.#take(bytes);
      else this.#takeHead(Buffer.concat([this.#begun, bytes]));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    if (this.#begun === undefined) this.#wake?.();
    return this.#used < PART_BYTES && this.#fault === undefined;
  }

  #takeHead(bytes: Buffer): void {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      if (bytes.length > HEAD_MAX_BYTES) throw new Error(`the head of the answer has more than ${HEAD_MAX_BYTES} bytes`);
      this.#begun = bytes;
      return;
    }
    this.#head = headOf(bytes.toString('latin1', 0, end));
    this.#left = this.#head.length;
    this.#begun = undefined;
    this.#take(bytes.subarray(end + 4));
  }

  #take(bytes: Buffer): void {
    if (bytes.length > this.#left) throw new Error(`more came than the ${this.#head?.length ?? 0} bytes that were announced`);
    if (this.#used + bytes.length > this.#filling.length) throw new Error('more was received at once than there is room for');
    this.#used += bytes.copy(this.#filling, this.#used);
    this.#left -= bytes.length;
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#wake?.();
  }
}

function headOf(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const [, status] = /^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/.exec(first) ?? [];
  if (status === undefined) throw new NoInflow(`not an answer of HTTP/1.1: ${first.slice(0, 80)}`);
  const pairs = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(0, colon)).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const headers: IncomingHttpHeaders = Object.fromEntries(pairs.toReversed());
  const length = headers['content-length'];
  if (headers['transfer-encoding'] !== undefined || length === undefined || !/^\d{1,15}$/.test(length))
    throw new NoInflow('the answer does not say its length');
  return { status: Number(status), headers, length: Number(length) };
}
