// /api/installers: ISOs that machines are installed with. How large files come here is in installer-uploads.ts.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { Installer } from '../../install/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, idPath, instant, nullable } from '../schemas.ts';
import type { InstallerService } from '../services.ts';

export const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the ISO.' });
const label = Type.String({ minLength: 1, maxLength: 64, description: 'What it is called; by default by product and release.' });

const file = Type.Object({ bytes: Type.Integer(), sha256: Type.String() });
const installerReply = Type.Object({
  id: Type.String({ description: 'SHA-256 of the ISO.' }),
  name: Type.String(),
  product: Type.String({ description: 'pve, pbs, pmg or pdm.' }),
  title: Type.String(),
  release: Type.String(),
  isoRelease: Type.String(),
  iso: file,
  kernel: file,
  initrd: file,
  carrier: nullable(
    Type.String({
      description: 'How the mode file gets into it: overlay, as it is sent; remaster, in a copy. Null: in neither way, see problem.',
    }),
  ),
  problem: nullable(Type.String()),
  addedAt: instant,
});
const importBody = Type.Object(
  {
    path: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'A file on the appliance.' })),
    upload: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'The id of an upload that is complete.' })),
    url: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'http:// or https://; sha256 must be given.' })),
    sha256: Type.Optional(sha256),
    name: Type.Optional(label),
  },
  { ...closed, description: 'One of path, upload and url.' },
);
const taskReply = Type.Object({ taskId: Type.String() });
export const tags = ['installers'];
export const read = { access: 'reader' } as const;
export const write = { access: 'operator' } as const;

export function installersPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    await app.register(changes(services));
    app.get(
      '/',
      {
        config: read,
        schema: {
          operationId: 'listInstallers',
          summary: 'Installers, by product, the newest first',
          tags,
          response: { 200: Type.Object({ installers: Type.Array(installerReply) }) },
        },
      },
      async () => ({ installers: (await installersOf(services).list()).map(installerBody) }),
    );
    app.get(
      '/:id',
      {
        config: read,
        schema: {
          operationId: 'getInstaller',
          summary: 'One, by name, id or the beginning of its id',
          tags,
          params: idPath,
          response: { 200: installerReply },
        },
      },
      async (request) => installerBody(await installersOf(services).find(request.params.id)),
    );
    app.get(
      '/imports/:id',
      {
        config: read,
        schema: {
          operationId: 'getImportedInstaller',
          summary: 'What came of an import, by the id of its task',
          tags,
          params: idPath,
          response: { 200: installerReply },
        },
      },
      async (request) => installerBody(await installersOf(services).find(await importedBy(services, request.params.id))),
    );
  };
}

function changes(services: RouteDeps['services']): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/',
      {
        config: write,
        schema: {
          operationId: 'importInstaller',
          summary: 'Import an ISO: from a file of the appliance, an upload, or a URL',
          tags,
          body: importBody,
          response: { 202: taskReply },
        },
      },
      async (request, reply) => {
        const { name = null, sha256: wanted = null } = request.body;
        const taskId = await installersOf(services).import({ source: sourceOf(request.body), sha256: wanted, name });
        return reply.code(202).send({ taskId });
      },
    );
    app.post(
      '/:id/verify',
      {
        config: write,
        schema: {
          operationId: 'verifyInstaller',
          summary: 'Read all its files and compare them with what they were; what has changed is not used any more',
          tags,
          params: idPath,
          response: { 202: taskReply },
        },
      },
      async (request, reply) => reply.code(202).send({ taskId: await installersOf(services).verify(request.params.id) }),
    );
    app.delete(
      '/:id',
      {
        config: write,
        schema: {
          operationId: 'removeInstaller',
          summary: 'Remove it, unless a machine is being installed with it',
          tags,
          params: idPath,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await installersOf(services).remove(request.params.id);
        return reply.code(204).send(null);
      },
    );
  };
}

/** The id of the installer. */
async function importedBy({ tasks }: RouteDeps['services'], id: string): Promise<string> {
  const task = await tasks.get(id);
  const { result } = task ?? {};
  if (typeof result === 'object' && result !== null && 'id' in result && typeof result.id === 'string') return result.id;
  const message = task === undefined ? `there is no task ${JSON.stringify(id)}` : `task ${id} has imported nothing (it is ${task.state})`;
  throw fail('api.not_found', { message, hint: 'GET /api/tasks/{id} says how far it is.' });
}

export function installersOf({ installers }: Pick<RouteDeps['services'], 'installers'>): InstallerService {
  if (installers !== undefined) return installers;
  throw fail('api.not_found', { message: 'this appliance keeps no installers', hint: 'It was built without them.' });
}

function installerBody({ iso, kernel, initrd, addedAt, ...rest }: Installer) {
  const bare = ({ bytes, sha256: hash }: Installer['iso']) => ({ bytes, sha256: hash });
  return { ...rest, iso: bare(iso), kernel: bare(kernel), initrd: bare(initrd), addedAt: isoTime(addedAt) };
}

function sourceOf({ path, upload, url }: Static<typeof importBody>): { path: string } | { upload: string } | { url: string } {
  const given = [path === undefined ? [] : [{ path }], upload === undefined ? [] : [{ upload }], url === undefined ? [] : [{ url }]].flat();
  const [source] = given;
  if (source !== undefined && given.length === 1) return source;
  throw invalid(`${given.length} of path, upload and url are given, and one is wanted`);
}

export function invalid(message: string): Error {
  return fail('api.validation', { message, hint: 'GET /api/openapi.json describes the request.' });
}
