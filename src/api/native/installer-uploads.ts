// /api/installers/uploads: large files in parts, each appended where the last one ended, so that a broken connection costs one part at most.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { ISO_MAX_BYTES, PART_MAX_BYTES, type Upload } from '../../install/index.ts';
import type { RouteDeps } from '../build.ts';
import { closed, idPath } from '../schemas.ts';
import { installersOf, invalid, read, sha256, tags, write } from './installers.ts';

/** As the resumable uploads of tus 1.0 call it. */
const PART_TYPE = 'application/offset+octet-stream';

const uploadBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255, description: 'Of the file, for people.' }),
    bytes: Type.Integer({ minimum: 1, maximum: ISO_MAX_BYTES }),
    sha256: Type.Optional(sha256),
  },
  closed,
);
const uploadReply = Type.Object({
  id: Type.String(),
  name: Type.String(),
  bytes: Type.Integer(),
  offset: Type.Integer({ description: 'How many bytes are there; the header Upload-Offset says it too.' }),
  partMaxBytes: Type.Integer({ description: 'Of one request.' }),
});

/** Below /api/installers/uploads. */
export function installerUploadsPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    await app.register(appending(services));
    app.post(
      '/',
      {
        config: write,
        schema: {
          operationId: 'createUpload',
          summary: 'Begin an upload; its bytes come with PATCH',
          tags,
          body: uploadBody,
          response: { 201: uploadReply },
        },
      },
      async (request, reply) => {
        const { name, bytes, sha256: wanted = null } = request.body;
        const upload = await installersOf(services).uploads.create({ name, bytes, sha256: wanted });
        return told(reply.code(201).header('location', `/api/installers/uploads/${upload.id}`), upload);
      },
    );
    app.get(
      '/:id',
      {
        config: read,
        schema: {
          operationId: 'getUpload',
          summary: 'How much of it is there; HEAD tells it by the header Upload-Offset alone',
          tags,
          params: idPath,
          response: { 200: uploadReply },
        },
      },
      async (request, reply) =>
        told(reply.header('cache-control', 'no-store'), await installersOf(services).uploads.get(request.params.id)),
    );
    app.delete(
      '/:id',
      {
        config: write,
        schema: { operationId: 'removeUpload', summary: 'Give it up', tags, params: idPath, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        await installersOf(services).uploads.remove(request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}

function appending(services: RouteDeps['services']): FastifyPluginAsyncTypebox {
  return async (app) => {
    takeStreams(app);
    app.patch(
      '/:id',
      {
        config: write,
        schema: {
          operationId: 'appendUpload',
          summary: `The next bytes, as ${PART_TYPE}: they begin at the header Upload-Offset, which must be where the upload ends (else 409 says where)`,
          tags,
          params: idPath,
          response: { 200: uploadReply },
        },
      },
      async (request, reply) => {
        const { uploads } = installersOf(services);
        try {
          const upload = await uploads.append(request.params.id, offsetOf(request.headers['upload-offset']), bodyOf(request.body));
          return await told(reply, upload);
        } catch (thrown) {
          // One that was removed, since it is another file than it should be, has no place to go on at: what was thrown says why.
          const upload = await uploads.get(request.params.id).catch(() => undefined);
          if (upload !== undefined) void reply.header('upload-offset', upload.offset);
          throw thrown;
        }
      },
    );
  };
}

/** Parts are handed on as they come; how many bytes they may have is counted where they are written. */
function takeStreams(app: FastifyInstance): void {
  app.addContentTypeParser(PART_TYPE, (_request, payload, done) => done(null, payload));
}

function told(reply: FastifyReply, { id, name, bytes, offset }: Upload) {
  void reply.header('upload-offset', offset);
  return reply.send({ id, name, bytes, offset, partMaxBytes: PART_MAX_BYTES });
}

function offsetOf(header: string | string[] | undefined): number {
  const offset = Number(header);
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return offset;
  throw invalid('the header Upload-Offset must say at which byte the part begins');
}

function bodyOf(body: unknown): AsyncIterable<Uint8Array> {
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body) return body as AsyncIterable<Uint8Array>; // the request itself, see takeStreams
  throw invalid(`the content type of a part is ${PART_TYPE}`);
}
