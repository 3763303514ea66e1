// The TFTP server's edge: requests in, one session with its own socket for each. Serves what `find` gives; no file system stands behind it.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import {
  type Clock,
  type Component,
  DecodeError,
  findPortOwner,
  hostInUrl,
  type Log,
  messageOf,
  systemCode,
  withoutMapping,
} from '../../lib/index.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { DATA_HEADER_BYTES, decode, encode, TFTP_ERROR, type TftpPacket } from './codec.ts';
import { fail } from './errors.ts';
import { fitsFrame, type NegotiationLimits, negotiate, type TransferPlan } from './negotiate.ts';
import { PageCache } from './pages.ts';
import type { SetSegmentSize } from './segment-size.ts';
import { SegmentSockets } from './segment-sockets.ts';
import { runSession, type SessionEnd, type TftpFile } from './session.ts';
import { TFTP_TIMING, type TransferTiming } from './transfer.ts';

export interface TftpPeer {
  readonly address: string;
  readonly port: number;
}

export interface TftpNote {
  readonly peer: TftpPeer;
  readonly fileName: string;
  /** sent, probed (the client wanted the size only), failed, refused. */
  readonly decision: string;
  readonly reason: string;
}

export interface TftpLimits extends NegotiationLimits {
  readonly maxTransfers: number;
  readonly maxTransfersPerAddress: number;
  /** For `find`: longer is a refusal. */
  readonly findMs: number;
  /** For one reading of a file: longer ends the transfer. */
  readonly readMs: number;
  /** Of files that name their content, kept for transfers that ask for the same. */
  readonly cacheBytes: number;
  /** Without a transfer for so long, what was kept for the next one is let go. */
  readonly idleMs: number;
  /** Refusals whose reason is noted, of all clients together: whoever can send one datagram can cause one, from any address. */
  readonly noteBurst: number;
  readonly notePerSecond: number;
}

export const TFTP_LIMITS: TftpLimits = {
  maxBlockSize: 65_464,
  maxWindowSize: 64,
  maxWindowBytes: 1 << 20,
  maxTransfers: 512,
  maxTransfersPerAddress: 16,
  findMs: 10_000,
  readMs: 30_000,
  cacheBytes: 32 << 20,
  idleMs: 60_000,
  noteBurst: 200,
  notePerSecond: 5,
};

/** Since the start; `transfers` is how many are under way. */
export interface TftpCounters {
  readonly requests: number;
  readonly refused: number;
  readonly transfers: number;
  readonly completed: number;
  /** Clients that wanted the size only. */
  readonly probed: number;
  readonly failed: number;
  readonly bytes: number;
  readonly retransmits: number;
  /** Refusals that were answered and counted, but not noted one by one. */
  readonly unnoted: number;
}

export interface TftpServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly find: (name: string, peer: TftpPeer) => Promise<TftpFile | { readonly refuse: string }>;
  readonly clock: Clock;
  readonly log: Log;
  readonly note: (note: TftpNote) => void;
  readonly limits?: Partial<TftpLimits>;
  readonly timing?: Partial<TransferTiming>;
  /** Without it, windows are sent block by block. */
  readonly setSegmentSize?: SetSegmentSize;
}

export interface TftpServer extends Component {
  /** Where it listens: the port that was chosen when 0 was asked for. */
  address(): { readonly host: string; readonly port: number };
  readonly transfers: number;
  counters(): TftpCounters;
}

export function createTftpServer(options: TftpServerOptions): TftpServer {
  return new Server(options);
}

type Request = Extract<TftpPacket, { op: 'read' | 'write' }>;

class Server implements TftpServer {
  readonly name = 'tftp';
  readonly #options: TftpServerOptions;
  readonly #limits: TftpLimits;
  readonly #stopping = new AbortController();
  /** By the client's address and port: a repeated request is the same transfer. */
  readonly #sessions = new Map<string, Promise<void>>();
  readonly #perAddress = new Map<string, number>();
  readonly #counters = { requests: 0, refused: 0, completed: 0, probed: 0, failed: 0, bytes: 0, retransmits: 0, unnoted: 0 };
  readonly #cache: PageCache;
  readonly #segments: SegmentSockets | null;
  readonly #refusalNotes: TokenBuckets<'all'>;
  #socket: Socket | undefined;
  #idle = new AbortController();

  constructor(options: TftpServerOptions) {
    const { clock, log, listen, setSegmentSize: setSize } = options;
    this.#options = options;
    this.#limits = { ...TFTP_LIMITS, ...options.limits };
    this.#cache = new PageCache(this.#limits.cacheBytes);
    this.#refusalNotes = new TokenBuckets({ burst: this.#limits.noteBurst, perSecond: this.#limits.notePerSecond, maxKeys: 1 });
    this.#segments = setSize === undefined ? null : new SegmentSockets({ open: () => bound(listen.host, 0), setSize, clock, log });
  }

  get transfers(): number {
    return this.#sessions.size;
  }

  counters(): TftpCounters {
    return { ...this.#counters, transfers: this.#sessions.size };
  }

  address(): { readonly host: string; readonly port: number } {
    const { host } = this.#options.listen;
    return { host, port: this.#socket?.address().port ?? this.#options.listen.port };
  }

  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    const socket = await bound(host, port);
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('error', (error) => this.#options.log.error({ host, port }, `TFTP socket: ${error.message}`));
    this.#socket = socket;
  }

  /** Ends the transfers under way (their clients are told) and closes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#sessions.values());
    this.#idle.abort();
    await this.#segments?.release();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const request = readRequest(datagram);
    if (request === undefined || this.#stopping.signal.aborted) return;
    const key = `${from.address}:${from.port}`;
    if (this.#sessions.has(key)) return; // repeated: our answer is on its way, or its timer will send it again
    this.#counters.requests += 1;
    const refusal = this.#refusal(request, from);
    if (refusal !== undefined) {
      this.#refuse(request, from, refusal.code, refusal.reason);
      return;
    }
    this.#count(from.address, 1);
    this.#idle.abort();
    const session = this.#serve(request, from).finally(() => {
      this.#sessions.delete(key);
      this.#count(from.address, -1);
      if (this.#sessions.size === 0) this.#letGoLater();
    });
    this.#sessions.set(key, session);
  }

  /** An appliance that boots nobody holds no pages and no sockets for it. */
  #letGoLater(): void {
    if (this.#stopping.signal.aborted) return;
    const idle = new AbortController();
    this.#idle = idle;
    this.#options.clock.sleep(this.#limits.idleMs, idle.signal).then(
      () => {
        this.#cache.clear();
        void this.#segments?.release();
      },
      () => undefined, // called off: there is a new transfer, or the server stops
    );
  }

  #refusal(request: Request, from: RemoteInfo): { code: number; reason: string } | undefined {
    if (request.op === 'write') return { code: TFTP_ERROR.accessViolation, reason: 'nothing can be written here' };
    if (request.mode !== 'octet')
      return { code: TFTP_ERROR.illegalOperation, reason: `mode ${request.mode} is not served: use octet (binary)` };
    if (this.#sessions.size >= this.#limits.maxTransfers)
      return { code: TFTP_ERROR.undefined, reason: 'busy: too many transfers, try again' };
    if ((this.#perAddress.get(from.address) ?? 0) < this.#limits.maxTransfersPerAddress) return undefined;
    return { code: TFTP_ERROR.undefined, reason: 'busy: too many transfers from your address, try again' };
  }

  #count(address: string, change: number): void {
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }

  /** Never rejects: nothing that one request causes may end the server. */
  async #serve(request: Request, peer: TftpPeer): Promise<void> {
    try {
      const found = await this.#find(request.fileName, { address: withoutMapping(peer.address), port: peer.port });
      if ('refuse' in found) this.#refuse(request, peer, TFTP_ERROR.notFound, found.refuse);
      else await this.#transfer(request, peer, found);
    } catch (thrown) {
      this.#options.log.error({ peer: peer.address, file: request.fileName, error: thrown }, `TFTP request failed: ${messageOf(thrown)}`);
      this.#refuse(request, peer, TFTP_ERROR.undefined, 'the server failed');
    }
  }

  async #find(name: string, peer: TftpPeer): Promise<TftpFile | { readonly refuse: string }> {
    const timer = new AbortController();
    const found = this.#options.find(name, peer);
    const late = this.#options.clock.sleep(this.#limits.findMs, timer.signal).then(
      () => 'late' as const,
      () => 'late' as const, // called off: the race is over
    );
    try {
      const first = await Promise.race([found, late]);
      if (first !== 'late') return first;
      // A file that comes after all is not leaked.
      found
        .then((file) => ('refuse' in file ? undefined : file.close()))
        .catch((thrown: unknown) => this.#options.log.warn({ file: name }, messageOf(thrown)));
      return { refuse: 'the file was not ready in time' };
    } finally {
      timer.abort();
    }
  }

  async #transfer(request: Request, peer: TftpPeer, file: TftpFile): Promise<void> {
    const { clock, timing } = this.#options;
    const plan = negotiate(request.options, file.size, this.#limits);
    const { socket, segments, done } = await closingOnFailure(file, () => this.#socketFor(plan, peer));
    try {
      const { readMs } = this.#limits;
      const more = { cache: this.#cache, log: this.#options.log, timing: { ...TFTP_TIMING, ...timing }, readMs };
      const session = runSession({ socket, segments, peer, file, plan, clock, ...more }, this.#stopping.signal);
      this.#noteEnd(request, peer, await session);
    } finally {
      done();
    }
  }

  /** One of the transfer's own; for windows, one whose sends are cut into blocks by the kernel, if there is one. */
  async #socketFor({ windowSize, blockSize }: TransferPlan, { address }: TftpPeer): Promise<Lent> {
    const bytes = blockSize + DATA_HEADER_BYTES;
    const pool = windowSize > 1 && fitsFrame(blockSize, address) ? this.#segments : null;
    const ready = pool?.take(bytes);
    if (pool !== null && ready !== undefined)
      return { socket: ready, segments: { refused: (reason) => pool.refuse(ready, reason) }, done: () => pool.giveBack(bytes, ready) };
    const socket = await bound(this.#options.listen.host, 0);
    return { socket, segments: null, done: () => void socket.close() };
  }

  #noteEnd({ fileName }: Request, peer: TftpPeer, end: SessionEnd): void {
    const decision = end.outcome;
    this.#counters[decision === 'sent' ? 'completed' : decision] += 1;
    this.#counters.bytes += end.bytes;
    this.#counters.retransmits += end.retransmits;
    const again = end.retransmits === 0 ? '' : `, ${end.retransmits} packets sent again`;
    const reason = decision === 'sent' ? `${end.bytes} bytes${again}` : end.reason;
    this.#options.note({ peer: { address: withoutMapping(peer.address), port: peer.port }, fileName, decision, reason });
  }

  #refuse({ fileName }: Request, peer: TftpPeer, code: number, reason: string): void {
    this.#counters.refused += 1;
    this.#socket?.send(encode({ op: 'error', code, message: reason }), peer.port, peer.address, (error) => {
      if (error !== null) this.#options.log.warn({ peer: peer.address }, `TFTP refusal not sent: ${error.message}`);
    });
    this.#noteRefusal({ peer: { address: withoutMapping(peer.address), port: peer.port }, fileName, decision: 'refused', reason });
  }

  #noteRefusal(note: TftpNote): void {
    const admission = this.#refusalNotes.take('all', this.#options.clock.monotonic());
    if (admission === 'admitted') {
      this.#options.note(note);
      return;
    }
    this.#counters.unnoted += 1;
    if (admission === 'first-refused')
      this.#options.log.warn({ perSecond: this.#limits.notePerSecond }, 'TFTP: too many refusals: their reasons are counted, not kept');
  }
}

interface Lent {
  readonly socket: Socket;
  readonly segments: { readonly refused: (reason: string) => Promise<void> } | null;
  readonly done: () => void;
}

/** Only requests come to the well-known port; everything else there is a stray or malformed datagram, and is not answered. */
function readRequest(datagram: Buffer): Request | undefined {
  try {
    const packet = decode(datagram);
    return packet.op === 'read' || packet.op === 'write' ? packet : undefined;
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined;
    throw thrown;
  }
}

async function closingOnFailure<T>(file: TftpFile, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function bound(host: string, port: number): Promise<Socket> {
  // Addresses are always numbers here: no resolver, no detour through the thread pool for each datagram.
  // A udp6 socket on :: hears IPv4 too, from ::ffff:a.b.c.d, and answers there.
  const family = isIPv6(host) ? 6 : 4;
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: (name, _options, done) => done(null, name, family) });
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      socket.close();
      void socketError(host, port, cause).then(reject);
    };
    socket.once('error', refuse);
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}

async function socketError(host: string, port: number, cause: Error): Promise<Error> {
  const where = `UDP ${hostInUrl(host)}:${port}`;
  const code = systemCode(cause);
  const detail = { host, port, code };
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Run as root, give the program CAP_NET_BIND_SERVICE, or set [tftp] listen to a port above 1023.';
    return fail('tftp.port_denied', { message: `No permission to open ${where} for TFTP.`, hint, detail, cause });
  }
  if (code === 'EADDRINUSE') {
    const owner = await findPortOwner('udp', port);
    const who = owner === undefined ? 'another program' : `${owner.command} (process ${owner.pid})`;
    const stop = `Stop ${owner === undefined ? 'that program' : owner.command}, or set [tftp] listen to another address or port.`;
    const hint = `${stop} \`ss -ulpn 'sport = :${port}'\` shows who listens.`;
    return fail('tftp.port_in_use', { message: `${where} is already in use by ${who}.`, hint, detail: { ...detail, ...owner }, cause });
  }
  if (code === 'EADDRNOTAVAIL') {
    const hint = 'List the addresses with: ip -br addr. Then correct [tftp] listen.';
    return fail('tftp.no_address', { message: `${host} is no address of this machine.`, hint, detail, cause });
  }
  return fail('tftp.socket', {
    message: `${where} could not be opened for TFTP: ${cause.message}.`,
    hint: 'The system refused the socket; its error name says why.',
    detail,
    cause,
  });
}
