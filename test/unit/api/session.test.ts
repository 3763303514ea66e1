// Signing in, cookies, CSRF, the set-up link, users and tokens over the API.

import { createHash } from 'node:crypto';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { ADMIN, bodyOf, type Harness, openApi } from './harness.ts';

const PASSWORD = 'correct horse';

async function open(options: Parameters<typeof openApi>[0] = {}) {
  const harness = await openApi(options);
  await harness.services.access.users.add('ada', 'operator', PASSWORD);
  return harness;
}

function signIn({ app }: Harness, password = PASSWORD, headers: Record<string, string> = {}, name = 'ada') {
  return app.inject({ method: 'POST', url: '/api/session', headers, payload: { name, password } });
}

/** The headers of a page after a sign-in. */
function pageOf(response: LightMyRequestResponse): { cookie: string; 'x-csrf-token': string } {
  const [pair = ''] = String(response.headers['set-cookie']).split(';');
  return { cookie: pair, 'x-csrf-token': String(bodyOf(response).csrfToken) };
}

describe('signing in', () => {
  it('gives a cookie that scripts and other sites cannot use, and a token against their requests', async () => {
    const harness = await open();
    const response = await signIn(harness);
    expect(response.statusCode).toBe(201);
    expect(response.headers['set-cookie']).toMatch(/^rackseed=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/);
    expect(bodyOf(response)).toMatchObject({ name: 'ada', role: 'operator' });
    const who = await harness.get('/api/session', pageOf(response));
    expect(bodyOf(who)).toMatchObject({ name: 'ada', by: 'session', csrfToken: pageOf(response)['x-csrf-token'] });
  });

  it('gives a __Host- cookie for HTTPS only where clients come by HTTPS', async () => {
    const response = await signIn(await open({ config: { publicUrl: 'https://seed.example' } }));
    expect(response.headers['set-cookie']).toMatch(/^__Host-rackseed=[\w-]{43}; Path=\/; .*; SameSite=Strict; Secure$/);
  });

  it('is refused for a wrong password, and slowed down after some', async () => {
    const harness = await open();
    const wrong = await signIn(harness, 'wrong');
    expect([wrong.statusCode, bodyOf(wrong).code, wrong.headers['set-cookie']]).toEqual([401, 'access.wrong_credentials', undefined]);
    for (let n = 0; n < 8; n += 1) await signIn(harness, 'wrong');
    const slow = await signIn(harness);
    expect([slow.statusCode, slow.headers['retry-after']]).toEqual([429, '1']);
    await harness.clock.advance(1000);
    expect((await signIn(harness)).statusCode).toBe(201);
  });

  it('is not for pages of other sites', async () => {
    const harness = await open();
    const response = await signIn(harness, PASSWORD, { 'sec-fetch-site': 'cross-site' });
    expect([response.statusCode, bodyOf(response).code]).toEqual([403, 'api.csrf']);
    expect((await signIn(harness, PASSWORD, { 'sec-fetch-site': 'same-origin' })).statusCode).toBe(201);
  });

  it('ends with signing out', async () => {
    const harness = await open();
    const page = pageOf(await signIn(harness));
    const out = await harness.app.inject({ method: 'DELETE', url: '/api/session', headers: page });
    expect([out.statusCode, out.headers['set-cookie']]).toEqual([204, 'rackseed=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict']);
    expect((await harness.get('/api/nodes', page)).statusCode).toBe(401);
  });

  it('with a new password ends the other sessions', async () => {
    const harness = await open();
    const [page, other] = [pageOf(await signIn(harness)), pageOf(await signIn(harness))];
    const put = (current: string) =>
      harness.app.inject({ method: 'PUT', url: '/api/session/password', headers: page, payload: { current, password: 'battery staple' } });
    expect((await put('wrong')).statusCode).toBe(401);
    const changed = await put(PASSWORD);
    expect(changed.statusCode).toBe(201);
    expect((await harness.get('/api/nodes', other)).statusCode).toBe(401);
    expect((await harness.get('/api/nodes', pageOf(changed))).statusCode).toBe(200);
    expect((await signIn(harness)).statusCode).toBe(401);
  });
});

describe('a cookie', () => {
  it('reads alone, and changes only with the token of its page, below /api and /v1', async () => {
    const harness = await open();
    const { cookie, ...token } = pageOf(await signIn(harness));
    const other = pageOf(await signIn(harness));
    const put = (headers: Record<string, string>) =>
      harness.app.inject({ method: 'PUT', url: '/api/enrolment', headers, payload: { mode: 'closed' } });
    expect((await harness.get('/api/nodes', { cookie })).statusCode).toBe(200);
    expect((await harness.get('/v1/nodes', { cookie })).statusCode).toBe(200);
    for (const headers of [{ cookie }, { cookie, 'x-csrf-token': 'x' }, { cookie, 'x-csrf-token': other['x-csrf-token'] }]) {
      const response = await put(headers);
      expect.soft([response.statusCode, bodyOf(response).code]).toEqual([403, 'api.csrf']);
    }
    expect((await put({ cookie, ...token })).statusCode).toBe(200);
    const node = await harness.app.inject({ method: 'DELETE', url: '/v1/nodes/x', headers: { cookie } });
    expect(node.statusCode).toBe(403);
  });

  it('counts for nothing where an Authorization header says who asks', async () => {
    const harness = await open();
    const page = pageOf(await signIn(harness));
    expect((await harness.get('/api/nodes', { ...page, authorization: 'Bearer wrong' })).statusCode).toBe(401);
    expect(bodyOf(await harness.get('/api/session', { ...page, authorization: 'Bearer reader-token' })).name).toBe('rita');
  });

  it.each([
    'rackseed=',
    'rackseed',
    '=',
    ';;;',
    `rackseed=${'x'.repeat(200)}`,
    'rackseed=a b',
    '__Host-rackseed=zzz',
    'other=1; rackseed=zzz',
  ])('is nobody’s when it is %j', async (cookie) => {
    const { get } = await open();
    expect((await get('/api/nodes', { cookie })).statusCode).toBe(401);
  });
});

describe('the set-up link', () => {
  it('makes the first administrator and signs in, once', async () => {
    const harness = await openApi();
    const link = await harness.app.inject({ method: 'POST', url: '/api/setup-link', headers: ADMIN });
    const url = String(bodyOf(link).url);
    expect(url).toMatch(/^http:\/\/localhost:80\/setup#[\w-]{32}$/);
    const payload = { token: url.split('#')[1], name: 'root', password: PASSWORD };
    const made = await harness.app.inject({ method: 'POST', url: '/api/setup', payload });
    expect(made.statusCode).toBe(201);
    expect(bodyOf(await harness.get('/api/session', pageOf(made)))).toMatchObject({ name: 'root', role: 'admin' });
    const again = await harness.app.inject({ method: 'POST', url: '/api/setup', payload });
    expect([again.statusCode, bodyOf(again).code]).toEqual([403, 'access.setup_link_invalid']);
    const renewed = await harness.app.inject({ method: 'POST', url: '/api/setup-link', headers: ADMIN });
    expect([renewed.statusCode, bodyOf(renewed).code]).toEqual([409, 'access.already_set_up']);
  });

  it('opens a page that runs nothing but its own script', async () => {
    const { app } = await openApi();
    const page = await app.inject('/setup');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(page.headers['content-security-policy']);
    for (const [tag, directive] of [
      ['script', 'script-src'],
      ['style', 'style-src'],
    ] as const) {
      const text = new RegExp(`<${tag}>([^]*)</${tag}>`).exec(page.body)?.[1] ?? '';
      const hash = createHash('sha256').update(text).digest('base64');
      expect.soft(policy).toContain(`${directive} 'sha256-${hash}'`);
    }
    expect(policy).toMatch(/^default-src 'none'.*frame-ancestors 'none'/);
  });

  it('cannot be guessed fast', async () => {
    const { app } = await openApi();
    const payload = { token: 'x', name: 'root', password: PASSWORD };
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) statuses.push((await app.inject({ method: 'POST', url: '/api/setup', payload })).statusCode);
    expect(statuses).toEqual([...Array<number>(10).fill(403), 429, 429]);
  });
});

describe('users and API tokens', () => {
  it('are kept by administrators', async () => {
    const { app, get } = await openApi();
    const send = (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
      app.inject({ method, url, headers: ADMIN, ...(payload === undefined ? {} : { payload }) });
    expect((await send('POST', '/api/users', { name: 'bob', role: 'reader', password: PASSWORD })).statusCode).toBe(201);
    const changed = await send('PATCH', '/api/users/bob', { role: 'member', disabled: true });
    expect(bodyOf(changed)).toMatchObject({ name: 'bob', role: 'member', disabled: true });
    const list = await get('/api/users');
    expect(list.body).not.toContain('argon2');
    expect((await send('PATCH', '/api/users/bob', {})).statusCode).toBe(400);
    expect((await send('POST', '/api/users', { name: 'x', role: 'reader', password: 'short' })).statusCode).toBe(400);
    expect((await send('DELETE', '/api/users/bob')).statusCode).toBe(204);
    expect((await get('/api/users/bob')).statusCode).toBe(404);
  });

  it('limit what their bearer may do', async () => {
    const harness = await open();
    const page = pageOf(await signIn(harness));
    const make = (payload: object) => harness.app.inject({ method: 'POST', url: '/api/tokens', headers: page, payload });
    expect((await make({ name: 'ci', role: 'admin' })).statusCode).toBe(403);
    const made = await make({ name: 'ci', role: 'operator', scopes: ['enrolment'], days: 1 });
    const headers = { authorization: `Bearer ${String(bodyOf(made).token)}` };
    expect((await harness.get('/api/enrolment', headers)).statusCode).toBe(200);
    const put = await harness.app.inject({ method: 'PUT', url: '/api/enrolment', headers, payload: { mode: 'closed' } });
    expect(put.statusCode).toBe(200);
    for (const url of ['/api/nodes', '/v1/nodes', '/api/tokens', '/metrics', '/no/such']) {
      expect.soft((await harness.get(url, headers)).statusCode, url).toBe(403);
    }
    await harness.clock.advance(86_400_000);
    expect((await harness.get('/api/enrolment', headers)).statusCode).toBe(401);
  });

  it.each([
    ['read', ['/api/nodes', '/v1/nodes', '/metrics'], ['/api/tokens']],
    ['metrics', ['/metrics', '/api/status'], ['/v1/nodes', '/api/nodes']],
    ['power', ['/v1/nodes'], ['/v1/ports', '/api/enrolment']],
    ['nodes', ['/v1/nodes', '/v1/ports', '/api/nodes'], ['/api/enrolment', '/api/tokens']],
    ['allocations', ['/v1/nodes'], ['/v1/ports', '/metrics']],
  ])('of the scope %s reach %j and not %j', async (scope, inside, outside) => {
    const harness = await openApi();
    const made = await harness.app.inject({
      method: 'POST',
      url: '/api/tokens',
      headers: ADMIN,
      payload: { name: 'x', role: 'reader', scopes: [scope] },
    });
    const headers = { authorization: `Bearer ${String(bodyOf(made).token)}` };
    for (const url of inside) expect.soft((await harness.get(url, headers)).statusCode, url).toBe(200);
    for (const url of outside) expect.soft((await harness.get(url, headers)).statusCode, url).toBe(403);
  });

  it('are not given to nobody, also where auth.mode is none', async () => {
    const { app } = await openApi({ config: { authMode: 'none' } });
    expect((await app.inject('/api/nodes')).statusCode).toBe(200);
    const payload = { name: 'x', role: 'reader' };
    expect((await app.inject({ method: 'POST', url: '/api/tokens', payload })).statusCode).toBe(401);
    for (const url of ['/api/users', '/api/tokens', '/api/audit']) expect.soft((await app.inject(url)).statusCode, url).toBe(401);
    expect((await app.inject({ url: '/api/users', headers: ADMIN })).statusCode).toBe(200);
  });
});

describe('the audit log', () => {
  it('has each change with who, what and how it ended, and nothing secret', async () => {
    const harness = await open();
    const page = pageOf(await signIn(harness));
    await signIn(harness, 'wrong-secret');
    await harness.app.inject({ method: 'PUT', url: '/api/enrolment?x=1', headers: page, payload: { mode: 'open', minutes: 5 } });
    await harness.app.inject({ method: 'PUT', url: '/api/enrolment', headers: { authorization: 'Bearer reader-token' }, payload: {} });
    await harness.app.inject({
      method: 'POST',
      url: '/api/users',
      headers: ADMIN,
      payload: { name: 'x', role: 'reader', password: 'my-secret-word' },
    });
    await harness.app.inject({ method: 'PUT', url: '/api/enrolment' }); // a stranger
    await harness.get('/api/nodes');
    const body = bodyOf(await harness.get('/api/audit'));
    const rows = Array.isArray(body.rows)
      ? body.rows.map((row: Record<string, unknown>) => [row.actor, row.method, row.path, row.status])
      : [];
    expect(rows).toEqual([
      ['ada', 'POST', '/api/users', 201],
      ['rita', 'PUT', '/api/enrolment', 403],
      ['ada', 'PUT', '/api/enrolment', 200],
      ['ada', 'POST', '/api/session', 401],
      ['ada', 'POST', '/api/session', 201],
    ]);
    expect(JSON.stringify(body)).not.toMatch(/secret|correct horse/);
    expect(bodyOf(await harness.get('/api/audit/check'))).toMatchObject({ whole: true, rows: 5, headSeq: 5 });
  });

  it('goes page by page, and by who did it', async () => {
    const harness = await openApi();
    for (let n = 0; n < 5; n += 1)
      await harness.app.inject({ method: 'PUT', url: '/api/enrolment', headers: ADMIN, payload: { mode: 'closed' } });
    const first = bodyOf(await harness.get('/api/audit?limit=3'));
    const second = bodyOf(await harness.get(`/api/audit?limit=3&pageToken=${String(first.nextPageToken)}`));
    expect([first, second].map(({ rows }) => (Array.isArray(rows) ? rows.length : 0))).toEqual([3, 2]);
    expect(second.nextPageToken).toBeNull();
    expect(bodyOf(await harness.get('/api/audit?actor=eve')).rows).toEqual([]);
  });
});
