// The schemas of clusters below /api: what is known of them, and the steps of an import.

import { type TSchema, Type } from 'typebox';
import { ACTIONS, ORIGINS } from '../clusters/index.ts';
import { instant, named, nullable } from './schemas.ts';

const text = Type.String();
const maybe = nullable(text);

export const Cluster = named(
  'Cluster',
  Type.Object({
    name: text,
    origin: Type.Enum([...ORIGINS]),
    apiUrl: maybe,
    fingerprint: nullable(Type.String({ description: 'SHA-256 of the certificate that was confirmed.' })),
    version: maybe,
    observeOnly: Type.Boolean({
      description: 'Its nodes are watched: nothing of ours is written to them, and they start their own disks.',
    }),
    memberCount: Type.Integer(),
    importedBy: text,
    createdAt: instant,
    updatedAt: instant,
  }),
);

export const ClusterMember = named(
  'ClusterMember',
  Type.Object({
    member: Type.String({ description: 'As the cluster calls it.' }),
    node: Type.String({ description: 'UUID.' }),
    addresses: Type.Array(text),
  }),
);

export const ClusterImport = named(
  'ClusterImport',
  Type.Object({
    step: Type.Enum(['fingerprint', 'preview', 'done'], {
      description:
        'fingerprint: compare it with what the node itself shows, and ask again with it. preview: look at it, and ask again with its hash as `confirm`. done: imported.',
    }),
    url: maybe,
    fingerprint: maybe,
    certificate: Type.Optional(Type.Object({ subject: text, issuer: text, validTo: text })),
    name: Type.Optional(text),
    version: Type.Optional(maybe),
    hash: Type.Optional(text),
    members: Type.Optional(
      Type.Array(
        Type.Object({
          member: text,
          action: Type.Enum([...ACTIONS], {
            description:
              'create: a new node. take: a node that is known becomes a member. update: a member already. skip: too little is known to recognise it by. conflict: a person has to look first.',
          }),
          node: nullable(Type.String({ description: 'UUID of the node that it is.' })),
          macs: Type.Array(text),
          smbiosUuid: maybe,
          addresses: Type.Array(text),
          reason: text,
        }),
      ),
    ),
    missing: Type.Optional(
      Type.Array(text, { description: 'Members of ours that the cluster has no more; their nodes stay as they are.' }),
    ),
    bad: Type.Optional(
      Type.Array(Type.Object({ line: Type.Integer(), column: text, message: text }), { description: 'Rows that were left out.' }),
    ),
  }),
);

export const CLUSTER_SCHEMAS: readonly TSchema[] = [Cluster, ClusterMember, ClusterImport].map(({ schema }) => schema);
