// /api/events: the event log as pages of JSON, or as a stream of server-sent events that can be resumed.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { messageOf } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, Event } from '../schemas.ts';
import { comment, createEventReader, type EventFilter, type EventSink, eventBody, followEvents } from './event-follow.ts';
import { nodeOr404 } from './find.ts';

const query = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Begin behind this sequence number. Streams begin with what comes next, lists with 0.' }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Lists only.' }),
    node: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'UUID or name.' })),
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'One type, as node.moved.' })),
  },
  closed,
);
type Query = Static<typeof query>;

/** Told to browsers: how long to wait before they come back. */
const RETRY_MS = 2000;
const SEQUENCE = /^\d{1,15}$/;

class Stopping extends Error {
  override readonly name = 'Stopping';
}
class Gone extends Error {
  override readonly name = 'Gone';
}

export function eventsPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const { services, clock, metrics, limits } = deps;
  const read = createEventReader(services.events);
  const stopping = new AbortController();
  const open = new Set<Promise<void>>();

  async function filterOf({ node, type }: Query): Promise<EventFilter> {
    return {
      ...(node === undefined ? {} : { nodeUuid: (await nodeOr404(services.nodes, node)).uuid }),
      ...(type === undefined ? {} : { type }),
    };
  }

  /** Where the stream goes on: what the browser saw last, what was asked for, or now. */
  async function startOf(request: FastifyRequest<{ Querystring: Query }>): Promise<{ readonly after: number; readonly isReset: boolean }> {
    const last = await services.events.lastSeq();
    const wanted = lastEventId(request) ?? request.query.after;
    // A number that was never given out: the store was put back to an earlier state. Waiting for it to be reached would hide news.
    return wanted === undefined || wanted > last ? { after: last, isReset: wanted !== undefined } : { after: wanted, isReset: false };
  }

  async function stream(request: FastifyRequest<{ Querystring: Query }>, reply: FastifyReply): Promise<void> {
    if (open.size >= limits.sseClients) throw tooMany(limits.sseClients);
    const filter = await filterOf(request.query);
    const { after, isReset } = await startOf(request);
    if (open.size >= limits.sseClients) throw tooMany(limits.sseClients); // others came while we read
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, { ...headersOf(reply), 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.write(`retry: ${RETRY_MS}\n${comment(isReset ? `the log ends at ${after}: going on from there` : `from ${after}`)}`);
    const following = follow(response, { after, filter }, request).finally(() => {
      open.delete(following);
      metrics.streams.set(open.size);
    });
    open.add(following);
    metrics.streams.set(open.size);
  }

  async function follow(
    response: ServerResponse,
    from: { readonly after: number; readonly filter: EventFilter },
    request: FastifyRequest,
  ): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Gone()));
    const signal = AbortSignal.any([gone.signal, stopping.signal]);
    const farewell = await followEvents(
      { log: services.events, read, sink: sinkOf(response), clock, ...from, heartbeatMs: limits.heartbeatMs, slowMs: limits.slowReaderMs },
      signal,
    ).then(
      () => 'dropped: events came faster than they were read; come back with Last-Event-ID',
      (thrown: unknown) => farewellOf(signal.aborted ? signal.reason : thrown, request),
    );
    if (farewell === undefined) return;
    response.end(comment(farewell));
    if (!response.writableFinished)
      await Promise.race([once(response, 'close'), clock.sleep(limits.slowReaderMs, gone.signal).catch(() => undefined)]);
    response.destroy();
  }

  return async (app) => {
    app.addHook('preClose', async () => {
      stopping.abort(new Stopping());
      await Promise.all(open);
    });

    app.get(
      '/',
      {
        // HEAD would have to open a stream to say what its headers are.
        exposeHeadRoute: false,
        config: { access: 'reader' },
        schema: {
          operationId: 'listEvents',
          summary: 'The event log, oldest first; with Accept: text/event-stream a stream that resumes by Last-Event-ID',
          tags: ['events'],
          querystring: query,
          response: { 200: Type.Object({ events: Type.Array(Event.ref), lastSeq: Type.Integer({ minimum: 0 }) }) },
        },
      },
      async (request, reply) => {
        if (wantsStream(request)) {
          await stream(request, reply);
          return reply;
        }
        const { after = 0, limit } = request.query;
        const filter = await filterOf(request.query);
        const lastSeq = await services.events.lastSeq();
        return { events: (await services.events.list({ after, limit, ...filter })).map(eventBody), lastSeq };
      },
    );
  };
}

function wantsStream(request: Pick<FastifyRequest, 'headers'>): boolean {
  return (request.headers.accept ?? '').split(',').some((range) => range.split(';')[0]?.trim().toLowerCase() === 'text/event-stream');
}

function lastEventId(request: Pick<FastifyRequest, 'headers'>): number | undefined {
  const text = request.headers['last-event-id'];
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && SEQUENCE.test(text)) return Number(text);
  throw fail('api.bad_last_event_id', {
    message: 'the header Last-Event-ID is not a sequence number of the event log',
    hint: 'Send the id of the last event received, or leave the header out.',
  });
}

/** Undefined: the client has gone, there is nobody to say it to. */
function farewellOf(thrown: unknown, request: FastifyRequest): string | undefined {
  if (thrown instanceof Gone) return undefined;
  if (thrown instanceof Stopping) return 'the appliance is stopping; come back with Last-Event-ID';
  request.log.warn({ error: messageOf(thrown) }, 'event stream ended: the log could not be read');
  return 'the event log cannot be read now; come back with Last-Event-ID';
}

function sinkOf(response: ServerResponse): EventSink {
  return {
    write: (text) => response.write(text),
    drained: async (signal) => {
      await once(response, 'drain', { signal });
    },
  };
}

function headersOf(reply: FastifyReply): Record<string, string | number | string[]> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).filter((entry): entry is [string, string | number | string[]] => entry[1] !== undefined),
  );
}

function tooMany(limit: number): Error {
  return fail('api.too_many_streams', {
    message: `${limit} event streams are open already`,
    hint: 'Close one, or poll GET /api/events?after=.',
    detail: { retryAfterSeconds: 10 },
  });
}
