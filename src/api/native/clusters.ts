// /api/clusters: clusters that ran before us. An import goes in steps: the certificate, a preview, and the yes to that very preview.
// Credentials are used for the one request that brings them, and kept nowhere.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { ClusterRecord, Clusters, Gathered, Imported, MemberPlan, Preview } from '../../clusters/index.ts';
import { isoTime } from '../../lib/index.ts';
import { type Credentials, passwordCredentials, tokenCredentials } from '../../proxmox/index.ts';
import type { RouteDeps } from '../build.ts';
import { Cluster, ClusterImport, ClusterMember } from '../cluster-schemas.ts';
import { fail } from '../errors.ts';
import { closed } from '../schemas.ts';
import { nodeOr404 } from './find.ts';

const CSV_CHARS = 256 * 1024;
/** The text escaped, and the fields beside it. */
const BODY_BYTES = 1024 * 1024;

const short = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 255, description }));
const importBody = Type.Object(
  {
    url: short('Of the API of any member: https://HOST:8006.'),
    fingerprint: short('SHA-256 of its certificate. Without it the answer says which it shows, and nothing else is asked there.'),
    token: short('USER@REALM!NAME=SECRET. The role PVEAuditor on / is enough.'),
    username: short('Instead of a token, with the password.'),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    csv: Type.Optional(Type.String({ maxLength: CSV_CHARS, description: 'Instead of url: columns name, mac, uuid, address.' })),
    name: short('What the cluster is called here, instead of its own name.'),
    skipBad: Type.Optional(Type.Boolean({ description: 'Leave out bad rows and members in conflict, and import the others.' })),
    confirm: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'The hash of the preview that the yes is to.' })),
  },
  closed,
);
type ImportBody = Static<typeof importBody>;
type ImportAnswer = Static<typeof ClusterImport.schema>;

type TypedApp = Parameters<FastifyPluginAsyncTypebox>[0];

const byName = Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, closed);

const ofMember = Type.Object({ ...byName.properties, node: Type.String({ minLength: 1, maxLength: 255 }) }, closed);

export function clustersPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'listClusters',
          summary: 'Clusters that ran before us and were imported',
          tags: ['clusters'],
          response: { 200: Type.Object({ clusters: Type.Array(Cluster.ref) }) },
        },
      },
      async () => ({ clusters: (await clustersOf(services).list()).map(({ record, members }) => clusterBody(record, members)) }),
    );

    app.get(
      '/:name',
      {
        config: { access: 'reader' },
        schema: {
          operationId: 'getCluster',
          summary: 'One of them, with its members and the nodes that they are',
          tags: ['clusters'],
          params: byName,
          response: { 200: Type.Object({ cluster: Cluster.ref, members: Type.Array(ClusterMember.ref) }) },
        },
      },
      async (request) => {
        const { record, members } = await clustersOf(services).get(request.params.name);
        return {
          cluster: clusterBody(record, members.length),
          members: members.map(({ member, nodeUuid, addresses }) => ({ member, node: nodeUuid, addresses: [...addresses] })),
        };
      },
    );

    removing(app, services);

    app.post(
      '/import',
      {
        bodyLimit: BODY_BYTES,
        config: { access: 'operator' },
        schema: {
          operationId: 'importCluster',
          summary: 'Register the members of a running cluster as active, protected nodes that are only observed, step by step',
          tags: ['clusters'],
          body: importBody,
          response: { 200: ClusterImport.ref },
        },
      },
      async (request) => importStep(clustersOf(services), request.body, request.identity?.name ?? 'nobody'),
    );
  };
}

/** Both forget only what we know: no machine is asked. */
function removing(app: TypedApp, services: RouteDeps['services']): void {
  app.delete(
    '/:name',
    {
      config: { access: 'operator' },
      schema: {
        operationId: 'removeCluster',
        summary:
          'Forget the cluster: its nodes stay active and protected, and are only observed where they were before; no machine is touched',
        tags: ['clusters'],
        params: byName,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await clustersOf(services).remove(request.params.name, request.identity?.name ?? 'nobody');
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/:name/members/:node',
    {
      config: { access: 'operator' },
      schema: {
        operationId: 'releaseClusterMember',
        summary: 'Forget that one node is a member: it stays active and protected; no machine is touched',
        tags: ['clusters'],
        params: ofMember,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { name, node: wanted } = request.params;
      const { uuid } = await nodeOr404(services.nodes, wanted);
      await clustersOf(services).release(name, uuid, request.identity?.name ?? 'nobody');
      return reply.code(204).send(null);
    },
  );
}

async function importStep(clusters: Clusters, body: ImportBody, actor: string): Promise<ImportAnswer> {
  const { name, confirm, skipBad = false } = body;
  const gathered = await gather(clusters, body);
  if ('step' in gathered) return gathered;
  if (confirm === undefined) return previewBody('preview', await clusters.preview(gathered, name));
  return previewBody('done', await clusters.import(gathered, name, { hash: confirm, skipBad, actor }));
}

async function gather(clusters: Clusters, body: ImportBody): Promise<Gathered | ImportAnswer> {
  const { url, csv, fingerprint, skipBad = false } = body;
  if ((url === undefined) === (csv === undefined)) throw bad('either url or csv is needed, and not both');
  if (csv !== undefined) return clusters.read(csv, skipBad);
  if (url === undefined) throw bad('either url or csv is needed');
  if (fingerprint === undefined) {
    const { url: plain, fingerprint: seen, subject, issuer, validTo } = await clusters.probe(url);
    return { step: 'fingerprint', url: plain, fingerprint: seen, certificate: { subject, issuer, validTo } };
  }
  return clusters.gather({ url, fingerprint, credentials: credentialsOf(body) });
}

function credentialsOf({ token, username, password }: ImportBody): Credentials {
  if (token !== undefined && username === undefined && password === undefined) return tokenCredentials(token);
  if (token === undefined && username !== undefined && password !== undefined) return passwordCredentials(username, password);
  throw bad('either token, or username and password, is needed');
}

function bad(message: string): Error {
  return fail('api.validation', { message, hint: 'GET /api/openapi.json describes the body of importCluster.' });
}

function clustersOf({ clusters }: RouteDeps['services']): Clusters {
  if (clusters !== undefined) return clusters;
  throw fail('api.not_found', { message: 'this appliance keeps no clusters', hint: 'It was built without them.' });
}

function clusterBody(record: ClusterRecord, memberCount: number): Static<typeof Cluster.schema> {
  const { createdAt, updatedAt, ...plain } = record;
  return { ...plain, memberCount, createdAt: isoTime(createdAt), updatedAt: isoTime(updatedAt) };
}

function previewBody(
  step: 'preview' | 'done',
  { name, cluster, members, hash, missing, bad: left, ...more }: Preview | Imported,
): ImportAnswer {
  const { apiUrl: url, fingerprint, version } = cluster;
  const nodes = new Map('nodes' in more ? more.nodes.map((node) => [node.extra.cluster === name ? node.name : null, node.uuid]) : []);
  const body = members.map((plan) => memberBody(plan, nodes.get(plan.member.name) ?? null));
  return { step, url, fingerprint, name, version, hash, members: body, missing: [...missing], bad: left.map((one) => ({ ...one })) };
}

function memberBody({ member, action, nodeUuid, reason }: MemberPlan, made: string | null) {
  const { name, macs, smbiosUuid, addresses } = member;
  return { member: name, action, node: nodeUuid ?? made, macs: [...macs], smbiosUuid, addresses: [...addresses], reason };
}
