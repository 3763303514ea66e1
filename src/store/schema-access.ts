// The tables of who may use the appliance, and of what they did, as Kysely sees them. The rules of schema.ts hold.

import type { Flag } from './schema.ts';

export interface UserTable {
  name: string;
  role: string;
  /** argon2id, in PHC form. */
  password: string;
  is_disabled: Flag;
  /** Wrong passwords since the last right one. */
  failures: number;
  /** Always 0: tries are slowed down for each pair of name and address, so that nobody can lock another out. */
  locked_until: number;
  last_login_at: number | null;
  created_at: number;
  updated_at: number;
}

export interface SessionTable {
  /** SHA-256 of the cookie, hex. */
  hash: string;
  user_name: string;
  csrf_hash: string;
  created_at: number;
  seen_at: number;
  expires_at: number;
  address: string | null;
  agent: string | null;
}

export interface ApiTokenTable {
  id: string;
  name: string;
  /** SHA-256 of the token, hex. */
  hash: string;
  role: string;
  /** JSON array. */
  scopes: string;
  /** Whose nodes and allocations it sees, as Ironic's owner and lessee name them; null sees all that its role may. */
  project: string | null;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  used_at: number | null;
}

export interface AuditTable {
  seq: number;
  at: number;
  actor: string;
  role: string;
  method: string;
  path: string;
  status: number;
  address: string | null;
  request_id: string | null;
  /** JSON object. Never secrets. */
  detail: string;
  /** Keyed hash over the hash before and this row: a row changed or taken out shows. */
  hash: string;
}

export interface AccessTables {
  users: UserTable;
  sessions: SessionTable;
  api_tokens: ApiTokenTable;
  audit: AuditTable;
}
