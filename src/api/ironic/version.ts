// Ironic's microversions: what a client asked for, and what it gets. Pure.

import type { IncomingHttpHeaders } from 'node:http';
import { fail } from '../errors.ts';

/** The N of 1.N. */
export type Minor = number;

export const MIN_MINOR: Minor = 1;
export const MAX_MINOR: Minor = 115;

const OWN_HEADER = 'x-openstack-ironic-api-version';
const COMMON_HEADER = 'openstack-api-version';

/** Goes on every reply below /v1. */
export function versionHeaders(minor: Minor): Readonly<Record<string, string>> {
  return {
    'X-OpenStack-Ironic-API-Version': `1.${minor}`,
    'X-OpenStack-Ironic-API-Minimum-Version': `1.${MIN_MINOR}`,
    'X-OpenStack-Ironic-API-Maximum-Version': `1.${MAX_MINOR}`,
    vary: 'OpenStack-API-Version, X-OpenStack-Ironic-API-Version',
  };
}

/** Without a header a client gets the oldest behaviour, as from Ironic. Throws api.unsupported_version. */
export function negotiateVersion(headers: IncomingHttpHeaders): Minor {
  const asked = askedVersion(headers);
  if (asked === undefined) return MIN_MINOR;
  if (asked.toLowerCase() === 'latest') return MAX_MINOR;
  const minor = Number(/^1\.(\d{1,4})$/.exec(asked)?.[1] ?? Number.NaN);
  if (minor >= MIN_MINOR && minor <= MAX_MINOR) return minor;
  throw fail('api.unsupported_version', {
    message: `version ${JSON.stringify(asked.slice(0, 40))} is not supported: 1.${MIN_MINOR} to 1.${MAX_MINOR} are`,
    hint: `Ask for at most 1.${MAX_MINOR}, or for "latest".`,
  });
}

/** The common header names a service before each version: `baremetal 1.80`, several with commas between. */
function askedVersion(headers: IncomingHttpHeaders): string | undefined {
  const own = headers[OWN_HEADER];
  if (typeof own === 'string' && own.trim() !== '') return own.trim();
  const common = headers[COMMON_HEADER];
  if (typeof common !== 'string') return undefined;
  return /(?:^|,)\s*baremetal\s+([^\s,]+)\s*(?:,|$)/i.exec(common)?.[1];
}
