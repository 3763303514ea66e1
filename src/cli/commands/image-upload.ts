// A large file on its way to the appliance, in parts: what broke off goes on where it ended. Knows nothing of what is in it.

import { open } from 'node:fs/promises';
import { messageOf, RackseedError } from '../../lib/index.ts';
import type { Client } from '../client.ts';
import { asRecord, type CliContext } from '../context.ts';
import { fail } from '../errors.ts';
import type { ProgressLine } from './progress.ts';

export interface UploadOrder {
  readonly path: string;
  /** For people. */
  readonly name: string;
  readonly sha256: string | undefined;
  /** An earlier upload, to go on with. */
  readonly id: string | undefined;
}

const UPLOADS = '/api/installers/uploads';
const MIB = 2 ** 20;
const FIRST_PART_BYTES = 4 * MIB;
/** A part is to take about so long: far less than any proxy or server allows. */
const PART_MS = 3000;
const RETRIES_MAX = 10;
const RETRY_MS = 1000;

/** The id of the upload, when all of it is there. */
export async function upload(client: Client, context: CliContext, order: UploadOrder, line: ProgressLine): Promise<string> {
  const handle = await open(order.path, 'r').catch((thrown: unknown) => {
    throw fail('cli.bad_file', { message: `${order.path}: ${messageOf(thrown)}`, hint: 'Give the path of an ISO.', cause: thrown });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size === 0)
      throw fail('cli.bad_file', { message: `${order.path} is ${stats.isFile() ? 'empty' : 'no file'}`, hint: 'Give the path of an ISO.' });
    const begun = await begin(client, order, stats.size);
    context.err(`Uploading ${order.path}; after a break it goes on with: --resume ${begun.id}\n`);
    await send(client, context, { ...begun, name: order.name, line, read: (into, at) => handle.read(into, 0, into.length, at) });
    return begun.id;
  } finally {
    line.clear();
    await handle.close();
  }
}

interface Begun {
  readonly id: string;
  readonly offset: number;
  readonly bytes: number;
  readonly partMaxBytes: number;
}

async function begin(client: Client, { id, name, sha256 }: UploadOrder, bytes: number): Promise<Begun> {
  const known = id === undefined ? undefined : begunOf(await client.get(`${UPLOADS}/${encodeURIComponent(id)}`));
  if (known === undefined) return begunOf(await client.send('POST', UPLOADS, { name, bytes, ...(sha256 === undefined ? {} : { sha256 }) }));
  if (known.bytes === bytes) return known;
  throw fail('cli.bad_file', {
    message: `the upload ${known.id} is of a file of ${known.bytes} bytes, and this one has ${bytes}`,
    hint: 'Begin anew without --resume.',
  });
}

interface Sending extends Begun {
  readonly name: string;
  readonly line: ProgressLine;
  readonly read: (into: Buffer, at: number) => Promise<{ readonly bytesRead: number }>;
}

async function send(
  client: Client,
  { clock, signal }: CliContext,
  { id, bytes, partMaxBytes, line, read, ...from }: Sending,
): Promise<void> {
  const place = `${UPLOADS}/${encodeURIComponent(id)}`;
  const began = clock.monotonic();
  let { offset } = from;
  let partBytes = FIRST_PART_BYTES;
  let failures = 0;
  while (offset < bytes) {
    const part = Buffer.alloc(Math.min(partBytes, partMaxBytes, bytes - offset));
    const { bytesRead } = await read(part, offset);
    if (bytesRead === 0)
      throw fail('cli.bad_file', { message: `${from.name} has become shorter`, hint: 'Begin anew with the whole file.' });
    const started = clock.monotonic();
    try {
      ({ offset } = begunOf(await client.append(place, offset, part.subarray(0, bytesRead))));
      failures = 0;
      partBytes = nextSize(partBytes, clock.monotonic() - started);
    } catch (thrown) {
      if (signal.aborted || !isPassing(thrown) || ++failures > RETRIES_MAX) throw thrown;
      partBytes = Math.max(MIB, Math.floor(partBytes / 2));
      line.show(offset / bytes, `broken off, trying again: ${messageOf(thrown)}`);
      await clock.sleep(RETRY_MS, signal);
      offset = await whereItEnds(client, place, offset);
    }
    line.show(offset / bytes, rateWords(offset - from.offset, clock.monotonic() - began, { offset, bytes }));
  }
}

/** Unreachable still: the next part finds out. */
async function whereItEnds(client: Client, place: string, otherwise: number): Promise<number> {
  try {
    return begunOf(await client.get(place)).offset;
  } catch (thrown) {
    if (isPassing(thrown)) return otherwise;
    throw thrown;
  }
}

/** Of the next part. */
export function nextSize(bytes: number, tookMs: number): number {
  const wanted = (bytes * PART_MS) / Math.max(1, tookMs);
  return Math.max(MIB, Math.floor(Math.min(wanted, bytes * 2)));
}

function isPassing(thrown: unknown): boolean {
  return thrown instanceof RackseedError && ['cli.no_appliance', 'cli.bad_answer', 'install.upload_offset'].includes(thrown.code);
}

function rateWords(sent: number, ms: number, { offset, bytes }: { readonly offset: number; readonly bytes: number }): string {
  const rate = ms > 0 ? (sent * 1000) / ms : 0;
  const left = rate > 0 ? `, ${Math.ceil((bytes - offset) / rate)} s left` : '';
  return `${Math.round(offset / MIB)} of ${Math.round(bytes / MIB)} MiB, ${(rate / MIB).toFixed(1)} MiB/s${left}`;
}

function begunOf(value: unknown): Begun {
  const { id, offset, bytes, partMaxBytes } = asRecord(value);
  if (typeof id === 'string' && typeof offset === 'number' && typeof bytes === 'number' && typeof partMaxBytes === 'number')
    return { id, offset, bytes, partMaxBytes };
  throw fail('cli.bad_answer', {
    message: 'the appliance did not say how far the upload is',
    hint: 'Is it of another age than this program?',
  });
}
