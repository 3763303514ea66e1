import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH, nestingOf } from '../../../src/api/json-body.ts';
import { containing } from '../../support/containing.ts';
import { ADMIN, bodyOf, type Harness, openApi } from './harness.ts';

const JSON_TYPE = { ...ADMIN, 'content-type': 'application/json' };

function put({ app }: Harness, payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) {
  return app.inject({ method: 'PUT', url: '/api/enrolment', headers, payload });
}

describe('bad bodies', () => {
  const rows: readonly (readonly [what: string, payload: string | Buffer, status: number, code: string, detail: string])[] = [
    ['is not JSON', '{"mode":', 400, 'api.bad_json', 'not valid JSON'],
    ['is empty', '', 400, 'api.validation', 'body must be object'],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400, 'api.bad_utf8', 'not valid UTF-8'],
    ['is nested too deep', `${'['.repeat(26)}${']'.repeat(26)}`, 400, 'api.json_too_deep', 'deeper than 25'],
    ['is nested absurdly deep', '['.repeat(60_000), 400, 'api.json_too_deep', 'deeper than 25'],
    ['is too large', JSON.stringify({ mode: 'x'.repeat(70_000) }), 413, 'api.body_too_large', 'larger'],
    ['is a list', '[]', 400, 'api.validation', 'body must be object'],
    ['lacks a field', '{}', 400, 'api.validation', 'body.mode is missing'],
    ['has a wrong type', '{"mode":"open","minutes":"5"}', 400, 'api.validation', 'body.minutes must be integer'],
    [
      'has a value that does not exist',
      '{"mode":"ajar"}',
      400,
      'api.validation',
      'must be equal to one of the allowed values: open, closed',
    ],
    ['has a number out of range', '{"mode":"open","minutes":0}', 400, 'api.validation', 'body.minutes must be >= 1'],
    ['has an unknown field', '{"mode":"open","minute":5}', 400, 'api.validation', 'body has no field "minute"'],
    ['contradicts itself', '{"mode":"closed","minutes":5}', 400, 'api.validation', 'body.minutes goes with mode open only'],
    ['reaches for the prototype', '{"mode":"open","__proto__":{"x":1}}', 400, 'api.bad_json', 'not valid JSON'],
  ];

  it('are refused with what is wrong and where', async () => {
    const api = await openApi();
    for (const [what, payload, status, code, detail] of rows) {
      const response = await put(api, payload);
      expect.soft(response.headers['content-type'], what).toBe('application/problem+json; charset=utf-8');
      expect.soft(bodyOf(response), what).toMatchObject({ status, code, detail: containing(detail) });
      expect.soft(response.statusCode, what).toBe(status);
    }
  });

  it('suggest the near field', async () => {
    const response = await put(await openApi(), '{"mode":"open","minute":5}');
    expect(bodyOf(response)).toMatchObject({ hint: 'Did you mean minutes?', data: { field: 'body.minute' } });
  });

  it('are refused when they are something else than JSON', async () => {
    const response = await put(await openApi(), 'mode=open', { ...ADMIN, 'content-type': 'application/x-www-form-urlencoded' });
    expect(bodyOf(response)).toMatchObject({ status: 415, code: 'api.unsupported_media_type' });
  });

  it('are capped before they are read to the end', async () => {
    const { app } = await openApi();
    const response = await app.inject({
      method: 'POST',
      url: '/api/agent/inventory',
      headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
      payload: Buffer.alloc(3 * 1024 * 1024, 0x20),
    });
    expect(bodyOf(response)).toMatchObject({ status: 413, code: 'api.body_too_large' });
  });
});

describe('the nesting of JSON', () => {
  it('is what the parsed value shows, whatever the strings hold', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.string({ unit: 'binary' }), (value, text) => {
        const wrapped = { [text]: value, tricky: `"[{\\${text}` };
        expect(nestingOf(Buffer.from(JSON.stringify(wrapped)), MAX_JSON_DEPTH)).toBe(depthOf(wrapped));
      }),
    );
  });
});

describe('bad addresses and queries', () => {
  const rows = [
    ['/api/nodes?limt=5', 'api.validation', 'query has no field "limt"'],
    ['/api/nodes?limit=0', 'api.validation', 'query.limit must be >= 1'],
    ['/api/nodes?limit=99999', 'api.validation', 'query.limit must be <= 500'],
    ['/api/nodes?limit=5&limit=6', 'api.validation', 'query.limit must be integer'],
    ['/api/nodes?limit=many', 'api.validation', 'query.limit must be integer'],
    ['/api/nodes?sort=colour', 'api.validation', 'query.sort must be equal to one of'],
    ['/api/nodes?state=happy', 'api.validation', 'query.state "happy" is not a provision state'],
    ['/api/nodes?maintenance=maybe', 'api.validation', 'query.maintenance must be boolean'],
    ['/api/nodes?pageToken=!!!', 'api.bad_page_token', 'is not a page token of this API'],
    ['/api/nodes?__proto__=1', 'api.validation', 'query has no field'],
    ['/api/reasons', 'api.validation', 'query.subject is missing'],
    ['/api/reasons?subject=elephant', 'api.validation', 'neither mac: with a MAC nor node: with a UUID'],
    ['/api/tasks?state=lost', 'api.validation', 'query.state must be equal to one of'],
    ['/api/events?after=-1', 'api.validation', 'query.after must be >= 0'],
    ['/api/%ZZ', 'api.bad_url', 'percent escape'],
  ] as const;

  it('are refused with the field that is wrong', async () => {
    const { get } = await openApi();
    for (const [url, code, detail] of rows) {
      expect.soft(bodyOf(await get(url)), url).toMatchObject({ status: 400, code, detail: containing(detail) });
    }
  });

  it('a name longer than any name is not found, not an error', async () => {
    const { get } = await openApi();
    expect((await get(`/api/nodes/${'x'.repeat(300)}`)).statusCode).toBe(404);
  });

  it('a Last-Event-ID that is no sequence number is refused', async () => {
    const { get } = await openApi();
    for (const id of ['x', '-1', '1.5', '1e3', '99999999999999999999', '1 or 1', '\u0660']) {
      const response = await get('/api/events', { ...ADMIN, accept: 'text/event-stream', 'last-event-id': id });
      expect.soft(bodyOf(response), id).toMatchObject({ status: 400, code: 'api.bad_last_event_id' });
    }
  });

  it('no page token makes anything but a page or a refusal', async () => {
    const { get } = await openApi();
    const tokens = fc.oneof(
      fc.base64String({ maxLength: 60 }),
      fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(tokens, async (token) => {
        const response = await get(`/api/nodes?pageToken=${encodeURIComponent(token)}`);
        expect([200, 400]).toContain(response.statusCode);
      }),
      { numRuns: 100 },
    );
  });
});

describe('bugs', () => {
  const broken = () =>
    openApi({
      services: (real) => ({ ...real, enrolment: { ...real.enrolment, get: () => Promise.reject(new TypeError('secret internals')) } }),
    });

  it('are told by their request id only, logged with their stack, and counted', async () => {
    const api = await broken();
    const response = await api.get('/api/enrolment', { ...ADMIN, 'x-request-id': 'my-request-1' });
    expect(bodyOf(response)).toEqual({
      type: 'urn:rackseed:error:api.internal',
      title: 'Internal Server Error',
      status: 500,
      detail: 'an internal error; request my-request-1',
      instance: 'urn:rackseed:request:my-request-1',
      code: 'api.internal',
      hint: 'Look for my-request-1 in the log of the appliance, and report it.',
      retryable: false,
    });
    const line = api.logged.find((entry) => entry.level === 50);
    expect(line).toMatchObject({
      request: 'my-request-1',
      route: '/api/enrolment',
      err: { stack: containing('secret internals') },
    });
    expect((await api.get('/metrics')).body).toContain('rackseed_http_bugs_total 1');
  });
});
