// Reads JSON bodies: UTF-8 checked, nesting capped before the parser sees it. Knows nothing of routes.

import type { FastifyInstance } from 'fastify';
import { fail } from './errors.ts';

export const MAX_JSON_DEPTH = 25;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The text of the body; throws api.bad_utf8 or api.json_too_deep. */
export function jsonText(bytes: Uint8Array): string {
  const depth = nestingOf(bytes, MAX_JSON_DEPTH);
  if (depth > MAX_JSON_DEPTH) {
    throw fail('api.json_too_deep', {
      message: `the body nests objects and arrays deeper than ${MAX_JSON_DEPTH} levels`,
      hint: 'Send flatter JSON.',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fail('api.bad_utf8', { message: 'the body is not valid UTF-8', hint: 'JSON is sent as UTF-8 (RFC 8259 §8.1).', cause });
  }
}

/**
 * The deepest nesting, counted on the bytes: every structural character of JSON is ASCII, and no byte of a multi-byte
 * UTF-8 sequence is. Stops counting one above `limit`.
 */
export function nestingOf(bytes: Uint8Array, limit: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (deepest > limit) return deepest;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  return deepest;
}

/** Installs the one body parser: application/json, and what Ironic's clients send as JSON Patch. */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Refuses __proto__ and constructor.prototype as keys.
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(['application/json', 'application/json-patch+json'], { parseAs: 'buffer' }, (request, body, done) => {
    try {
      const text = jsonText(typeof body === 'string' ? Buffer.from(body) : body);
      // Many clients announce JSON and send nothing: that is no body, and routes that need one say so.
      if (text === '') done(null, undefined);
      else void parse(request, text, done);
    } catch (thrown) {
      done(thrown instanceof Error ? thrown : new Error(String(thrown)), undefined);
    }
  });
  // python-ironicclient sends DELETE as application/octet-stream with nothing in it: that is no body either.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(fail('api.unsupported_media_type', { message: 'this endpoint reads application/json only' }), undefined);
  });
}
