// The API's own error codes. Codes of other domains pass through unchanged.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const API_ERRORS = {
  'api.validation': { status: 400, about: 'A path, query or body field is missing, unknown or has the wrong type; the message names it.' },
  'api.bad_json': { status: 400, about: 'The body is not JSON.' },
  'api.bad_utf8': { status: 400, about: 'The body is not UTF-8 text.' },
  'api.json_too_deep': { status: 400, about: 'The JSON of the body is nested deeper than the limit.' },
  'api.bad_url': { status: 400, about: 'The address holds a percent escape that cannot be decoded.' },
  'api.bad_request': { status: 400, about: 'The HTTP request itself is malformed.' },
  'api.bad_page_token': { status: 400, about: 'The page token is not one that this endpoint gave out, or belongs to another sort order.' },
  'api.bad_last_event_id': { status: 400, about: 'The Last-Event-ID header is not a sequence number of the event log.' },
  'api.unauthenticated': { status: 401, about: 'The endpoint needs a token and none, or a wrong one, was given.' },
  'api.forbidden': { status: 403, about: 'The caller is known, but its role may not use the endpoint.' },
  'api.csrf': { status: 403, about: 'A change by cookie came without the token that only our own pages know, or from another site.' },
  'api.not_found': { status: 404, about: 'There is no such endpoint, or no such thing under it.' },
  'api.method_not_allowed': { status: 405, about: 'The endpoint takes this method only from a later bare-metal API version on.' },
  'api.unsupported_version': {
    status: 406,
    about: 'The bare-metal API version asked for is outside the range that is served, or not a version.',
  },
  'api.version_needed': { status: 406, about: 'The field or filter exists, but only from a later bare-metal API version on.' },
  'api.request_timeout': { status: 408, about: 'The request did not arrive completely in time.', retryable: true },
  'api.task_ended': { status: 409, about: 'The task that was to be cancelled has ended already.' },
  'api.node_locked': { status: 409, about: 'A task works on the node; ask again when it has ended.', retryable: true },
  'api.body_too_large': { status: 413, about: 'The body is larger than the endpoint takes.' },
  'api.unsupported_media_type': { status: 415, about: 'The body has a content type that the endpoint does not read.' },
  'api.rate_limited': {
    status: 429,
    about: 'Too many requests from one address, or too much at once of what takes long.',
    retryable: true,
  },
  'api.internal': { status: 500, about: 'A bug in Rackseed. The request id finds it in the log.' },
  'api.stopping': { status: 503, about: 'The appliance is shutting down.', retryable: true },
  'api.too_many_streams': { status: 503, about: 'As many event streams are open as are allowed.', retryable: true },
  'api.port_in_use': { status: 500, about: 'The port to listen on belongs to another process.' },
  'api.port_forbidden': { status: 500, about: 'The process may not listen on the port (below 1024 without the capability).' },
  'api.address_unavailable': { status: 500, about: 'The address to listen on does not exist on this machine.' },
  'api.tls_material_broken': { status: 500, about: 'The stored TLS key or certificate cannot be read, or they do not belong together.' },
  'api.admin_token_broken': { status: 500, about: 'The file with the admin token cannot be read, written, or does not hold a token.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(API_ERRORS);
