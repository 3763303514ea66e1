// Secrets as API clients see them: a row of asterisks, as Ironic shows them. Pure.

import { Secret } from '../lib/index.ts';
import { isSecretKey, SealedSecret } from '../nodes/index.ts';

export const SECRET_MASK = '******';

/** The same JSON with every secret masked: what is sealed, and text under a key that names a secret. */
export function masked(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, maskedValue(value, key)]));
}

function maskedValue(value: unknown, key: string): unknown {
  if (value instanceof Secret || value instanceof SealedSecret) return SECRET_MASK;
  // A config drive carries keys and passwords of the machine to be, as text or in parts.
  if (key === 'configdrive' && value !== null) return SECRET_MASK;
  if (typeof value === 'string') return isSecretKey(key) ? SECRET_MASK : value;
  if (Array.isArray(value)) return value.map((inner: unknown) => maskedValue(inner, key));
  return typeof value === 'object' && value !== null ? masked({ ...value }) : value;
}
