// The session's cookie: read and written in one place. Knows nothing of users.

import type { FastifyReply, FastifyRequest } from 'fastify';

export const CSRF_HEADER = 'x-csrf-token';

/** __Host-: the browser takes it only with Secure, Path=/ and without a domain, so that no neighbour can plant one. */
const SECURE_NAME = '__Host-rackseed';
/** Over plain HTTP, on loopback. */
const PLAIN_NAME = 'rackseed';
const WORD = /^[A-Za-z0-9_-]{1,128}$/;

export function sessionWord({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const pairs = new Map<string, string>();
  for (const pair of headers.cookie?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim();
    if (equals > 0 && !pairs.has(name)) pairs.set(name, pair.slice(equals + 1).trim());
  }
  const word = pairs.get(SECURE_NAME) ?? pairs.get(PLAIN_NAME);
  return word !== undefined && WORD.test(word) ? word : undefined;
}

export function setSessionCookie(
  reply: FastifyReply,
  word: string,
  options: { readonly isSecure: boolean; readonly maxAgeMs: number },
): void {
  reply.header('set-cookie', cookie(word, options.isSecure, Math.floor(options.maxAgeMs / 1000)));
}

export function clearSessionCookie(reply: FastifyReply, isSecure: boolean): void {
  reply.header('set-cookie', cookie('', isSecure, 0));
}

function cookie(word: string, isSecure: boolean, maxAgeSeconds: number): string {
  const name = isSecure ? SECURE_NAME : PLAIN_NAME;
  return `${name}=${word}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** Browsers say from where a request comes; a page of another site has no business with these. */
export function isFromOtherSite({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}
