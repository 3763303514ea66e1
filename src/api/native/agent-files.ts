// /api/agent: what a machine that is being deployed fetches, and what its new system tells once. Who may is decided by the agent's token,
// which is of one node, and by the one-time token that the config drive carries.

import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { dataBytes } from '../../install/index.ts';
import { bearerToken } from '../access.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { createRateLimiter } from '../rate-limit.ts';
import { type AgentStreams, createAgentStreams } from './agent-streams.ts';
import { oneRange } from './range-decide.ts';
import { baseOf } from './request-base.ts';

const MAX_ADDRESSES = 4096;
const REPORT_BYTES = 32 * 1024;
/** An agent reads one at a time; what broke off may not have been noticed here when it comes again. */
const IMAGE_STREAMS = { perNode: 4, inAll: 64, what: 'downloads of images' } as const;

const ReportSchema = Type.Object(
  {
    hostname: Type.String({ maxLength: 253 }),
    /** `ssh-ed25519 AAAA…`, as sshd keeps them. */
    hostKeys: Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 16 }),
  },
  { additionalProperties: false },
);

/** Of a raw image much may be zero: `map` says where it is not, `data` are those parts, one after the other. Without it: the whole file. */
const ImageQuery = Type.Object(
  { part: Type.Optional(Type.Union([Type.Literal('map'), Type.Literal('data')])) },
  { additionalProperties: false },
);

export function agentFilesPlugin({ services, clock, limits, publicUrl, hasTls }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['agent'];
  const config = { access: 'agent' } as const;
  const { deployments } = services;
  const limiter = createRateLimiter({ burst: limits.agentBurst, perSecond: limits.agentPerSecond, maxAddresses: MAX_ADDRESSES }, clock);
  const streams = createAgentStreams(IMAGE_STREAMS, clock);
  const nodeOf = async (request: FastifyRequest): Promise<string> => {
    const uuid = await services.inspect.nodeOfToken(tokenOf(request));
    if (uuid !== null) return uuid;
    throw fail('api.not_found', { message: 'nothing is kept for a machine that is no node yet' });
  };
  return async (app) => {
    app.addHook('onRequest', async (request) => {
      const retryAfterSeconds = limiter.take(request.ip);
      if (retryAfterSeconds === undefined) return;
      throw fail('api.rate_limited', {
        message: `too many requests from ${request.ip}`,
        hint: `Try again in ${retryAfterSeconds} s.`,
        detail: { retryAfterSeconds },
      });
    });

    app.get(
      '/configdrive',
      // A HEAD would make a token for the first boot, and the one before it void.
      {
        config,
        exposeHeadRoute: false,
        schema: { operationId: 'agentConfigDrive', summary: 'The config drive of the deployment that is under way', tags },
      },
      async (request, reply) => {
        const uuid = await nodeOf(request);
        const url = baseOf(request, { publicUrl, hasTls });
        const ended = new AbortController();
        request.raw.once('close', () => ended.abort());
        const bytes = await deployments.configDrive(uuid, url, ended.signal);
        return reply.type('application/octet-stream').header('cache-control', 'no-store').send(bytes);
      },
    );

    app.get(
      '/image',
      {
        config,
        schema: {
          operationId: 'agentImage',
          summary: 'The image file of the deployment that is under way; takes ranges',
          tags,
          querystring: ImageQuery,
        },
      },
      async (request, reply) => {
        const uuid = await nodeOf(request);
        const file = await deployments.image(uuid);
        const { part } = request.query;
        const sending = { streams, uuid, request, reply };
        if (part === undefined) return sendBytes(sending, { ...file, read: (start, end) => deployments.readImage(file, start, end) });
        const map = await deployments.mapOfImage(file);
        if (map === null)
          throw fail('api.not_found', {
            message: 'of this image it is not known which parts are zero, or too few are',
            hint: 'Fetch the whole file.',
          });
        const tag = `${file.tag}-data`;
        if (part === 'map') return reply.header('cache-control', 'no-store').send({ tag, ...map });
        return sendBytes(sending, { tag, bytes: dataBytes(map), read: (start, end) => deployments.readImageData(file, map, start, end) });
      },
    );

    app.post(
      '/first-boot',
      {
        config,
        bodyLimit: REPORT_BYTES,
        schema: { operationId: 'agentFirstBoot', summary: 'A deployed system runs: its SSH host keys', tags, body: ReportSchema },
      },
      async (request, reply) => {
        await deployments.reported(tokenOf(request), request.body, request.ip);
        return reply.code(204).send();
      },
    );
  };
}

interface Sending {
  readonly streams: AgentStreams;
  readonly uuid: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

interface Sent {
  readonly tag: string;
  readonly bytes: number;
  readonly read: (start: number, end: number) => AsyncIterable<Buffer>;
}

function sendBytes({ streams, uuid, request, reply }: Sending, { tag, bytes, read }: Sent): FastifyReply {
  const etag = `"${tag}"`;
  reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': 'no-store', 'content-type': 'application/octet-stream' });
  const { range, 'if-range': ifRange, 'if-match': ifMatch } = request.headers;
  if (ifMatch !== undefined && ifMatch !== etag) return reply.code(412).send();
  const wanted = ifRange !== undefined && ifRange !== etag ? 'all' : oneRange(range, bytes);
  if (wanted === 'none') return reply.code(416).header('content-range', `bytes */${bytes}`).send();
  const { start, end } = wanted === 'all' ? { start: 0, end: bytes - 1 } : wanted;
  if (wanted !== 'all') reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes}`);
  reply.header('content-length', String(end - start + 1));
  // Nobody wants its bytes for a HEAD, and without a body its length would be told as 0.
  if (request.method === 'HEAD') return reply.send(Readable.from([]));
  return streams.send(reply, uuid, () => read(start, end));
}

function tokenOf(request: FastifyRequest): string {
  const token = bearerToken(request);
  if (token !== undefined) return token;
  throw fail('api.unauthenticated', { message: 'the request has no token', hint: 'Send it as Authorization: Bearer …' });
}
