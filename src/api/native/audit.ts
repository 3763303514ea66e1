// /api/audit: who changed what, and whether the record is whole. For administrators.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { AuditRow } from '../../access/index.ts';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { decodePageToken, encodePageToken } from '../cursor.ts';
import { closed, nextPageToken, pageQuery } from '../schemas.ts';
import { AuditCheckBody, AuditRowBody } from './access-schemas.ts';

const listQuery = Type.Object({ ...pageQuery, actor: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }, closed);

export function auditPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const { audit } = services.access;
  const tags = ['access'];
  const config = { access: 'admin', needsProof: true } as const;
  return async (app) => {
    app.get(
      '/',
      {
        config,
        schema: {
          operationId: 'listAudit',
          summary: 'Who changed what: the newest first',
          tags,
          querystring: listQuery,
          response: { 200: Type.Object({ rows: Type.Array(AuditRowBody), nextPageToken }) },
        },
      },
      async (request) => {
        const { limit, pageToken, actor } = request.query;
        const scope = JSON.stringify(['audit', actor ?? null]);
        const before = pageToken === undefined ? {} : { before: Number(decodePageToken(pageToken, scope, 1)[0]) };
        const found = await audit.list({ limit: limit + 1, ...before, ...(actor === undefined ? {} : { actor }) });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const more = last === undefined || found.length === page.length ? null : encodePageToken({ scope, after: [last.seq] });
        return { rows: page.map(rowBody), nextPageToken: more };
      },
    );

    app.get(
      '/check',
      {
        config,
        schema: {
          operationId: 'checkAudit',
          summary: 'Reads all of it: is each row what was written?',
          tags,
          response: { 200: AuditCheckBody },
        },
      },
      async () => {
        const { isWhole, reason, rows, firstSeq, head } = await audit.check();
        return { whole: isWhole, reason, rows, firstSeq, headSeq: head?.seq ?? null, headHash: head?.hash ?? null };
      },
    );
  };
}

function rowBody({ at, ...row }: AuditRow): Static<typeof AuditRowBody> {
  return { ...row, at: isoTime(at), detail: { ...row.detail } };
}
