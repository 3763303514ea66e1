// The bytes at a URL, once and in order, over as many connections as the network needs: each takes up where the last broke off, and only
// of the same file (RFC 9110 §13.1.5 If-Range, §14 ranges). Knows neither what they are nor where they go.

import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, messageOf, RackseedError } from '../../../lib/index.ts';
import { fail } from '../../errors.ts';
import type { Download } from '../types.ts';

export type OpenUrl = (headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Download>;

export interface SourceParts {
  readonly open: OpenUrl;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** In words, for the log of the command. */
  readonly log: (line: string) => void;
  readonly limits?: Partial<SourceLimits>;
}

export interface SourceLimits {
  /** So long without a byte, over all tries, until it is given up: longer than an appliance or a switch takes to start. */
  readonly patienceMs: number;
  /** So long without a byte on a connection that seems to stand. */
  readonly idleMs: number;
  readonly pauseMs: number;
}

const LIMITS: SourceLimits = { patienceMs: 10 * 60_000, idleMs: 30_000, pauseMs: 2000 };
const MAX_REDIRECTS = 5;

export interface Source {
  /** Bytes at the URL; null: the server does not say. */
  readonly length: number | null;
  readonly takesRanges: boolean;
  /** Of which file it is; strong, or a time. */
  readonly validator: string | null;
  /** Once. */
  bytes(): AsyncGenerator<Buffer>;
  /** Some of them, beside the stream. */
  range(offset: number, length: number): Promise<Buffer>;
  /** Nobody asks any more. */
  close(): void;
}

interface First {
  readonly download: Download;
  readonly length: number | null;
  /** Strong: If-Range is not for weak ones. */
  readonly validator: string | null;
}

export async function openSource(parts: SourceParts): Promise<Source> {
  const limits = { ...LIMITS, ...parts.limits };
  const first = await begin(parts, limits);
  const takesRanges = first.download.headers['accept-ranges'] === 'bytes';
  const source = new Stream(parts, limits, first);
  return {
    length: first.length,
    takesRanges,
    validator: first.validator,
    bytes: () => source.bytes(),
    range: (offset, length) => source.range(offset, length),
    close: () => void first.download.body.destroy(),
  };
}

async function begin(parts: SourceParts, limits: SourceLimits): Promise<First> {
  const download = await persist(parts, limits, () => parts.open({ 'accept-encoding': 'identity' }, parts.signal));
  const { status, headers, body } = download;
  if (status !== 200) {
    body.destroy();
    throw fail('agent.image_failed', { message: `the server of the image answered HTTP ${status}`, hint: 'Look at its address.' });
  }
  const length = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  return { download, length, validator: validatorOf(headers) };
}

function validatorOf({ etag, 'last-modified': modified }: IncomingHttpHeaders): string | null {
  return etag !== undefined && !etag.startsWith('W/') ? etag : (modified ?? null);
}

/** A connection that can not be made may be made in a minute; an answer is an answer. */
async function persist(parts: SourceParts, limits: SourceLimits, open: () => Promise<Download>): Promise<Download> {
  const begun = parts.clock.monotonic();
  for (;;) {
    try {
      const download = await open();
      if (download.status < 500 && ![408, 425, 429].includes(download.status)) return download;
      download.body.destroy();
      throw new Error(`HTTP ${download.status}`);
    } catch (error) {
      parts.signal.throwIfAborted();
      if (error instanceof RackseedError && error.code === 'agent.image_failed') throw error;
      if (parts.clock.monotonic() - begun > limits.patienceMs)
        throw fail('agent.image_failed', { message: `the image can not be fetched: ${messageOf(error)}`, cause: error });
      parts.log(`the server of the image is not reached (${messageOf(error)}); trying again`);
      await parts.clock.sleep(limits.pauseMs, parts.signal);
    }
  }
}

class Stream {
  readonly #parts: SourceParts;
  readonly #limits: SourceLimits;
  readonly #first: First;

  constructor(parts: SourceParts, limits: SourceLimits, first: First) {
    this.#parts = parts;
    this.#limits = limits;
    this.#first = first;
  }

  async *bytes(): AsyncGenerator<Buffer> {
    const { clock, signal, log } = this.#parts;
    const { length } = this.#first;
    let at = 0;
    let lastByteAt = clock.monotonic();
    for (let download = this.#first.download; ; ) {
      try {
        for await (const chunk of this.#watched(download)) {
          at += chunk.length;
          yield chunk;
          lastByteAt = clock.monotonic();
        }
        if (length === null || at >= length) return;
        throw new Error('the connection ended early');
      } catch (error) {
        download.body.destroy();
        signal.throwIfAborted();
        if (length === null || clock.monotonic() - lastByteAt > this.#limits.patienceMs)
          throw fail('agent.image_failed', { message: `the image broke off after ${at} bytes: ${messageOf(error)}`, cause: error });
        log(`the image broke off after ${at} of ${length} bytes (${messageOf(error)}); going on from there`);
        await clock.sleep(this.#limits.pauseMs, signal);
        download = await this.#goOn(at);
      }
    }
  }

  async range(offset: number, length: number): Promise<Buffer> {
    const headers = { range: `bytes=${offset}-${offset + length - 1}`, ...this.#ifRange('if-match') };
    const download = await persist(this.#parts, this.#limits, () => this.#parts.open(headers, this.#parts.signal));
    if (download.status !== 206) {
      download.body.destroy();
      throw fail('agent.image_failed', { message: `the server of the image gives no parts of it (HTTP ${download.status})` });
    }
    const chunks: Buffer[] = [];
    for await (const chunk of this.#watched(download)) chunks.push(Buffer.from(chunk)); // see OpenOptions.isReused
    const bytes = Buffer.concat(chunks);
    if (bytes.length === length) return bytes;
    throw fail('agent.image_failed', { message: `the server gave ${bytes.length} bytes of the image where ${length} were asked for` });
  }

  async #goOn(at: number): Promise<Download> {
    const headers = { range: `bytes=${at}-`, 'accept-encoding': 'identity', ...this.#ifRange('if-range') };
    const download = await persist(this.#parts, this.#limits, () => this.#parts.open(headers, this.#parts.signal));
    const { status, headers: said, body } = download;
    if (status === 206 && startOf(said['content-range']) === at && !this.#isOther(said)) return download;
    if (status === 200 && !this.#isOther(said) && Number(said['content-length']) === this.#first.length)
      return { ...download, body: without(download, at) };
    body.destroy();
    const why = status === 200 || status === 206 ? 'it is another file now' : `HTTP ${status}`;
    throw fail('agent.image_failed', { message: `the image broke off after ${at} bytes and can not be gone on with: ${why}` });
  }

  #isOther(headers: IncomingHttpHeaders): boolean {
    const { validator } = this.#first;
    const now = validatorOf(headers);
    return validator !== null && now !== null && now !== validator;
  }

  #ifRange(name: 'if-range' | 'if-match'): Record<string, string> {
    const { validator } = this.#first;
    if (validator === null) return {};
    if (name === 'if-range') return { 'if-range': validator };
    return validator.startsWith('"') ? { 'if-match': validator } : { 'if-unmodified-since': validator };
  }

  async *#watched({ body }: Download): AsyncGenerator<Buffer> {
    const over = new AbortController();
    let count = 0;
    // While a chunk is being worked on nobody waits for the network: a slow disk is no broken connection.
    let isTaken = false;
    const watch = async (): Promise<void> => {
      for (let before = -1; before !== count || isTaken; ) {
        before = count;
        await this.#parts.clock.sleep(this.#limits.idleMs, over.signal);
      }
      body.destroy(new Error(`no byte for ${this.#limits.idleMs / 1000} s`));
    };
    const onAbort = (): void => void body.destroy(new Error('the agent ends'));
    this.#parts.signal.addEventListener('abort', onAbort, { once: true });
    watch().catch(() => undefined); // it is woken by the end of the stream
    try {
      for await (const chunk of body) {
        count += 1;
        isTaken = true;
        yield chunk;
        isTaken = false;
      }
    } finally {
      over.abort();
      this.#parts.signal.removeEventListener('abort', onAbort);
    }
  }
}

function startOf(contentRange: string | undefined): number | undefined {
  const [, start] = /^bytes (\d+)-/.exec(contentRange ?? '') ?? [];
  return start === undefined ? undefined : Number(start);
}

/** A server without ranges sends everything again: what was had is read past. */
function without({ body }: Download, count: number): Download['body'] {
  async function* rest(): AsyncGenerator<Buffer> {
    let left = count;
    for await (const chunk of body) {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      // Read past, and a sign of life for whoever watches.
      yield chunk.subarray(skipped);
    }
  }
  return { [Symbol.asyncIterator]: rest, destroy: (error) => body.destroy(error) };
}

/** Goes where a server leads, never from https to http. */
export function followRedirects(url: string, open: (where: string, ...rest: Parameters<OpenUrl>) => Promise<Download>): OpenUrl {
  return async (headers, signal) => {
    let where = new URL(url);
    for (let count = 0; count <= MAX_REDIRECTS; count += 1) {
      const download = await open(where.href, headers, signal);
      const { location } = download.headers;
      if (![301, 302, 303, 307, 308].includes(download.status) || location === undefined) return download;
      download.body.destroy();
      const next = new URL(location, where);
      if (where.protocol === 'https:' && next.protocol !== 'https:')
        throw fail('agent.image_failed', { message: `${where.origin} leads on to ${next.origin}, which is not protected by TLS` });
      where = next;
    }
    throw fail('agent.image_failed', { message: `${new URL(url).origin} leads on more than ${MAX_REDIRECTS} times` });
  };
}
