// What is in a file of users and bcrypt hashes, as Apache's htpasswd -B writes it. Pure: knows no files.

import { fail } from './errors.ts';

/** Name to hash. */
export type HtpasswdUsers = ReadonlyMap<string, string>;

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** Cost 14 takes about a second, each step doubles it. */
const MAX_COST = 16;
const MIN_COST = 4;
const MAX_USERS = 10_000;

/** Throws access.htpasswd_broken with the number of the line. Empty lines and those that begin with # count as none. */
export function parseHtpasswd(text: string, path: string): HtpasswdUsers {
  const users = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const colon = entry.indexOf(':');
    const [name, hash] = [entry.slice(0, colon), entry.slice(colon + 1)];
    const what = fault(colon, name, hash) ?? (users.has(name) ? `names ${JSON.stringify(name)} a second time` : undefined);
    if (what !== undefined) throw broken(path, index + 1, what);
    if (users.size >= MAX_USERS) throw broken(path, index + 1, `is one user more than the ${MAX_USERS} that are read`);
    users.set(name, hash);
  }
  return users;
}

/** The hash itself is never shown. */
function fault(colon: number, name: string, hash: string): string | undefined {
  if (colon <= 0) return 'is not NAME:HASH';
  const cost = BCRYPT.exec(hash)?.[1];
  if (cost === undefined) return `has no bcrypt hash for ${JSON.stringify(name)} (they begin with $2y$, $2b$ or $2a$)`;
  if (Number(cost) > MAX_COST || Number(cost) < MIN_COST)
    return `has a bcrypt cost of ${Number(cost)} for ${JSON.stringify(name)}; ${MIN_COST} to ${MAX_COST} are taken`;
  return undefined;
}

function broken(path: string, line: number, what: string): Error {
  return fail('access.htpasswd_broken', {
    message: `${path}:${line} ${what}`,
    hint: 'Write the line with: htpasswd -B FILE NAME',
    detail: { path, line },
  });
}
