// Bytes that machines fetch: so many streams at once, for one node and in all, and none that nobody reads. Knows nothing of what is sent.

import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../lib/index.ts';
import { fail } from '../errors.ts';

export interface AgentStreamLimits {
  readonly perNode: number;
  readonly inAll: number;
  /** For the one that is turned away: what there are so many of. */
  readonly what: string;
  /** The whole of one stream; without it only the machine's silence ends it. */
  readonly totalMs?: number;
}

export interface AgentStreams {
  /** Throws api.rate_limited at a cap. `read` is called when there is a place, and somebody is still there. */
  send(reply: FastifyReply, node: string, read: () => Iterable<Buffer> | AsyncIterable<Buffer>): FastifyReply;
}

/** Seen block by block: a MiB of an image in a minute is 17 kB/s; a machine that is slower goes on by a range. */
const IDLE_MS = 60_000;
const RETRY_SECONDS = 30;

export function createAgentStreams(limits: AgentStreamLimits, clock: Clock): AgentStreams {
  const open = new Map<string, number>();
  let inAll = 0;
  const count = (node: string, by: 1 | -1): void => {
    inAll += by;
    const mine = (open.get(node) ?? 0) + by;
    if (mine === 0) open.delete(node);
    else open.set(node, mine);
  };
  return {
    send: (reply, node, read) => {
      const { raw } = reply;
      // It went while its token was looked at: a 'close' that has been would never free its place.
      if (raw.destroyed) return reply.send();
      const mine = open.get(node) ?? 0;
      if (mine >= limits.perNode) throw tooMany(`${mine} ${limits.what} of this machine are open already`);
      if (inAll >= limits.inAll) throw tooMany(`${inAll} ${limits.what} are open already`);
      count(node, 1);
      const gone = new AbortController();
      // After the last byte as after a broken connection, and once.
      raw.once('close', () => {
        count(node, -1);
        gone.abort();
      });
      const taking = { since: clock.monotonic() };
      void endIdle({ reply, node, clock, taking, totalMs: limits.totalMs ?? Number.POSITIVE_INFINITY }, gone.signal);
      return reply.send(Readable.from(watched(read(), clock, taking), { objectMode: false }));
    },
  };
}

/** Since when the machine is waited for; undefined: it waits for us. */
interface Taking {
  since: number | undefined;
}

interface Watched {
  readonly reply: FastifyReply;
  readonly node: string;
  readonly clock: Clock;
  readonly taking: Taking;
  readonly totalMs: number;
}

async function endIdle({ reply, node, clock, taking, totalMs }: Watched, signal: AbortSignal): Promise<void> {
  const begun = clock.monotonic();
  for (;;) {
    const now = clock.monotonic();
    const idleLeft = (taking.since ?? now) + IDLE_MS - now;
    const left = Math.min(idleLeft, begun + totalMs - now);
    if (left <= 0) {
      const why = idleLeft <= 0 ? `the machine took nothing for ${IDLE_MS / 1000} s` : `it was not over after ${totalMs / 1000} s`;
      reply.log.warn({ node }, `a stream to an agent is broken off: ${why}`);
      // The connection, not only what feeds it: all of that may have been read already.
      reply.raw.destroy();
      return;
    }
    try {
      await clock.sleep(left, signal);
    } catch {
      return; // aborted, the only way a sleep fails: the stream is over
    }
  }
}

async function* watched(source: Iterable<Buffer> | AsyncIterable<Buffer>, clock: Clock, taking: Taking): AsyncGenerator<Buffer> {
  taking.since = undefined;
  for await (const chunk of source) {
    taking.since = clock.monotonic();
    yield chunk;
    taking.since = undefined;
  }
  taking.since = clock.monotonic();
}

function tooMany(message: string): Error {
  return fail('api.rate_limited', { message, hint: `Try again in ${RETRY_SECONDS} s.`, detail: { retryAfterSeconds: RETRY_SECONDS } });
}
