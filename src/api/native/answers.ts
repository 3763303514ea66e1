// Answers of Proxmox's installer to look at, the templates that they are made of, addresses that nodes were given, and passwords of root.
// Secrets are masked but for the one route that is there for them, which needs proof of who asks and is told to everybody who may see.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { AddressEntry, AnswerPreview } from '../../install/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { fail } from '../errors.ts';
import { closed, idPath, instant, nullable } from '../schemas.ts';
import type { AnswerService, ApiServices } from '../services.ts';
import { nodeOr404 } from './find.ts';

const text = Type.String();
const word = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 63, description }));

const fault = Type.Object({
  source: Type.String({ description: 'File or part of the configuration; empty: the answer as a whole.' }),
  line: nullable(Type.Integer()),
  key: text,
  message: text,
  fix: text,
  severity: Type.String({ description: 'error: the installer would refuse it. warning: it would not.' }),
});

const answerQuery = Type.Object(
  {
    profile: word('Instead of the profile of the node.'),
    release: word('Instead of that of the installer: 9.1.'),
    last: Type.Optional(Type.Boolean({ description: 'As it was agreed to for the last installation.' })),
  },
  closed,
);

const answerReply = Type.Object({
  profile: text,
  template: nullable(text),
  product: text,
  release: text,
  text: nullable(Type.String({ description: 'TOML; secrets are masked. Null: a fault is an error.' })),
  faults: Type.Array(fault),
  notes: Type.Array(text),
});

const templatesReply = Type.Object({
  templates: Type.Array(
    Type.Object({
      name: text,
      path: text,
      isOwn: Type.Boolean({ description: 'Of the operator, in DATA_DIR/answer-files.' }),
      description: text,
      extends: nullable(text),
      products: Type.Array(text),
      faults: Type.Array(fault),
    }),
  ),
});

const addressEntry = Type.Object({
  address: text,
  prefix: Type.Integer(),
  cluster: text,
  purpose: text,
  node: text,
  probedAt: nullable(instant),
  conflict: nullable(Type.String({ description: 'What was passed over for it.' })),
  givenAt: instant,
});

const passwordReply = Type.Object({ node: text, password: text });

export function answersPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/answer-templates',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listAnswerTemplates',
          summary: 'Answer templates: those that come along, and your own',
          tags: ['installers'],
          response: { 200: templatesReply },
        },
      },
      async () => {
        const templates = await answersOf(services).templates.list();
        return { templates: templates.map((one) => ({ ...one, products: [...one.products], faults: [...one.faults] })) };
      },
    );

    app.get(
      '/addresses',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listAddresses',
          summary: 'Addresses of clusters that nodes have for good',
          tags: ['clusters'],
          querystring: Type.Object({ cluster: word('Of this cluster.') }, closed),
          response: { 200: Type.Object({ addresses: Type.Array(addressEntry) }) },
        },
      },
      async ({ query: { cluster } }) => {
        const addresses = await answersOf(services).addresses.list(cluster === undefined ? {} : { cluster });
        return { addresses: addresses.map(addressBody) };
      },
    );
  };
}

/** Below /api/nodes. */
export function nodeAnswersPlugin(deps: RouteDeps): FastifyPluginAsyncTypebox {
  const { services } = deps;
  return async (app) => {
    app.get(
      '/:id/answer',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'renderNodeAnswer',
          summary: 'The answer that the installer would get for the node, with its faults; secrets are masked',
          tags: ['nodes'],
          params: idPath,
          querystring: answerQuery,
          response: { 200: answerReply },
        },
      },
      async ({ params, query: { profile, release, last } }) => {
        const node = await nodeOr404(services.nodes, params.id);
        return answerBody(await answersOf(services).previews({ node, profile, release, isLast: last }));
      },
    );
    app.register(passwordRoute(deps));
  };
}

function passwordRoute({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/:id/root-password',
      {
        config: { access: 'admin', needsProof: true },
        schema: {
          operationId: 'getNodeRootPassword',
          summary: 'The password of root that the node was installed with; who reads it is recorded',
          tags: ['nodes'],
          params: idPath,
          response: { 200: passwordReply },
        },
      },
      async (request, reply) => {
        const { uuid, name } = await nodeOr404(services.nodes, request.params.id);
        const actor = request.identity?.name ?? 'nobody';
        const password = await answersOf(services).rootPasswords.show({ uuid, title: name ?? uuid }, actor);
        // Only what changes something is recorded by itself.
        services.access.audit.note({
          actor,
          role: request.identity?.role ?? 'none',
          method: request.method,
          path: request.url.split('?')[0] ?? '',
          status: 200,
          address: request.ip,
          requestId: request.id,
        });
        reply.header('cache-control', 'no-store');
        return { node: uuid, password: password.reveal() };
      },
    );
  };
}

function answersOf({ answers }: Pick<ApiServices, 'answers'>): AnswerService {
  if (answers === undefined) throw fail('api.not_found', { message: 'nothing is installed from here' });
  return answers;
}

function answerBody(preview: AnswerPreview): Static<typeof answerReply> {
  return { ...preview, faults: [...preview.faults], notes: [...preview.notes] };
}

function addressBody({ nodeUuid, probedAt, givenAt, ...entry }: AddressEntry): Static<typeof addressEntry> {
  return { ...entry, node: nodeUuid, probedAt: probedAt === null ? null : isoTime(probedAt), givenAt: isoTime(givenAt) };
}
