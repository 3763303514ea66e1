// Sends servables over HTTP: admission, chunks shared between all who want them, and an end for those who do not take them. Knows nothing
// of URLs.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Log } from '../../lib/index.ts';
import type { SendWatch } from '../installs.ts';
import { CHUNK_BYTES, type Chunk, type ChunkContent, createChunkPool } from './chunk-pool.ts';
import { createDownloads, type Download, type Progress } from './downloads.ts';
import { headerCase } from './header-case.ts';
import { type BodyPart, type ConditionHeaders, decideFileAnswer, type FileAnswer } from './http-decide.ts';
import type { ByteRange } from './range.ts';
import type { ByteSource, Servable } from './servable.ts';
import { shareSources } from './shared-sources.ts';

export interface SendLimits {
  /** Downloads at once, of all machines. */
  readonly maxOpen: number;
  /** Of one address. A boot loader opens one or two; a machine that opens more must not be able to take all. */
  readonly maxOpenPerPeer: number;
  /** How long one chunk (1 MiB) may take to leave: slower than 17 KiB/s for a minute, and the machine is taken for dead. */
  readonly chunkMs: number;
  /** Chunks in memory at most: a kernel and a RAM system with room to spare, so that a boot storm reads them once. */
  readonly maxChunks: number;
}

export const SEND_LIMITS: SendLimits = { maxOpen: 1024, maxOpenPerPeer: 64, chunkMs: 60_000, maxChunks: 96 };

const MAX_READS = 3;
const SWEEP_MS = 5000;
const ROWS = { maxRows: 2048, keepMs: 10 * 60_000 };

export interface SendCounters {
  /** Bytes of files handed to the network. */
  readonly bytes: number;
  readonly open: number;
  /** Turned away at a cap, with 503 and Retry-After. */
  readonly refused: number;
  /** Ended by us: took too little for too long. */
  readonly tooSlow: number;
  /** Ended by the other side before all was sent. */
  readonly aborted: number;
}

export interface SendOrder {
  readonly servable: Servable;
  /** Told of its bytes as they leave. */
  readonly watch?: SendWatch | undefined;
  readonly peer: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What became of it, in plain words; `refused` was not answered yet. */
export type SendResult =
  | { readonly outcome: 'answered' | 'part' | 'stopped'; readonly status: number; readonly bytes: number; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string; readonly retrySeconds: number };

export interface FileSender {
  /** Resolves when the answer has left or broken off; rejects, before any byte went out, when the file cannot be opened. */
  send(order: SendOrder): Promise<SendResult>;
  counters(): SendCounters;
  downloads(): Download[];
  /** Ends who is too slow and gives memory back, until aborted. */
  sweep(signal: AbortSignal): Promise<void>;
}

interface Live {
  readonly writer: BodyWriter;
  readonly progress: Progress;
  readonly watch: SendWatch | undefined;
  /** Monotonic; of the write under way. */
  writingSince: number | undefined;
  stopReason: string | undefined;
  bytes: number;
}

export function createFileSender(options: { readonly clock: Clock; readonly log: Log; readonly limits?: Partial<SendLimits> }): FileSender {
  const { clock, log } = options;
  const limits = { ...SEND_LIMITS, ...options.limits };
  const pool = createChunkPool({ maxChunks: limits.maxChunks, maxReads: MAX_READS });
  const sources = shareSources();
  const downloads = createDownloads(ROWS);
  const live = new Set<Live>();
  const openOf = new Map<string, number>();
  const counts = { bytes: 0, open: 0, refused: 0, tooSlow: 0, aborted: 0 };

  function admit(peer: string): Extract<SendResult, { outcome: 'refused' }> | undefined {
    const ofPeer = openOf.get(peer) ?? 0;
    const isFull = counts.open >= limits.maxOpen;
    if (!isFull && ofPeer < limits.maxOpenPerPeer) {
      openOf.set(peer, ofPeer + 1);
      counts.open += 1;
      return undefined;
    }
    counts.refused += 1;
    const reason = isFull ? `${counts.open} downloads run already` : `${peer} has ${ofPeer} downloads open already`;
    // iPXE waits as told and asks again (httpcore.c); different times, lest all come back at once.
    return { outcome: 'refused', reason, retrySeconds: 2 + (counts.refused % 7) };
  }

  function leave(peer: string): void {
    counts.open -= 1;
    const left = (openOf.get(peer) ?? 1) - 1;
    if (left === 0) openOf.delete(peer);
    else openOf.set(peer, left);
  }

  async function send(order: SendOrder): Promise<SendResult> {
    const { servable, peer, request, response } = order;
    const answer = decideFileAnswer(request.method ?? 'GET', conditionsOf(request), servable);
    if (!answer.body.some(isRange)) {
      response.writeHead(answer.status, headerCase(answer.headers));
      response.end(request.method === 'HEAD' ? undefined : answer.body.map((part) => ('text' in part ? part.text : '')).join(''));
      return { outcome: 'answered', status: answer.status, bytes: 0, reason: answer.reason };
    }
    const refusal = admit(peer);
    if (refusal !== undefined) return refusal;
    try {
      const source = await sources.open(servable);
      try {
        return await sendBody(order, answer, source);
      } finally {
        await source.close();
      }
    } finally {
      leave(peer);
    }
  }

  async function sendBody(
    { servable, watch, peer, request, response }: SendOrder,
    answer: FileAnswer,
    source: ByteSource,
  ): Promise<SendResult> {
    const isWhole = answer.status === 200;
    request.socket.setTimeout(0); // sweep() judges by bytes; the server sets its own again for the next request
    response.writeHead(answer.status, headerCase(answer.headers));
    const progress = downloads.begin({ peer, file: servable.name, total: servable.size, isWhole }, clock.now());
    const one: Live = {
      writer: createBodyWriter(request, response),
      progress,
      watch,
      writingSince: undefined,
      stopReason: undefined,
      bytes: 0,
    };
    live.add(one);
    let isComplete = false;
    try {
      isComplete = await sendParts(one, answer.body, { key: servable.etag, size: servable.size, source });
      if (isComplete) response.end();
    } catch (thrown) {
      one.stopReason = 'the file could not be read to its end';
      log.error({ file: servable.name, peer, error: thrown instanceof Error ? thrown.message : String(thrown) }, one.stopReason);
      one.writer.destroy(); // the promised length was not reached, which is how the machine sees it
    } finally {
      live.delete(one);
      one.writer.detach();
      progress.end(isComplete, clock.now());
      watch?.end(isComplete);
    }
    if (!isComplete && one.stopReason === undefined) counts.aborted += 1;
    const { status } = answer;
    if (isComplete) return { outcome: isWhole ? 'answered' : 'part', status, bytes: one.bytes, reason: answer.reason };
    return { outcome: 'stopped', status, bytes: one.bytes, reason: one.stopReason ?? 'the machine ended the download' };
  }

  /** False when the other side has gone. */
  async function sendParts(one: Live, parts: readonly BodyPart[], content: ChunkContent): Promise<boolean> {
    for (const part of parts) {
      const wasTaken = 'text' in part ? await write(one, Buffer.from(part.text)) : await sendRange(one, part, content);
      if (!wasTaken) return false;
    }
    return true;
  }

  /** While one chunk leaves, the next is fetched: the two hands of a single download. */
  async function sendRange(one: Live, { start, end }: ByteRange, content: ChunkContent): Promise<boolean> {
    const last = Math.floor(end / CHUNK_BYTES);
    let ahead: Promise<Chunk> | undefined;
    for (let index = Math.floor(start / CHUNK_BYTES); index <= last; index += 1) {
      const chunk = await (ahead ?? pool.take(content, index, one.writer.signal)).catch((thrown: unknown) => {
        if (one.writer.signal.aborted) return undefined; // gone while waiting for a buffer
        throw thrown;
      });
      if (chunk === undefined) return false;
      ahead = index < last ? pool.takeAhead(content, index + 1) : undefined;
      ahead?.catch(() => undefined); // told where it is awaited; this keeps a failure meanwhile from being unhandled
      const base = index * CHUNK_BYTES;
      const bytes = chunk.bytes.subarray(Math.max(0, start - base), Math.min(CHUNK_BYTES, end + 1 - base));
      const wasTaken = await write(one, bytes);
      chunk.release();
      if (wasTaken) continue;
      await ahead?.then((unwanted) => unwanted.release()).catch(() => undefined); // nobody wants it any more
      return false;
    }
    return true;
  }

  async function write(one: Live, bytes: Buffer): Promise<boolean> {
    one.writingSince = clock.monotonic();
    const wasTaken = await one.writer.write(bytes);
    one.writingSince = undefined;
    if (!wasTaken) return false;
    one.bytes += bytes.length;
    counts.bytes += bytes.length;
    one.progress.add(bytes.length, clock.now());
    one.watch?.add(bytes.length);
    return true;
  }

  function endTooSlow(): void {
    const now = clock.monotonic();
    for (const one of live) {
      if (one.stopReason !== undefined || one.writingSince === undefined || now - one.writingSince < limits.chunkMs) continue;
      counts.tooSlow += 1;
      one.stopReason = `the machine took less than 1 MiB in ${Math.round(limits.chunkMs / 1000)} s`;
      one.writer.destroy();
    }
  }

  return {
    send,
    counters: () => ({ ...counts }),
    downloads: () => downloads.list(clock.now()),
    async sweep(signal) {
      while (!signal.aborted) {
        try {
          await clock.sleep(SWEEP_MS, signal);
        } catch {
          return; // aborted: the only way a sleep fails
        }
        endTooSlow();
        if (live.size === 0) pool.trim();
      }
    },
  };
}

function conditionsOf({ headers }: IncomingMessage): ConditionHeaders {
  return {
    range: headers.range,
    'if-range': headers['if-range'],
    'if-match': headers['if-match'],
    'if-none-match': headers['if-none-match'],
  };
}

function isRange(part: BodyPart): part is ByteRange {
  return 'start' in part;
}

interface BodyWriter {
  /** Aborted when the other side has gone. */
  readonly signal: AbortSignal;
  /** True when the kernel has taken all of it, false when the other side has gone. Afterwards the buffer is ours again in both cases. */
  write(bytes: Buffer): Promise<boolean>;
  destroy(): void;
  detach(): void;
}

/** The callback of a write may never come when the connection breaks; the socket's 'close' always does, and after it nothing is written. */
function createBodyWriter({ socket }: IncomingMessage, response: ServerResponse): BodyWriter {
  const gone = new AbortController();
  let settle: ((wasTaken: boolean) => void) | undefined;
  const close = (): void => {
    gone.abort();
    settle?.(false);
  };
  if (socket.destroyed) gone.abort();
  else socket.once('close', close);
  response.on('error', () => undefined); // the socket's 'close' follows
  return {
    signal: gone.signal,
    write: (bytes) =>
      new Promise((resolve) => {
        if (gone.signal.aborted) return resolve(false);
        settle = resolve;
        response.write(bytes, (error) => {
          if (error === null || error === undefined) resolve(true); // otherwise the socket's 'close' follows
        });
      }),
    destroy: () => socket.destroy(),
    detach: () => socket.off('close', close),
  };
}
