// The process's logger: JSON lines, secrets masked wherever they appear. The only file that knows pino's options.

import { type DestinationStream, type Logger, pino } from 'pino';

const MASK = '***';
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'x-auth-token',
  'token',
  'agent_token',
  'agentToken',
  'secret',
  'claim',
  'password',
  'rescue_password',
  'privateKey',
];
/** pino's wildcard matches one level: three are covered, no log call nests deeper. */
const DEPTHS = ['', '*.', '*.*.'];

/** For `redact` of any pino logger that writes what the API is given. */
export const LOG_REDACTION = {
  paths: DEPTHS.flatMap((depth) => SECRET_FIELDS.map((field) => pathOf(depth, field))),
  censor: MASK,
};

export function createLogger(options: { readonly level: string; readonly destination?: DestinationStream }): Logger {
  const settings = { level: options.level, redact: LOG_REDACTION, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

const SECRET_QUERY = /([?&](?:[^=&]*[._-])?(?:token|secret|password|key)=)[^&]*/gi;

/** Installers bring their secrets as a part of the path; what else follows is not ours to print either. */
const SECRET_PATH = /^(\/+install\/+(?:answer|done|first-boot)\/+)[^?#]+/i;

/** An address as it may be logged. */
export function loggableUrl(url: string): string {
  return url.replace(SECRET_PATH, `$1${MASK}`).replaceAll(SECRET_QUERY, `$1${MASK}`).slice(0, 1024);
}

function pathOf(depth: string, field: string): string {
  if (/^\w+$/.test(field)) return `${depth}${field}`;
  return `${depth.replace(/\.$/, '')}["${field}"]`;
}
