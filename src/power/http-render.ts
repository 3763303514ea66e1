// The requests that driver_info describes, filled in: templates, secrets by the names of their keys, and what an answer means. Pure.

import { type Static, type TProperties, Type } from 'typebox';
import type { DriverInfo } from '../nodes/index.ts';
import { infoRefusal, opened, textIn } from './info.ts';
import type { PowerReading, Target } from './seam.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH'] as const;
const MAX_TEXT = 4096;

const PARTS = {
  url: Type.String({ minLength: 8, maxLength: 2048, pattern: '^https?://' }),
  method: Type.Optional(Type.Enum(METHODS)),
  headers: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }), Type.String({ maxLength: MAX_TEXT }), { maxProperties: 16 }),
  ),
  body: Type.Optional(Type.Union([Type.String({ maxLength: MAX_TEXT }), Type.Record(Type.String(), Type.Unknown())])),
};
const Plain = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
const Values = Type.Optional(Type.Union([Plain, Type.Array(Plain, { maxItems: 16 })]));

const closed = { additionalProperties: false } as const;
const RequestSchema = Type.Object(PARTS, closed);
const StateSchema = Type.Object(
  {
    ...PARTS,
    pointer: Type.String({ pattern: '^(?:/[^/]*)*$', maxLength: 256 }),
    on: Values,
    off: Values,
    above: Type.Optional(Type.Number()),
  },
  closed,
);
type Request = Static<typeof RequestSchema>;
type StateRequest = Static<typeof StateSchema>;

const request = (what: string) =>
  Type.Optional(Type.Object(PARTS, { ...closed, description: `Request that ${what}: url, and as needed method, headers and body.` }));

export const HTTP_INFO = Type.Object({
  http_power_on: request('switches it on'),
  http_power_off: request('cuts its power'),
  http_soft_off: request('presses the power button shortly, so that the system shuts down'),
  http_reset: request('restarts it; unless told, it is switched off and on'),
  http_state: Type.Optional(
    Type.Object(StateSchema.properties, {
      ...closed,
      description: 'Request that tells its state: also pointer (JSON pointer into the answer), and the values on, off, or above (watts).',
    }),
  ),
  http_username: Type.Optional(Type.String({ description: 'User name for HTTP basic. Optional.', maxLength: 255 })),
  http_password: Type.Optional(Type.String({ description: 'Password for HTTP basic, or for {http_password}. Optional.', maxLength: 255 })),
  http_token: Type.Optional(Type.String({ description: 'Secret that templates name as {http_token}. Optional.', maxLength: MAX_TEXT })),
  http_fingerprint: Type.Optional(
    Type.String({
      description: "SHA-256 fingerprint of the device's certificate, in hex: believed instead of an authority. Optional.",
      pattern: '^(?:[0-9A-Fa-f]{2}:?){32}$',
    }),
  ),
  http_off_seconds: Type.Optional(
    Type.Number({
      description: 'How long it stays off when it is restarted by switching; 5 unless told. Optional.',
      minimum: 0,
      maximum: 120,
    }),
  ),
} satisfies TProperties);

export const HTTP_REQUESTS = ['http_power_on', 'http_power_off', 'http_soft_off', 'http_reset', 'http_state'] as const;
export type HttpRequestKey = (typeof HTTP_REQUESTS)[number];

const PLACEHOLDER = /\{(http_[a-z0-9_]{1,48}|uuid|name|mac)\}/g;
const OURS = ['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect'];
const SECRET_HEADER = /auth|cookie|token|passw|secret|key/i;

/** First of what is wrong with the whole description; null when it can be used. */
export function httpRefusal({ driverInfo }: Target): string | null {
  const wrong = infoRefusal(HTTP_INFO, driverInfo);
  if (wrong !== null) return wrong;
  const keys = HTTP_REQUESTS.filter((key) => driverInfo[key] !== undefined);
  if (keys.length === 0) return 'driver_info lacks http_power_on (or another request, such as http_power_off)';
  for (const key of keys) {
    const complaint = requestComplaint(requestOf(driverInfo, key), driverInfo);
    if (complaint !== null) return `driver_info/${key}: ${complaint}`;
  }
  return null;
}

function requestComplaint(one: Request | undefined, info: DriverInfo): string | null {
  if (one === undefined) return 'it is no request';
  const url = URL.canParse(one.url.replaceAll(PLACEHOLDER, 'x')) ? new URL(one.url.replaceAll(PLACEHOLDER, 'x')) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return 'its url is none, or neither http nor https';
  if (url.username !== '' || url.password !== '') return 'write the user into http_username and http_password, not into the url';
  if (/^https?:\/\/[^/?#]*\{/.test(one.url)) return 'the host in its url can not be a template';
  if (info.http_fingerprint !== undefined && url.protocol !== 'https:') return 'http_fingerprint is given, so its url must be https';
  const texts = [one.url, ...Object.values(one.headers ?? {}), typeof one.body === 'string' ? one.body : JSON.stringify(one.body ?? '')];
  const unknown = texts
    .flatMap((text) => [...text.matchAll(PLACEHOLDER)].map((found) => found[1] ?? ''))
    .find((key) => isUnknown(key, info));
  if (unknown !== undefined) return `it names {${unknown}}, and driver_info has no such text`;
  for (const [name, value] of Object.entries(one.headers ?? {})) {
    if (OURS.includes(name.toLowerCase())) return `the header ${name} is not yours to set`;
    // Only values under their own keys are sealed in the store.
    if (SECRET_HEADER.test(name) && !value.includes('{http_'))
      return `write the secret of the header ${name} into http_token, and {http_token} here`;
    if (/[\r\n\0]/.test(value)) return `the header ${name} holds a line break`;
  }
  return null;
}

function isUnknown(key: string, info: DriverInfo): boolean {
  return key.startsWith('http_') && textIn(info, key) === undefined;
}

export function requestOf(info: DriverInfo, key: HttpRequestKey): (Request & Partial<StateRequest>) | undefined {
  const value = opened(info[key]);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Request & Partial<StateRequest>) : undefined; // refusal() checked it
}

export interface Rendered {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly pin: string | undefined;
}

export function renderRequest(one: Request, target: Target): Rendered {
  const { driverInfo } = target;
  const fill = (text: string, quote: (value: string) => string): string =>
    text.replaceAll(PLACEHOLDER, (_whole, key: string) => quote(textFor(key, target)));
  const plain = (text: string): string => fill(text, (value) => value);
  const isObject = typeof one.body === 'object';
  const user = textIn(driverInfo, 'http_username');
  const basic = `${user ?? ''}:${textIn(driverInfo, 'http_password') ?? ''}`;
  const headers = Object.fromEntries(
    Object.entries(one.headers ?? {}).map(([name, value]) => [name.toLowerCase(), plain(value).replaceAll(/[\r\n\0]/g, '')]),
  );
  return {
    url: new URL(fill(one.url, encodeURIComponent)),
    method: one.method ?? (one.body === undefined ? 'GET' : 'POST'),
    headers: {
      accept: 'application/json, */*;q=0.5',
      ...(user === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
      ...(isObject ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: typeof one.body === 'string' ? plain(one.body) : one.body === undefined ? undefined : JSON.stringify(deep(one.body, plain)),
    pin: textIn(driverInfo, 'http_fingerprint')?.replaceAll(':', '').toLowerCase(),
  };
}

function textFor(key: string, { driverInfo, uuid, name, macs }: Target): string {
  if (key === 'uuid') return uuid;
  if (key === 'name') return name ?? uuid;
  if (key === 'mac') return macs[0] ?? '';
  return textIn(driverInfo, key) ?? '';
}

function deep(value: unknown, fill: (text: string) => string): unknown {
  if (typeof value === 'string') return fill(value);
  if (Array.isArray(value)) return value.map((one) => deep(one, fill));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deep(one, fill)]));
}

/** What the answer says; undefined when it has no such place, or is no JSON. */
export function readingIn(answer: string, { pointer = '', on, off, above }: Partial<StateRequest>): PowerReading | undefined {
  const found = pointed(answer, pointer);
  if (found === undefined) return undefined;
  if (above !== undefined) return typeof found !== 'number' ? undefined : found > above ? 'power on' : 'power off';
  const isOneOf = (values: unknown): boolean => (Array.isArray(values) ? values.includes(found) : values !== undefined && values === found);
  if (isOneOf(on)) return 'power on';
  return isOneOf(off) ? 'power off' : null;
}

function pointed(answer: string, pointer: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(answer);
  } catch {
    return undefined; // no JSON: says nothing
  }
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key]; // by the test before
  }
  return value;
}
