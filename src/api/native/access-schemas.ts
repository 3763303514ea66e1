// What the routes of users, sessions, tokens and the audit log take and give.

import { Type } from 'typebox';
import { ROLES, SCOPES } from '../../access/index.ts';
import { instant, nullable } from '../schemas.ts';

const text = Type.String();
const count = Type.Integer({ minimum: 0 });

const csrfToken = Type.String({ description: 'To be sent as x-csrf-token with each change by cookie.' });

export const NoBody = Type.Unsafe<undefined>({ type: 'null', description: 'No body.' });

export const nameField = Type.String({ minLength: 1, maxLength: 64 });
export const passwordField = Type.String({ minLength: 1, maxLength: 1024, description: 'New ones have 10 to 256 characters.' });
export const roleField = Type.Enum([...ROLES], { description: 'Each may do what those before it may.' });
export const scopesField = Type.Array(Type.Enum([...SCOPES]), {
  maxItems: SCOPES.length,
  description: 'What the token is limited to; none: all that its role may.',
});

export const SignedIn = Type.Object({ name: text, role: roleField, csrfToken, expiresAt: instant });

export const Who = Type.Object({
  name: text,
  role: roleField,
  by: Type.String({ description: 'admin-token, token, session, basic, or nobody where auth.mode is none.' }),
  project: nullable(text),
  scopes: Type.Array(text),
  csrfToken: nullable(csrfToken),
  expiresAt: nullable(instant),
});

export const UserBody = Type.Object({
  name: text,
  role: roleField,
  disabled: Type.Boolean(),
  failures: Type.Integer({ minimum: 0, description: 'Wrong passwords since the last right one.' }),
  lastLoginAt: nullable(instant),
  createdAt: instant,
  updatedAt: instant,
});

const tokenFields = {
  id: text,
  name: text,
  role: roleField,
  scopes: scopesField,
  project: nullable(Type.String({ description: 'Sees and does only what Ironic’s owner or lessee of this name may.' })),
  createdBy: text,
  createdAt: instant,
  expiresAt: nullable(instant),
  usedAt: nullable(instant),
};
export const TokenBody = Type.Object(tokenFields);
export const NewTokenBody = Type.Object({ ...tokenFields, token: Type.String({ description: 'Shown here and never again.' }) });

export const SetupLinkBody = Type.Object({
  url: Type.String({ description: 'Works once.' }),
  expiresAt: instant,
});

export const AuditRowBody = Type.Object({
  seq: count,
  at: instant,
  actor: text,
  role: text,
  method: text,
  path: text,
  status: count,
  address: nullable(text),
  requestId: nullable(text),
  detail: Type.Record(Type.String(), Type.Unknown()),
  hash: text,
});

export const AuditCheckBody = Type.Object({
  whole: Type.Boolean(),
  reason: text,
  rows: count,
  firstSeq: nullable(count),
  headSeq: nullable(Type.Integer({ minimum: 0, description: 'The last row: noted elsewhere, it shows later whether rows were cut off.' })),
  headHash: nullable(text),
});
