// Who somebody is and what they may: four roles, what a token may be limited to, and whose nodes are seen. Pure data.

/** From the least to the most powerful; each may do what those before it may. */
export const ROLES = ['reader', 'member', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What an API token can be limited to, beside its role. Without any it may do all that its role may. */
export const SCOPES = ['read', 'nodes', 'power', 'allocations', 'enrolment', 'metrics'] as const;
export type Scope = (typeof SCOPES)[number];

/** How they proved it. `nobody`: auth.mode is none. */
export type Proof = 'admin-token' | 'token' | 'session' | 'basic' | 'nobody';

export interface Identity {
  readonly name: string;
  readonly role: Role;
  readonly by?: Proof;
  /** Sees and does only what Ironic's owner or lessee of this name may; without it, everybody's. */
  readonly project?: string;
  /** Without it everything that the role may. */
  readonly scopes?: readonly Scope[];
}

export function isAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

export function lesserRole(one: Role, other: Role): Role {
  return isAtLeast(one, other) ? other : one;
}

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}

export function isScope(text: unknown): text is Scope {
  return SCOPES.some((scope) => scope === text);
}
