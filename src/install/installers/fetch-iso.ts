// Fetches an ISO from a URL into a file, and goes on where it was cut off (RFC 9110 §13.1.5, §14.2). Whether it is the right one its SHA-256
// tells, later.

import { open, readFile } from 'node:fs/promises';
import { type Clock, messageOf, RackseedError, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { type Fetch, type Fetched, fetchFollowing, NotFetched } from '../guarded-fetch.ts';
import { asNoSpace, type FreeBytes, roomFor, sizeOf, writeAt, writeNew } from './disk-files.ts';
import { ISO_MAX_BYTES } from './uploads.ts';

export interface FetchIsoOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly free: FreeBytes;
}

export interface FetchOrder {
  readonly url: string;
  /** The file; beside it lies PATH.from with what it is a part of. */
  readonly path: string;
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Null: the server does not say. */
  readonly onBytes: (bytes: number, total: number | null) => void;
}

const SILENT_MS = 60_000;
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;

/** Why it can't be fetched from there; undefined: it can be tried. */
export function urlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'it is no URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `it begins with ${url.protocol}, and only http:// and https:// are fetched`;
  return undefined;
}

/** The name of its file, for names and messages; never with what comes after "?". */
export function nameInUrl(text: string): string {
  const url = new URL(text);
  return decodeSafely(url.pathname.split('/').at(-1) ?? '') || url.host;
}

/** Its bytes in all. Throws install.fetch_failed, which may be tried again; install.bad_installer_source, which may not. */
export async function fetchIso(options: FetchIsoOptions, order: FetchOrder): Promise<number> {
  const silence = new AbortController();
  const signal = AbortSignal.any([order.signal, silence.signal]);
  const seen = { at: options.clock.monotonic() };
  const over = new AbortController();
  const watching = watch(options.clock, seen, silence, over.signal);
  try {
    return await fetchParts(options, { ...order, signal }, seen);
  } catch (thrown) {
    order.signal.throwIfAborted();
    const fault = asNoSpace(thrown, order.directory, nameInUrl(order.url));
    if (fault instanceof RackseedError) throw fault;
    if (thrown instanceof NotFetched) throw refused(order.url, thrown.message, thrown.hint);
    throw failed(order.url, silence.signal.aborted ? `nothing came for ${SILENT_MS / 1000} s` : reasonOf(thrown), thrown);
  } finally {
    over.abort();
    await watching;
  }
}

async function fetchParts({ fetch, free, clock }: FetchIsoOptions, order: FetchOrder, seen: { at: number }): Promise<number> {
  const { path, url, signal } = order;
  const there = (await sizeOf(path)) ?? 0;
  const validator = there > 0 ? await validatorOf(path, url) : undefined;
  const headers = {
    'accept-encoding': 'identity',
    ...(validator === undefined ? {} : { range: `bytes=${there}-`, 'if-range': validator }),
  };
  const response = await fetchFollowing(fetch, url, { headers, signal });
  const { start, total } = placeOf(response, { url, there: validator === undefined ? 0 : there });
  const needsRoom = roomFor({ directory: order.directory, what: nameInUrl(url), bytes: total, free });
  await needsRoom(start);
  await writeNew(`${path}.from`, JSON.stringify({ url, validator: strongValidator(response) }));
  const handle = await open(path, start === 0 ? 'w' : 'r+');
  let at = start;
  try {
    let flushed = start;
    const chunks: AsyncIterable<Uint8Array> = response.body ?? nothing();
    for await (const chunk of chunks) {
      seen.at = clock.monotonic();
      if (at + chunk.length > (total ?? ISO_MAX_BYTES)) throw refused(url, `it has more than ${total ?? ISO_MAX_BYTES} bytes`);
      await needsRoom(at);
      await writeAt(handle, chunk, at);
      at += chunk.length;
      order.onBytes(at, total);
      if (at - flushed < FLUSH_EVERY_BYTES) continue;
      await handle.datasync();
      flushed = at;
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
  if (total !== null && at !== total) throw failed(url, `it broke off at byte ${at} of ${total}`);
  return at;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}

function placeOf(
  { status, headers }: Fetched,
  { url, there }: { readonly url: string; readonly there: number },
): { readonly start: number; readonly total: number | null } {
  if (status === 206) {
    const [, from, all] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(from) !== there || all === undefined) throw failed(url, 'the server sent another part than it was asked for');
    return { start: there, total: within(url, Number(all)) };
  }
  if (status !== 200) {
    const message = `the server answered with status ${status}`;
    // Of these another try can help; of others only another URL.
    throw status >= 500 || status === 408 || status === 416 || status === 429 ? failed(url, message) : refused(url, message);
  }
  const length = headers.get('content-length');
  return { start: 0, total: length === null ? null : within(url, Number(length)) };
}

function within(url: string, bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes > 0 && bytes <= ISO_MAX_BYTES) return bytes;
  throw refused(url, `it has ${bytes} bytes, and at most ${ISO_MAX_BYTES} are fetched`);
}

/** A weak one does not say that the bytes are the same (RFC 9110 §8.8.1). */
function strongValidator({ headers }: Fetched): string | null {
  const etag = headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified');
}

async function validatorOf(path: string, url: string): Promise<string | undefined> {
  try {
    const from: unknown = JSON.parse(await readFile(`${path}.from`, 'utf8'));
    if (typeof from !== 'object' || from === null || !('url' in from) || !('validator' in from) || from.url !== url) return undefined;
    return typeof from.validator === 'string' ? from.validator : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemCode(thrown) === 'ENOENT') return undefined; // then from the beginning
    throw thrown;
  }
}

async function watch(clock: Clock, seen: { readonly at: number }, silence: AbortController, signal: AbortSignal): Promise<void> {
  try {
    for (let left = SILENT_MS; left > 0; left = seen.at + SILENT_MS - clock.monotonic()) await clock.sleep(left, signal);
    silence.abort(new Error('silence'));
  } catch {
    return; // aborted, the only way a sleep fails: it is over
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error && thrown.cause !== undefined ? messageOf(thrown.cause) : messageOf(thrown);
}

function failed(url: string, why: string, cause?: unknown): RackseedError {
  return fail('install.fetch_failed', {
    message: `${shown(url)} could not be fetched: ${why}`,
    hint: 'It is tried again, from where it broke off. Look at whether the appliance reaches that server.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function refused(url: string, why: string, hint = 'Give the URL of the ISO itself.'): RackseedError {
  return fail('install.bad_installer_source', { message: `${shown(url)} is not fetched: ${why}`, hint });
}

/** Without what may be secret in it. */
export function shown(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`;
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // percent signs that are none
  }
}
