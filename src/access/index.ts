// Who may use the appliance: users, sessions, tokens, HTTP basic, and the record of what was done. Knows nothing of HTTP servers.

export { type Access, type AccessOptions, type BasicUser, createAccess, type Origin } from './access.ts';
export { type Audit, type AuditCheck, type AuditEntry, type AuditRow, createAudit } from './audit.ts';
export { type BasicAuth, type BasicCredentials, parseBasic } from './basic.ts';
export { ACCESS_ERRORS } from './errors.ts';
export { type Identity, isAtLeast, type Proof, ROLES, type Role, SCOPES, type Scope } from './identity.ts';
export type { Session, Sessions, SessionTimes } from './sessions.ts';
export type { ApiToken, TokenRequest, Tokens } from './tokens.ts';
export type { User, UserChange, Users } from './users.ts';
