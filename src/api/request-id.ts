// Request ids: taken from the caller when harmless, made here otherwise. They go into every log line and reply.

import type { IncomingHttpHeaders } from 'node:http';
import type { Random } from '../lib/index.ts';

export const REQUEST_ID_HEADER = 'x-request-id';

// Printable, short and without anything that a log viewer or a shell could take for more than a word.
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

export function requestIdOf(headers: IncomingHttpHeaders, random: Random): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && SAFE.test(given) ? given : random.uuid();
}
